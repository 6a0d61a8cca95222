from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0009_staff_see_reconciliation"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="webhookevent",
            index=models.Index(
                condition=models.Q(("type", "payment_intent.payment_failed")),
                fields=["object_id"],
                name="webhook_event_refusals",
            ),
        ),
    ]
