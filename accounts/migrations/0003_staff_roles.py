"""The staff roles, and what they see of this app."""

from django.db import migrations

from accounts.roles import EVERY_ROLE, Role, let_view


def add_roles(apps, schema_editor):
    let_view(apps, app_label="accounts", model_names=["region", "member"], roles=EVERY_ROLE)
    let_view(apps, app_label="accounts", model_names=["user"], roles=[Role.SUPERVISOR, Role.AUDITOR])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0002_regions"),
        ("auth", "0012_alter_user_first_name_max_length"),
        ("contenttypes", "0002_remove_content_type_name"),
    ]

    operations = [migrations.RunPython(add_roles, migrations.RunPython.noop)]
