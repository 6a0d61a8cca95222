import django.db.models.deletion
from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_member_number_index"),
        ("billing", "0005_account_number_as_typed"),
        ("payments", "0007_longer_block_codes"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReceiptLink",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("token_hash", models.CharField(max_length=64, unique=True)),
                ("created_at", models.DateTimeField(auto_now_add=True)),
                ("expires_at", models.DateTimeField(verbose_name="expires")),
                ("used_at", models.DateTimeField(null=True, verbose_name="used")),
            ],
            options={
                "verbose_name": "receipt link",
                "verbose_name_plural": "receipt links",
            },
        ),
        migrations.AddField(
            model_name="payment",
            name="guest_email",
            field=models.EmailField(
                blank=True, db_default="", default="", max_length=254, verbose_name="guest's e-mail"
            ),
        ),
        migrations.AddField(
            model_name="payment",
            name="guest_language",
            field=models.CharField(
                blank=True, db_default="", default="", max_length=2, verbose_name="guest's language"
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("payer", "guest")), fields=["created_at"], name="payment_by_guest"
            ),
        ),
        migrations.AddConstraint(
            model_name="payment",
            constraint=models.CheckConstraint(
                condition=models.Q(("guest_email", ""), ("payer", "guest"), _connector="OR"),
                name="payment_guest_email_is_a_guests",
            ),
        ),
        migrations.AddField(
            model_name="receiptlink",
            name="payment",
            field=models.ForeignKey(
                on_delete=django.db.models.deletion.PROTECT,
                related_name="receipt_links",
                to="payments.payment",
            ),
        ),
    ]
