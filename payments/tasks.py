"""What workers are woken for. Each task finds its work in the database and may run twice."""

from contextlib import suppress

from celery import shared_task

from common.batches import for_each
from common.clock import now
from payments.gateway import GatewayError
from payments.services import balance, daily, receipts, reconcile, refunds, setups, webhooks


@shared_task
def reconcile_unsettled() -> None:
    """Ask about payments without an outcome whose next check is due."""
    reconcile.reconcile_unsettled()


@shared_task
def send_refund(refund_id: int) -> None:
    """Send one refund that was just promised."""
    refunds.advance(refund_id=refund_id)


@shared_task
def reconcile_refunds() -> None:
    """Send refunds that nobody was woken for; ask about those on their way."""
    refunds.reconcile_refunds()


@shared_task
def forget_method(method_pk: int) -> None:
    """Make Stripe forget one method that its owner just removed."""
    with suppress(GatewayError):  # the sweep repeats it
        setups.forget(method_pk=method_pk)


@shared_task
def reconcile_methods() -> None:
    """Ask about methods that are being set up; repeat what Stripe was not told."""
    setups.reconcile_methods()


@shared_task
def apply_balances() -> None:
    """Pay bills from account balances whose owners want that."""
    for_each(
        balance.accounts_to_apply(),
        lambda account: bool(balance.apply_automatically(account=account)),
        failing="account balances that could not pay",
    )


@shared_task
def process_webhook(event_id: int) -> None:
    """Process one event that has just arrived."""
    webhooks.process(event_id=event_id)


@shared_task
def process_webhook_inbox() -> None:
    """Process events that nobody was woken for, or that had to wait."""
    webhooks.process_pending()


@shared_task
def render_receipt(receipt_id: int) -> None:
    """Render and mail one receipt that was just asked for."""
    receipts.render(receipt_id=receipt_id)


@shared_task
def render_due_receipts() -> None:
    """Render and mail receipts that nobody was woken for."""
    receipts.render_due()


@shared_task
def reconcile_days() -> None:
    """Wake a worker for each Stripe account that has a day to be reconciled."""
    for account in daily.configured_accounts():
        if daily.due_days(account, as_of=now()):
            reconcile_account.delay(account.name)


@shared_task
def reconcile_account(name: str) -> None:
    """Reconcile an account's days, oldest first. What fails is due again in an hour."""
    daily.catch_up(name, as_of=now())
