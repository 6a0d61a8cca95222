"""Row 32: somebody refunded $50.00 in Stripe's dashboard, so that our refund of all is refused and only
a person can end it. No dispute waits for that.
"""

import pytest

from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Dispute, Payment, Refund, RefundState, WebhookEvent
from payments.services import refunds
from staff.lists import LISTS
from tests.faults.test_money_taken_back import hear, refund
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.reconciling import ledger, open_rows, reconcile

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def payment(sandbox: Sandbox) -> Payment:
    """A settled payment of $120.00 by card."""
    return paying.pay(sandbox, make_invoice(total_cents=120_00))


@pytest.fixture
def elsewhere(payment: Payment) -> gateway.SentRefund:
    return gateway.create_refund(
        region=payment.region,
        reference="RF-ELSEWHERE",
        intent_id=str(payment.intent_id),
        amount_cents=50_00,
    )


@pytest.fixture
def stuck(payment: Payment, elsewhere: gateway.SentRefund) -> Refund:
    made = refund(payment, 120_00)
    made.refresh_from_db()
    assert made.state == RefundState.UNKNOWN
    return made


def its_key_dies(stuck: Refund) -> None:
    Refund.objects.filter(pk=stuck.pk).update(created_at=stuck.created_at - refunds.KEY_LIVES)


def test_row_32_told_of_while_ours_may_still_be_sent_it_is_shown_and_the_daily_comparison_books_it(
    sandbox: Sandbox, payment: Payment, elsewhere: gateway.SentRefund, stuck: Refund
) -> None:
    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)
    hear(sandbox, payment, minutes=7 * 60)
    told = WebhookEvent.objects.filter(type__startswith="charge.dispute.")
    assert set(told.values_list("outcome", flat=True)) == {"given_up"}
    assert set(LISTS["events"].rows()) >= set(told)
    reconcile(sandbox)
    assert ("movement", dispute["id"], None, -70_00) in open_rows()
    assert not Dispute.objects.exists()

    its_key_dies(stuck)
    reconcile(sandbox)

    booked = Dispute.objects.get()
    assert (booked.state, booked.amount_cents, booked.excess_cents) == ("lost", 70_00, 70_00)
    assert [row[1] for row in open_rows()] == [elsewhere.id]
    assert_no_cent_is_lost_or_doubled(sandbox, payment, elsewhere, stuck)


def test_row_32_told_of_later_it_is_booked_at_once(
    sandbox: Sandbox, payment: Payment, elsewhere: gateway.SentRefund, stuck: Refund
) -> None:
    its_key_dies(stuck)
    dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
    sandbox.bank.decide_dispute("ncal", dispute["id"], won=False)

    hear(sandbox, payment)

    told = WebhookEvent.objects.filter(type__startswith="charge.dispute.")
    assert set(told.values_list("outcome", flat=True)) == {"applied"}
    assert_no_cent_is_lost_or_doubled(sandbox, payment, elsewhere, stuck)


def assert_no_cent_is_lost_or_doubled(
    sandbox: Sandbox, payment: Payment, elsewhere: gateway.SentRefund, stuck: Refund
) -> None:
    """The bill is owed again, as a refund was promised, and what the bank took besides. The promise
    is kept in the books until it is known what became of it: here the other refund comes back.
    """
    stuck.refresh_from_db()
    account = BillingAccount.objects.get(pk=payment.account_id)
    assert stuck.state == RefundState.UNKNOWN
    assert (paying.owed(account), account.balance_cents) == (190_00, 0)
    assert (ledger("refunds"), ledger("disputes")) == (-120_00, 0)

    with pytest.raises(refunds.GoneOtherwise):
        refunds.ask_about(refund_id=stuck.pk)
    sandbox.bank.fail_refund("ncal", elsewhere.id)
    stuck = refunds.ask_about(refund_id=stuck.pk)

    account.refresh_from_db()
    assert stuck.state == RefundState.FAILED
    assert paying.owed(account) - account.balance_cents == 70_00  # what the payer has back
    paying.assert_invariants(sandbox)
