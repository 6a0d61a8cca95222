"""Whose mails a member's page shows: the outbox has no index by recipient of its own."""

from django.db import migrations


class Migration(migrations.Migration):
    dependencies = [
        ("post_office", "0013_email_recipient_delivery_status_alter_log_status"),
        ("staff", "0002_roles"),
    ]

    operations = [
        migrations.RunSQL(
            'CREATE INDEX staff_mail_by_recipient ON post_office_email ("to", id)',
            "DROP INDEX staff_mail_by_recipient",
        )
    ]
