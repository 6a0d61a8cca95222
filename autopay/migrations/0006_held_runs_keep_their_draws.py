"""A draft keeps the run that holds it; a stop ends no pause; why a method is not tried."""

import django.db.models.deletion
import pgtrigger.compiler
import pgtrigger.migrations
from django.db import migrations, models


class Migration(migrations.Migration):
    dependencies = [
        ("autopay", "0005_lists_of_staff"),
    ]

    operations = [
        pgtrigger.migrations.RemoveTrigger(
            model_name="enrollment",
            name="enrollment_state_moves",
        ),
        migrations.AddField(
            model_name="draft",
            name="held_by",
            field=models.ForeignKey(
                db_index=False,
                null=True,
                on_delete=django.db.models.deletion.PROTECT,
                related_name="drafts",
                to="autopay.run",
            ),
        ),
        migrations.AlterField(
            model_name="draft",
            name="reason",
            field=models.CharField(
                blank=True,
                choices=[
                    ("over_limit", "The bill is above the limit for one draw"),
                    ("notice_bounced", "The notice could not be delivered"),
                    ("no_address", "There is no e-mail address for the notice"),
                    ("not_taken", "Our payment service did not take the request"),
                    ("no_tries_left", "It was tried as often as the rules allow"),
                    ("method_refused", "The bank refused this payment method for the bill"),
                    ("by_member", "Skipped by the member"),
                    ("paid", "The bill was paid before"),
                    ("nothing_owed", "Nothing is owed on the bill"),
                    ("too_small", "Less is owed than can be charged"),
                    ("enrollment", "Autopay was canceled"),
                    ("run", "The day's draws were canceled by us"),
                ],
                default="",
                max_length=20,
                verbose_name="reason",
            ),
        ),
        migrations.AlterField(
            model_name="enrollmentevent",
            name="kind",
            field=models.CharField(
                choices=[
                    ("enrolled", "Enrolled"),
                    ("method", "Payment method changed"),
                    ("schedule", "Day changed"),
                    ("limit", "Limit changed"),
                    ("paused", "Paused"),
                    ("resumed", "Resumed"),
                    ("skipped", "Draw skipped"),
                    ("unskipped", "Draw taken up again"),
                    ("stopped", "Stopped"),
                    ("canceled", "Canceled"),
                    ("expiry", "Told that the card expires"),
                    ("renewed", "Card renewed"),
                ],
                max_length=10,
                verbose_name="what",
            ),
        ),
        migrations.AddIndex(
            model_name="draft",
            index=models.Index(
                condition=models.Q(("held_by__isnull", False)),
                fields=["held_by"],
                name="draft_withheld",
            ),
        ),
        pgtrigger.migrations.AddTrigger(
            model_name="enrollment",
            trigger=pgtrigger.compiler.Trigger(
                name="enrollment_state_moves",
                sql=pgtrigger.compiler.UpsertTriggerSql(
                    declare="DECLARE _is_valid_transition BOOLEAN;",
                    func='SELECT CONCAT(OLD."state", \':\', NEW."state") = ANY(\'{active:paused,active:stopped,active:canceled,paused:active,paused:stopped,paused:canceled,stopped:active,stopped:paused,stopped:canceled}\'::text[]) INTO _is_valid_transition; IF (_is_valid_transition IS FALSE AND OLD."state" IS DISTINCT FROM NEW."state") THEN RAISE EXCEPTION \'pgtrigger: Invalid transition of field "state" from "%" to "%" on table %\', OLD."state", NEW."state", TG_TABLE_NAME; ELSE RETURN NEW; END IF;',
                    hash="229877ae15f7a9a97b1220e096af4c4885460644",
                    operation="UPDATE",
                    pgid="pgtrigger_enrollment_state_moves_e52a6",
                    table="autopay_enrollment",
                    when="BEFORE",
                ),
            ),
        ),
    ]
