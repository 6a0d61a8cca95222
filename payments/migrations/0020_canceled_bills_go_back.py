"""What became account balance when its bill was canceled, and went back to its source since."""

import django.db.models.expressions
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("billing", "0008_lists_of_staff"),
        ("payments", "0019_events_given_up"),
    ]

    operations = [
        migrations.RemoveConstraint(
            model_name="allocation",
            name="allocation_reversed_in_bounds",
        ),
        migrations.AddField(
            model_name="allocation",
            name="canceled_reversed_cents",
            field=models.BigIntegerField(db_default=0, default=0),
        ),
        migrations.AddConstraint(
            model_name="allocation",
            constraint=models.CheckConstraint(
                condition=models.Q(
                    ("reversed_cents__gte", 0),
                    ("canceled_reversed_cents__gte", 0),
                    ("moved_cents__gte", 0),
                    (
                        "amount_cents__gte",
                        django.db.models.expressions.CombinedExpression(
                            django.db.models.expressions.CombinedExpression(
                                models.F("reversed_cents"), "+", models.F("canceled_reversed_cents")
                            ),
                            "+",
                            models.F("moved_cents"),
                        ),
                    ),
                ),
                name="allocation_reversed_in_bounds",
            ),
        ),
    ]
