"""When a region answers the telephone is said in Spanish too. Staff may correct the words."""

from django.db import migrations, models

WORDS = {
    "24 hours a day, 7 days a week, except holidays": "las 24 horas, los 7 días de la semana, excepto días festivos",
    "Monday to Friday, 8 a.m. to 6 p.m.": "de lunes a viernes, de 8 a.m. a 6 p.m.",
    "Monday to Friday, 7 a.m. to 7 p.m.": "de lunes a viernes, de 7 a.m. a 7 p.m.",
    "Monday to Friday, 8 a.m. to 5 p.m.; Saturday, 8 a.m. to noon":
        "de lunes a viernes, de 8 a.m. a 5 p.m.; sábados, de 8 a.m. a mediodía",
    "Monday to Friday, 7:30 a.m. to 9 p.m.": "de lunes a viernes, de 7:30 a.m. a 9 p.m.",
    "Monday to Friday, 8 a.m. to 5 p.m.": "de lunes a viernes, de 8 a.m. a 5 p.m.",
}  # fmt: skip


def translate_hours(apps, schema_editor):
    """Hours that staff have changed meanwhile stay in English until staff write the Spanish ones."""
    Region = apps.get_model("accounts", "Region")
    for hours, hours_es in WORDS.items():
        Region.objects.filter(hours=hours).update(hours_es=hours_es)


class Migration(migrations.Migration):
    dependencies = [("accounts", "0004_member_number_index")]

    operations = [
        migrations.AddField(
            "region",
            "hours_es",
            models.CharField(
                blank=True, db_default="", default="", max_length=120, verbose_name="hours in Spanish"
            ),
        ),
        migrations.RunPython(translate_hours, migrations.RunPython.noop),
    ]
