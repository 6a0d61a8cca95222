"""What the staff roles see of this app: accounts and bills all of them, the books those who check."""

from django.db import migrations

from accounts.roles import EVERY_ROLE, Role, let_view

BILLS = ["billingaccount", "invoice", "invoiceline"]
BOOKS = ["ledgeraccount", "journalentry", "journalline", "ledgerblock"]


def let_staff_look(apps, schema_editor):
    let_view(apps, app_label="billing", model_names=BILLS, roles=EVERY_ROLE)
    let_view(apps, app_label="billing", model_names=BOOKS, roles=[Role.SUPERVISOR, Role.AUDITOR])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
        ("billing", "0002_chart_of_accounts"),
    ]

    operations = [migrations.RunPython(let_staff_look, migrations.RunPython.noop)]
