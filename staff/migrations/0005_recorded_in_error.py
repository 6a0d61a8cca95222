"""Taking back what was recorded in error may wait for a second person, too."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("staff", "0004_held_runs"),
    ]

    operations = [
        migrations.AlterField(
            model_name="refundrequest",
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
