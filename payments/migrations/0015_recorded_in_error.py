"""A check or cash that was recorded in error is taken back; the money goes nowhere."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0014_lists_of_staff"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refund",
            name="destination",
            field=models.CharField(
                choices=[
                    ("source", "Card or bank account"),
                    ("balance", "Account balance"),
                    ("nowhere", "Recorded in error"),
                ],
                max_length=10,
                verbose_name="to",
            ),
        ),
    ]
