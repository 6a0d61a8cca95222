"""Held runs and draws that went wrong are few among many: staff find them by index."""

from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0007_found_by_staff"),
        ("autopay", "0004_announced_needs_its_day"),
        ("billing", "0008_lists_of_staff"),
        ("payments", "0014_lists_of_staff"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(
                condition=models.Q(
                    ("state", "failed"),
                    models.Q(("state", "held"), models.Q(("reason", "over_limit"), _negated=True)),
                    _connector="OR",
                ),
                fields=["-draw_on", "-id"],
                name="draft_for_staff",
            ),
        ),
        migrations.AddIndex(
            model_name="run",
            index=models.Index(
                condition=models.Q(("state", "held")), fields=["as_of"], name="run_held"
            ),
        ),
    ]
