"""How the plan is reached, and when the chat is answered. Staff correct it in the admin afterwards."""

from django.db import migrations

LINES = {"public_line": "866-278-9502", "employee_line": "800-731-4661", "tty": "711"}
ADDRESS = "Ordway Building\nKaiser Plaza\nOakland, CA 94612"

PROFILES = [
    ("Instagram", "@kpthrive", "https://www.instagram.com/kpthrive/"),
    ("Facebook", "Kaiser Permanente Thrive", "https://www.facebook.com/kpthrive/"),
    ("X (Twitter)", "@kpthrive", "https://x.com/kpthrive"),
    ("YouTube", "Kaiser Permanente Thrive", "https://www.youtube.com/kaiserpermanentethrive"),
    ("Pinterest", "Kaiser Permanente", "https://www.pinterest.com/kpthrive/"),
]

# As the regions' telephones: weekdays (Monday is 0), from and until, in minutes since midnight.
EVERY_DAY, WEEKDAYS = range(7), range(5)
HOURS = {
    "NCAL": [(EVERY_DAY, 0, 1440)],
    "SCAL": [(EVERY_DAY, 0, 1440)],
    "CO": [(WEEKDAYS, 8 * 60, 18 * 60)],
    "GA": [(WEEKDAYS, 7 * 60, 19 * 60)],
    "HI": [(WEEKDAYS, 8 * 60, 17 * 60), ([5], 8 * 60, 12 * 60)],
    "MAS": [(WEEKDAYS, 7 * 60 + 30, 21 * 60)],
    "NW": [(WEEKDAYS, 8 * 60, 18 * 60)],
    "WA": [(WEEKDAYS, 8 * 60, 17 * 60)],
}


def add_data(apps, schema_editor):
    Organisation = apps.get_model("support", "Organisation")
    SocialProfile = apps.get_model("support", "SocialProfile")
    DeskHours = apps.get_model("support", "DeskHours")
    Organisation.objects.get_or_create(pk=1, defaults={**LINES, "address": ADDRESS})
    for position, (network, name, url) in enumerate(PROFILES, start=1):
        SocialProfile.objects.get_or_create(
            network=network, defaults={"name": name, "url": url, "position": position}
        )
    for region in apps.get_model("accounts", "Region").objects.filter(code__in=HOURS):
        for weekdays, opens, closes in HOURS[region.code]:
            for weekday in weekdays:
                DeskHours.objects.get_or_create(
                    region=region, weekday=weekday, defaults={"opens": opens, "closes": closes}
                )


class Migration(migrations.Migration):
    dependencies = [("accounts", "0002_regions"), ("support", "0001_initial")]

    operations = [migrations.RunPython(add_data, migrations.RunPython.noop)]
