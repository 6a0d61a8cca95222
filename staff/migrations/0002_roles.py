"""What each staff role may do at the desk."""

from django.db import migrations

from accounts.roles import EVERY_ROLE, Role, let_view
from staff.models.desk import May
from staff.permissions import let_act

AGENT = [May.LOOK, May.REFUND, May.RECORD, May.USE_BALANCE, May.MOVE, May.MAIL]
SUPERVISOR = [*AGENT, May.APPROVE, May.CORRECT, May.RESOLVE]
AUDITOR = [May.LOOK, May.AUDIT]


def let_staff_act(apps, schema_editor):
    let_act(apps, acts=AGENT, role=Role.BILLING_AGENT)
    let_act(apps, acts=SUPERVISOR, role=Role.SUPERVISOR)
    let_act(apps, acts=AUDITOR, role=Role.AUDITOR)
    let_view(apps, app_label="staff", model_names=["refundrequest"], roles=EVERY_ROLE)
    let_view(apps, app_label="staff", model_names=["auditrecord", "auditblock"], roles=[Role.AUDITOR])


class Migration(migrations.Migration):
    dependencies = [
        ("accounts", "0003_staff_roles"),
        ("staff", "0001_audit_and_refund_requests"),
    ]

    operations = [migrations.RunPython(let_staff_act, migrations.RunPython.noop)]
