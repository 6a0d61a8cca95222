from django.db import migrations

CHART = {
    "receivable": "asset",
    "account_balance": "liability",
    "processor_clearing": "asset",
    "bank": "asset",
    "processor_fees": "expense",
    "billed_revenue": "income",
    "write_offs": "expense",
    "refunds": "liability",
    "disputes": "asset",
}


def seed(apps, schema_editor):
    LedgerAccount = apps.get_model("billing", "LedgerAccount")
    for code, nature in CHART.items():
        LedgerAccount.objects.update_or_create(code=code, defaults={"nature": nature})


class Migration(migrations.Migration):
    dependencies = [("billing", "0001_initial")]

    operations = [migrations.RunPython(seed, migrations.RunPython.noop)]
