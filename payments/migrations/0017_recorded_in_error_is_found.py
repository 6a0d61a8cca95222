from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0016_refunds_at_stripe_go_to_source"),
    ]

    operations = [
        migrations.AddIndex(
            model_name="refund",
            index=models.Index(
                condition=models.Q(("destination", "nowhere")),
                fields=["payment"],
                include=("amount_cents",),
                name="refund_in_error",
            ),
        ),
    ]
