"""A guest's conversation knows whether its mailed link was used, and is found by its address."""

from django.db import migrations, models
from django.db.models.functions import Upper


class Migration(migrations.Migration):
    dependencies = [("support", "0003_staff_rights")]

    operations = [
        migrations.AddField(
            model_name="conversation",
            name="guest_epoch",
            field=models.PositiveSmallIntegerField(default=0),
        ),
        migrations.AddIndex(
            model_name="conversation",
            index=models.Index(
                Upper("guest_email"),
                name="conversation_of_guest",
                condition=models.Q(user__isnull=True),
            ),
        ),
    ]
