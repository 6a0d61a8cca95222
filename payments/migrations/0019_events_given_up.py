"""An end for events that cannot be applied. The old code gives none up."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0018_what_banks_take_above"),
    ]

    operations = [
        migrations.AlterField(
            model_name="webhookevent",
            name="outcome",
            field=models.CharField(
                choices=[
                    ("pending", "Pending"),
                    ("applied", "Applied"),
                    ("ignored", "Ignored"),
                    ("orphan", "Unknown object"),
                    ("given_up", "Given up"),
                ],
                default="pending",
                max_length=10,
                verbose_name="outcome",
            ),
        ),
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("outcome", "given_up")),
                fields=["-received_at", "-id"],
                name="webhook_event_given_up",
            ),
        ),
    ]
