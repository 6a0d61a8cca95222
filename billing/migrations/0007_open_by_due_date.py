"""Reminders look for open bills by their due date, in all accounts."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_found_by_staff"),
        ("billing", "0006_desk"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="invoice",
            index=models.Index(
                condition=models.Q(("open_cents__gt", 0)),
                fields=["due_on"],
                name="invoice_open_by_due_date",
            ),
        ),
    ]
