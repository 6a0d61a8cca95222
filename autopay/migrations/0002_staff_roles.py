"""Who sees autopay: every role; a run's decision is a supervisor's (autopay.services.breaker)."""

from django.db import migrations

from accounts.roles import EVERY_ROLE, let_view

SEEN = ["draft", "draftattempt", "enrollment", "enrollmentevent", "notice", "run"]


def let_staff_look(apps, schema_editor):
    let_view(apps, app_label="autopay", model_names=SEEN, roles=EVERY_ROLE)


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
        ("autopay", "0001_initial"),
    ]

    operations = [migrations.RunPython(let_staff_look, migrations.RunPython.noop)]
