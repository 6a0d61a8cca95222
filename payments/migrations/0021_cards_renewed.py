"""When a card got another expiration date: what it was refused for before may be over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0020_canceled_bills_go_back"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentmethod",
            name="renewed_at",
            field=models.DateTimeField(null=True, verbose_name="renewed"),
        ),
    ]
