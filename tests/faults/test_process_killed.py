"""Rows 1 to 4: a process dies at the worst line. One charge, one receipt, books that hold."""

import signal
from pathlib import Path

import pytest
from post_office.models import Email

from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentMethod, Receipt, Refund, RefundState, State
from payments.services import receipts, reconcile, refunds, setups
from tests.support import child, paying
from tests.support.factories import make_account, make_invoice
from tests.support.methods import object_at_stripe
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def killed_at(failpoint: str, sandbox: Sandbox, store: Path) -> Payment:
    """A payment whose process was killed at a failpoint, after the member pressed Pay."""
    payment = paying.confirm(paying.start_checkout(sandbox, make_invoice(total_cents=120_00)))
    assert child.run(store, "advance", payment.pk, failpoint=failpoint) == -signal.SIGKILL
    payment.refresh_from_db()
    assert not payment.has_outcome
    return payment


@pytest.fixture
def store(tmp_path: Path, sandbox: Sandbox) -> Path:
    """The file that the child's sandbox shares with the test's."""
    return tmp_path / "stripe.sqlite"


@pytest.mark.parametrize(
    ("row", "failpoint", "charged_when_killed"),
    [
        (1, "payments.before_create", 0),
        (2, "payments.after_create", 0),
        (2, "payments.before_confirm", 0),
        (3, "payments.after_confirm", 120_00),
        (3, "payments.settle_before_commit", 120_00),
    ],
)
def test_row_1_2_3_a_killed_payment_is_taken_up_again_within_five_minutes_and_charged_once(
    sandbox: Sandbox, store: Path, row: int, failpoint: str, charged_when_killed: int
) -> None:
    payment = killed_at(failpoint, sandbox, store)
    assert sum(charged(sandbox).values()) == charged_when_killed

    reconcile.reconcile_unsettled(at=paying.later(minutes=5))

    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    receipts.render_due(at=paying.later(minutes=5))
    assert Receipt.objects.get().mailed_at is not None
    paying.assert_invariants(sandbox)


def test_row_1_the_lease_of_a_dead_process_keeps_others_out_until_it_runs_out(
    sandbox: Sandbox, store: Path
) -> None:
    payment = killed_at("payments.after_create", sandbox, store)

    reconcile.reconcile_unsettled(at=paying.later(minutes=1, seconds=30))
    payment.refresh_from_db()
    assert payment.state == State.SUBMITTED

    reconcile.reconcile_unsettled(at=paying.later(minutes=4))
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_row_4_killed_after_the_commit_the_receipt_is_still_made_and_mailed_once(
    sandbox: Sandbox, store: Path
) -> None:
    payment = paying.confirm(paying.start_checkout(sandbox, make_invoice(total_cents=120_00)))
    assert child.run(store, "advance", payment.pk, failpoint="payments.after_settle") == -signal.SIGKILL
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert Receipt.objects.get().rendered_at is None

    assert receipts.render_due() == 1
    assert receipts.render_due() == 0

    assert Receipt.objects.get().mailed_at is not None
    paying.assert_invariants(sandbox)


def test_row_1_a_payment_found_hours_later_is_given_up_and_never_charged(
    sandbox: Sandbox, store: Path
) -> None:
    payment = killed_at("payments.before_create", sandbox, store)

    for hours in (3, 4):
        reconcile.reconcile_unsettled(at=paying.later(hours=hours))

    payment.refresh_from_db()
    assert payment.state == State.CANCELED
    assert charged(sandbox) == {}
    paying.assert_invariants(sandbox)


