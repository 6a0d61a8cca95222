from django.conf import settings
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0004_member_number_index"),
        ("billing", "0004_money_that_goes_back"),
        ("payments", "0005_methods_verified_later"),
        migrations.swappable_dependency(settings.AUTH_USER_MODEL),
    ]

    operations = [
        migrations.CreateModel(
            name="ReconciledDay",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("stripe_account", models.SlugField(max_length=20, verbose_name="Stripe account")),
                ("day", models.DateField(verbose_name="day")),
                ("finished_at", models.DateTimeField(auto_now=True, verbose_name="finished")),
                ("differences", models.PositiveIntegerField(verbose_name="open differences")),
            ],
            options={
                "verbose_name": "reconciled day",
                "verbose_name_plural": "reconciled days",
            },
        ),
        migrations.AddField(
            model_name="stripepayout",
            name="itemized",
            field=models.BooleanField(db_default=True, default=True, verbose_name="itemized"),
        ),
        migrations.AlterField(
            model_name="difference",
            name="kind",
            field=models.CharField(
                choices=[
                    ("unknown_charge", "Stripe has a charge that we lack"),
                    ("missing_charge", "We have a payment that Stripe lacks"),
                    ("unknown_refund", "Stripe has a refund that we lack"),
                    ("missing_refund", "We have a refund that Stripe lacks"),
                    ("amount", "The amounts differ"),
                    ("fee", "A fee differs from what was booked"),
                    ("payout", "A payout does not add up"),
                    ("movement", "A movement that nothing here explains"),
                    ("balance", "Stripe holds another balance than our books say"),
                ],
                max_length=20,
                verbose_name="kind",
            ),
        ),
        migrations.AddIndex(
            model_name="payment",
            index=models.Index(
                condition=models.Q(("settled_at__isnull", False)),
                fields=["settled_at"],
                name="payment_settled",
            ),
        ),
        migrations.AddIndex(
            model_name="stripetransaction",
            index=models.Index(fields=["source_id"], name="stripe_transaction_source"),
        ),
        migrations.AddConstraint(
            model_name="reconciledday",
            constraint=models.UniqueConstraint(
                fields=("stripe_account", "day"), name="day_reconciled_once"
            ),
        ),
    ]
