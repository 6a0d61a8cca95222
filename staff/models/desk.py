"""What a staff role may do at the desk: permissions without a table behind them."""

from django.db import models


class May(models.TextChoices):
    """The permissions of the desk; `staff.<value>` asks for one."""

    LOOK = "look_at_members", "Can find members and open their page"
    REFUND = "refund_payments", "Can refund payments up to the limit"
    APPROVE = "approve_refunds", "Can approve refunds above the limit"
    RECORD = "record_payments", "Can record check and cash payments"
    USE_BALANCE = "use_balances", "Can apply and refund an account balance"
    MOVE = "move_payments", "Can move a payment to another bill"
    CORRECT = "correct_bills", "Can adjust, write off and cancel bills"
    RESOLVE = "resolve_payments", "Can resolve payments without an outcome"
    RELEASE = "release_autopay", "Can release held autopay runs"
    MAIL = "mail_again", "Can send a mail again"
    AUDIT = "search_audit", "Can search and export the audit log"

    @property
    def permission(self) -> str:
        return f"staff.{self.value}"


class Desk(models.Model):
    """Carries the permissions; there is no such table."""

    class Meta:
        managed = False
        default_permissions = ()
        permissions = [(act.value, act.label) for act in May]
