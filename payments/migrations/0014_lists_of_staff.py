"""What staff look at each day is read from indexes: money in, disputes, open differences."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_found_by_staff"),
        ("billing", "0008_lists_of_staff"),
        ("payments", "0013_methods_recognised"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.RemoveIndex(
            model_name="payment",
            name="payment_settled",
        ),
        migrations.AddIndex(
            model_name="difference",
            index=models.Index(
                condition=models.Q(("resolved_at__isnull", True)),
                fields=["-found_on", "-id"],
                name="difference_open",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(("is_return", True)),
                fields=["-opened_at", "-id"],
                name="dispute_returned",
            ),
        ),
        migrations.AddIndex(
            model_name="dispute",
            index=models.Index(
                condition=models.Q(("is_return", False), ("state", "open")),
                fields=["-opened_at", "-id"],
                name="dispute_open",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("settled_at__isnull", False)),
                fields=["settled_at"],
                include=("amount_cents", "from_balance_cents"),
                name="payment_settled",
            ),
        ),
    ]
