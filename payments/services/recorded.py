"""Money that came past Stripe: a check in the mail, cash at a counter. Staff record it."""

from collections.abc import Mapping

from django.db import transaction

from accounts.models import User
from billing.models import BillingAccount
from common.locks import lock_id
from payments import methods
from payments.models import Payment, PaymentEvent
from payments.services import settlement
from payments.services.opening import open_payment
from payments.services.recorded_balance import missing_cents


class NotRecorded(ValueError):
    """Neither a check nor cash."""


def is_recorded(*, account: BillingAccount, check_number: str, amount_cents: int) -> bool:
    """Whether a check of this number and amount was recorded for the account, and any of it stands.

    People type "0001042" for 1042, and "a7" for A7.
    """
    found = Payment.objects.filter(
        account=account,
        method_kind=methods.CHECK,
        amount_cents=amount_cents,
        settled_at__isnull=False,
    )
    number = _bare(check_number)
    return any(_bare(each.method_brand) == number and missing_cents(each) for each in found)


def _bare(check_number: str) -> str:
    return check_number.strip()[:40].lstrip("0").casefold()


@transaction.atomic
def record(
    *,
    account: BillingAccount,
    kind: str,
    amounts: Mapping[int, int],
    to_balance_cents: int,
    check_number: str,
    recorded_by: User,
) -> Payment:
    """Post a payment by check or cash: `amounts` in cents by invoice key, the rest to the balance.

    Settled at once: the money is here. Raises NotRecorded, and what open_payment raises (BillBusy,
    BillNotPayable, MixedBills); then nothing has changed.
    """
    if not methods.is_recorded(kind):
        raise NotRecorded(kind)
    account = lock_id(BillingAccount, account.pk)
    payment = open_payment(
        account=account,
        amounts=amounts,
        payer=Payment.Payer.STAFF,
        paid_by=recorded_by,
        via=PaymentEvent.Via.STAFF,
        to_balance_cents=to_balance_cents,
    )
    Payment.objects.filter(pk=payment.pk).update(
        method_kind=kind, method_brand=check_number[:40] if kind == methods.CHECK else ""
    )
    return settlement.settle_recorded(payment_id=payment.pk, via=PaymentEvent.Via.STAFF)
