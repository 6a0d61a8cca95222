"""When a card got another expiration date: what it was refused for before may be over."""

from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0017_recorded_in_error_is_found"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentmethod",
            name="renewed_at",
            field=models.DateTimeField(null=True, verbose_name="renewed"),
        ),
    ]