class TestARefund:
    """The twins of those rows: $50.00 of a payment of $120.00 go back, by a process that dies."""

    @pytest.fixture
    def payment(self, sandbox: Sandbox) -> Payment:
        return paying.pay(sandbox, make_invoice(total_cents=120_00))

    @staticmethod
    def refunded(sandbox: Sandbox) -> list[int]:
        return [sent.amount_cents for line in sandbox.charges() for sent in line.refunds]

    def test_row_1_killed_before_its_promise_was_committed_nothing_was_promised(
        self, sandbox: Sandbox, store: Path, payment: Payment
    ) -> None:
        killed = child.run(store, "refund", payment.pk, failpoint="payments.refund_before_commit")
        assert killed == -signal.SIGKILL

        refunds.reconcile_refunds(at=paying.later(minutes=5))

        payment.refresh_from_db()
        assert (Refund.objects.count(), payment.refunded_cents) == (0, 0)
        assert (payment.state, self.refunded(sandbox)) == (State.SUCCEEDED, [])
        paying.assert_invariants(sandbox)
        assert child.run(store, "refund", payment.pk) == 0  # it can be asked for again
        assert self.refunded(sandbox) == [50_00]
        paying.assert_invariants(sandbox)

    @pytest.mark.parametrize(
        ("row", "failpoint", "sent_when_killed"),
        [(1, "payments.before_refund", []), (3, "payments.after_refund", [50_00])],
    )
    def test_row_1_2_3_4_what_was_promised_is_sent_within_five_minutes_and_once(
        self,
        sandbox: Sandbox,
        store: Path,
        payment: Payment,
        row: int,
        failpoint: str,
        sent_when_killed: list[int],
    ) -> None:
        assert child.run(store, "refund", payment.pk, failpoint=failpoint) == -signal.SIGKILL
        made = Refund.objects.get()
        assert (made.state, made.refund_id) == (RefundState.CREATED, None)
        assert self.refunded(sandbox) == sent_when_killed
        mails = Email.objects.count()
        paying.assert_nobody_is_forgotten()

        refunds.reconcile_refunds(at=paying.later(minutes=2))  # the dead process has the lease
        made.refresh_from_db()
        assert made.state == RefundState.CREATED
        for minutes in (5, 10):
            refunds.reconcile_refunds(at=paying.later(minutes=minutes))

        made.refresh_from_db()
        assert made.state == RefundState.SUCCEEDED
        assert self.refunded(sandbox) == [50_00]
        assert Email.objects.count() == mails + 1
        paying.assert_invariants(sandbox)


class TestASetup:
    """A card is saved by a process that dies: no money moves, and what Stripe saved is shown."""

    def test_row_1_killed_before_stripe_was_asked_it_ends_and_its_owner_may_try_again(
        self, sandbox: Sandbox, store: Path
    ) -> None:
        account = make_account()
        killed = child.run(store, "save_card", account.pk, failpoint="payments.before_setup")
        assert killed == -signal.SIGKILL
        method = PaymentMethod.objects.get()
        assert (method.status, method.setup_id) == (PaymentMethod.Status.PENDING, None)

        for minutes in (3, 6):
            setups.reconcile_methods(at=paying.later(minutes=minutes))

        method.refresh_from_db()
        assert (method.status, method.next_check_at) == (PaymentMethod.Status.FAILED, None)
        assert child.run(store, "save_card", account.pk) == 0
        assert PaymentMethod.objects.filter(status=PaymentMethod.Status.ACTIVE).count() == 1
        paying.assert_invariants(sandbox)

    def test_row_2_3_killed_after_stripe_saved_it_it_is_found_and_shown_once(
        self, sandbox: Sandbox, store: Path
    ) -> None:
        account = make_account()
        killed = child.run(store, "save_card", account.pk, failpoint="payments.after_setup")
        assert killed == -signal.SIGKILL
        method = PaymentMethod.objects.get()
        assert method.status == PaymentMethod.Status.PENDING
        assert object_at_stripe(sandbox, method.setup_id)["status"] == "succeeded"

        for minutes in (3, 6):
            setups.reconcile_methods(at=paying.later(minutes=minutes))

        method.refresh_from_db()
        assert (method.status, method.next_check_at) == (PaymentMethod.Status.ACTIVE, None)
        assert object_at_stripe(sandbox, method.setup_id)["payment_method"] == method.method_id
        paying.assert_invariants(sandbox)
