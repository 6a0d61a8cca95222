"""Whoever may adjust a bill may cancel it: the permission says so, under the key that it has."""

from django.db import migrations

from staff.models.desk import May


def say_so(apps, schema_editor):
    apps.get_model("auth", "Permission").objects.filter(
        content_type__app_label="staff", codename=May.CORRECT.value
    ).update(name=May.CORRECT.label)


class Migration(migrations.Migration):
    dependencies = [("staff", "0005_recorded_in_error")]

    operations = [migrations.RunPython(say_so, migrations.RunPython.noop)]
