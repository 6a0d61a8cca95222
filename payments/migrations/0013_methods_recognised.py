import django.db.models.deletion
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("payments", "0012_desk"),
    ]

    operations = [
        migrations.AddField(
            model_name="paymentmethod",
            name="fingerprint",
            field=models.CharField(
                blank=True, db_default="", default="", editable=False, max_length=40
            ),
        ),
        migrations.AddField(
            model_name="paymentmethod",
            name="same_as",
            field=models.ForeignKey(
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="+",
                to="payments.paymentmethod",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.UniqueConstraint(
                condition=models.Q(("status", "active"), models.Q(("fingerprint", ""), _negated=True)),
                fields=("account", "kind", "fingerprint"),
                name="one_active_method_of_a_kind_and_number",
            ),
        ),
        migrations.AddConstraint(
            model_name="paymentmethod",
            constraint=models.CheckConstraint(
                condition=models.Q(("same_as__isnull", True), ("status", "removed"), _connector="OR"),
                name="method_same_as_another_is_put_away",
            ),
        ),
    ]
