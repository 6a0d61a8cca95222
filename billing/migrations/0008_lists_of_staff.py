"""Accounts that hold money, and what is owed by age, are read from indexes alone."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_found_by_staff"),
        ("billing", "0007_open_by_due_date"),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="invoice",
            name="invoice_open_by_due_date",
        ),
        migrations.AddIndex(
            model_name="billingaccount",
            index=models.Index(
                condition=models.Q(("balance_cents__gt", 0)),
                fields=["-balance_cents", "id"],
                name="account_with_balance",
            ),
        ),
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("open_cents__gt", 0)),
                fields=["due_on"],
                include=("open_cents",),
                name="invoice_open_by_due_date",
            ),
        ),
    ]
