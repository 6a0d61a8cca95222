"""Receipts are claimed by one renderer at a time, and mailed again on request within limits."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [("payments", "0001_initial")]

    operations = [
        migrations.AddField(
            model_name="receipt",
            name="claimed_until",
            field=models.DateTimeField(null=True),
        ),
        migrations.AddField(
            model_name="receipt",
            name="attempts",
            field=models.PositiveSmallIntegerField(default=0, db_default=0),
        ),
        migrations.AddField(
            model_name="receipt",
            name="resent_at",
            field=models.DateTimeField(null=True, verbose_name="mailed again"),
        ),
        migrations.AddField(
            model_name="receipt",
            name="resends",
            field=models.PositiveSmallIntegerField(default=0, db_default=0),
        ),
    ]
