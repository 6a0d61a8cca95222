"""What a bank takes above what was left at the source. The old code writes rows without an excess."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0017_recorded_in_error_is_found"),
    ]

    operations = [
        migrations.AddField(
            model_name="dispute",
            name="excess_cents",
            field=models.BigIntegerField(db_default=0, default=0, verbose_name="above what was left"),
        ),
        migrations.AddConstraint(
            model_name="dispute",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("excess_cents__gte", 0), ("excess_cents__lte", models.F("amount_cents"))
                ),
                name="dispute_excess_in_bounds",
            ),
        ),
    ]
