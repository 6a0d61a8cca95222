"""What a proof of cancellation says was sent is kept with the draw, and not worked out from clocks."""

from django.db import migrations, models

# Proofs of earlier cancellations say what they said: by the same comparison, made once.
KEPT = """
    UPDATE autopay_draft draft SET sent_at_cancel = true
    FROM autopay_enrollment enrollment, payments_payment payment
    WHERE enrollment.id = draft.enrollment_id AND payment.id = draft.payment_id
        AND enrollment.state = 'canceled' AND payment.created_at < enrollment.ended_at
        AND (payment.ended_at IS NULL OR payment.ended_at > enrollment.ended_at)
"""


class Migration(migrations.Migration):
    dependencies = [
        ("autopay", "0006_held_runs_keep_their_draws"),
    ]

    operations = [
        migrations.AddField(
            model_name="draft",
            name="sent_at_cancel",
            field=models.BooleanField(db_default=False, default=False),
        ),
        migrations.RunSQL(KEPT, migrations.RunSQL.noop),
    ]
