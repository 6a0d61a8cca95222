"""Rows 1 to 4: a process dies at the worst line. One charge, one receipt, books that hold."""

import signal
from pathlib import Path

import pytest

from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt, State
from payments.services import receipts, reconcile
from tests.support import child, paying
from tests.support.factories import make_invoice
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
