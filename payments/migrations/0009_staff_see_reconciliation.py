"""Stripe's book and where it differs from ours: for those who check the books."""

from django.db import migrations

from accounts.roles import Role, let_view

RECONCILIATION = ["difference", "reconciledday", "stripepayout", "stripetransaction"]


def let_staff_look(apps, schema_editor):
    let_view(
        apps,
        app_label="payments",
        model_names=RECONCILIATION,
        roles=[Role.SUPERVISOR, Role.AUDITOR],
    )


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
        ("payments", "0008_guest_payments"),
    ]

    operations = [migrations.RunPython(let_staff_look, migrations.RunPython.noop)]
