"""The plan's eight regions. Staff may correct them in the admin; this only puts them in."""

from django.db import migrations

NATIONAL_PHONE = "800-464-4000"
MAILING_ADDRESS = "Ordway Building\nOne Kaiser Plaza\nOakland, CA 94612"
AROUND_THE_CLOCK = "24 hours a day, 7 days a week, except holidays"

# code, name, time zone, phone, hours, legal entity
REGIONS = [
    (
        "NCAL", "Northern California", "America/Los_Angeles", NATIONAL_PHONE, AROUND_THE_CLOCK,
        "Kaiser Foundation Health Plan, Inc., Northern California",
    ),
    (
        "SCAL", "Southern California", "America/Los_Angeles", NATIONAL_PHONE, AROUND_THE_CLOCK,
        "Kaiser Foundation Health Plan, Inc., Southern California",
    ),
    (
        "CO", "Colorado", "America/Denver", "800-632-9700",
        "Monday to Friday, 8 a.m. to 6 p.m.",
        "Kaiser Foundation Health Plan of Colorado",
    ),
    (
        "GA", "Georgia", "America/New_York", "888-865-5813",
        "Monday to Friday, 7 a.m. to 7 p.m.",
        "Kaiser Foundation Health Plan of Georgia, Inc.",
    ),
    (
        "HI", "Hawaii", "Pacific/Honolulu", "800-966-5955",
        "Monday to Friday, 8 a.m. to 5 p.m.; Saturday, 8 a.m. to noon",
        "Kaiser Foundation Health Plan, Inc., Hawaii",
    ),
    (
        "MAS", "Mid-Atlantic States", "America/New_York", "800-777-7902",
        "Monday to Friday, 7:30 a.m. to 9 p.m.",
        "Kaiser Foundation Health Plan of the Mid-Atlantic States, Inc.",
    ),
    (
        "NW", "Northwest", "America/Los_Angeles", "800-813-2000",
        "Monday to Friday, 8 a.m. to 6 p.m.",
        "Kaiser Foundation Health Plan of the Northwest",
    ),
    (
        "WA", "Washington", "America/Los_Angeles", "888-901-4636",
        "Monday to Friday, 8 a.m. to 5 p.m.",
        "Kaiser Foundation Health Plan of Washington",
    ),
]  # fmt: skip


def add_regions(apps, schema_editor):
    Region = apps.get_model("accounts", "Region")
    for position, (code, name, time_zone, phone, hours, legal_entity) in enumerate(REGIONS, start=1):
        Region.objects.get_or_create(
            code=code,
            defaults={
                "name": name,
                "time_zone": time_zone,
                "phone": phone,
                "tty": "711",
                "hours": hours,
                "mailing_address": MAILING_ADDRESS,
                "legal_entity": legal_entity,
                "stripe_account": code.lower(),
                "position": position,
            },
        )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0001_initial")]

    # A region that bills hang on stays; going back leaves all of them.
    operations = [migrations.RunPython(add_regions, migrations.RunPython.noop)]
