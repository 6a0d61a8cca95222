"""Supervisors release or cancel the autopay runs that the circuit breaker holds."""

from django.db import migrations, models

from accounts.roles import Role
from staff.models.audit import Action
from staff.models.desk import May
from staff.permissions import let_act


def let_supervisors_release(apps, schema_editor):
    let_act(apps, acts=[May.RELEASE], role=Role.SUPERVISOR)


class Migration(migrations.Migration):
    dependencies = [("staff", "0003_mail_by_recipient")]

    operations = [
        migrations.RunPython(let_supervisors_release, migrations.RunPython.noop),
        migrations.AlterField(
            model_name="auditrecord",
            name="action",
            field=models.CharField(choices=Action.choices, max_length=30, verbose_name="what"),
        ),
        migrations.AlterModelOptions(
            name="desk",
            options={
                "managed": False,
                "default_permissions": (),
                "permissions": [(act.value, act.label) for act in May],
            },
        ),
    ]
