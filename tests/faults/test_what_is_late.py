"""Invariant I3: no payment stays unsettled longer than its bound without an alert, a place in a list of
staff, and a page that says so.
"""

import datetime as dt
from typing import Any

import pytest
from django.test import Client

from common.calendar import add_business_days
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import gateway
from payments.models import Payment, State
from payments.services import reconcile
from payments.services.lateness import late
from staff.lists import LISTS
from tests.support import paying, pdfs
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)
SILENT_BANK = "pm_usBankAccount_processing"


@pytest.fixture
def debit(sandbox: Sandbox) -> Payment:
    """Of $120.00 from a bank account, of which the bank says nothing."""
    payment = paying.pay(sandbox, make_invoice(total_cents=120_00), card=SILENT_BANK)
    assert payment.state == State.PROCESSING
    return payment


def on_day(day: dt.date) -> dt.datetime:
    """A moment at which it is this day in every region."""
    return dt.datetime.combine(day, dt.time(20), dt.UTC)


def alerts(caplog: pytest.LogCaptureFixture) -> list[str]:
    said = [str(record.msg) for record in caplog.records]
    return [each for each in said if "payment.unsettled_over_bound" in each]


def expected_days_ago(payment: Payment, days: int) -> Payment:
    """Time has passed, as far as this payment is concerned."""
    today = business_date(payment.region.time_zone)
    Payment.objects.filter(pk=payment.pk).update(expected_on=today - dt.timedelta(days=days))
    payment.refresh_from_db()
    return payment


def test_a_bank_debit_is_late_from_the_third_banking_day_after_the_expected_one(
    sandbox: Sandbox, debit: Payment, caplog: pytest.LogCaptureFixture
) -> None:
    assert debit.expected_on is not None
    last = add_business_days(debit.expected_on, 2)
    first_late = last + dt.timedelta(days=1)  # a Saturday, too
    assert not late(on_day(last)).exists()
    assert list(late(on_day(first_late))) == [debit]

    reconcile.reconcile_unsettled(at=on_day(last))
    assert alerts(caplog) == []
    reconcile.reconcile_unsettled(at=on_day(first_late))

    (said,) = alerts(caplog)
    assert debit.reference in said
    debit.refresh_from_db()
    assert debit.state == State.PROCESSING
    paying.assert_invariants(sandbox, at=on_day(first_late))


@pytest.mark.parametrize(
    ("how", "found"),
    [
        ({"next_check_at": None}, "is never asked about"),
        ({"next_check_at": paying.later(days=1)}, "waits too long"),
        ({"expected_on": None}, "has no bound"),
        ({"expected_on": dt.date(2026, 1, 5)}, "late, no alert"),
    ],
)
def test_the_invariant_finds_what_was_forgotten(debit: Payment, how: Any, found: str) -> None:
    paying.assert_nobody_is_forgotten()
    Payment.objects.filter(pk=debit.pk).update(**how)
    with pytest.raises(AssertionError, match=found):
        paying.assert_nobody_is_forgotten()


def test_the_day_is_that_of_the_payments_region(debit: Payment) -> None:
    assert debit.expected_on is not None
    day = add_business_days(debit.expected_on, 2) + dt.timedelta(days=1)
    midnight = dt.datetime.combine(day, dt.time(), dt.UTC)  # the day before, in California
    assert not late(midnight).exists()
    assert late(midnight + dt.timedelta(hours=8)).exists()


def test_a_step_at_the_bank_that_cannot_be_ended_is_late_after_three_quarters_of_an_hour(
    sandbox: Sandbox, settings: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Our key does not work: nobody can cancel the intent, and the payment stays as it is."""
    payment = paying.pay(sandbox, make_invoice(), card="pm_card_threeDSecure2Required")
    settings.STRIPE_ACCOUNTS = {
        name: {**keys, "secret_key": "sk_test_rotated"}
        for name, keys in settings.STRIPE_ACCOUNTS.items()
    }
    gateway._client.cache_clear()

    reconcile.reconcile_unsettled(at=paying.later(minutes=44))
    assert alerts(caplog) == []
    reconcile.reconcile_unsettled(at=paying.later(minutes=80))

    assert len(alerts(caplog)) == 1
    payment.refresh_from_db()
    assert payment.state == State.REQUIRES_ACTION


def test_staff_find_what_is_late_in_a_list_until_it_ends(sandbox: Sandbox, debit: Payment) -> None:
    def listed() -> list[Payment]:
        return list(LISTS["unsettled"].rows())

    assert listed() == []
    expected_days_ago(debit, 14)
    assert listed() == [debit]
    Payment.objects.filter(pk=debit.pk).update(review_reason="amount 1 instead of 2")
    assert listed() == []  # staff see it among those to look at
    assert list(LISTS["review"].rows()) == [debit]
    Payment.objects.filter(pk=debit.pk).update(review_reason="")

    sandbox.bank.settle("ncal", str(debit.intent_id))
    reconcile.reconcile_unsettled(at=paying.later(hours=7))
    assert listed() == []


class TestThePagesSayWhatIsTrue:
    def test_of_a_payment(self, client: Client, debit: Payment) -> None:
        client.force_login(debit.account.guarantor.user)
        url = f"/payments/{debit.reference}/"
        assert "We expect the money by" in words(client.get(url))
        assert "Expected by" in pdfs.text(client.get(f"{url}confirmation.pdf").content)

        expected_days_ago(debit, 1)

        page = words(client.get(url))
        assert "We expect the money by" not in page
        assert "your bank has not told us yet what became of it" in page
        assert "Was expected by" in pdfs.text(client.get(f"{url}confirmation.pdf").content)

    def test_of_the_account_balance(self, client: Client, sandbox: Sandbox) -> None:
        account = make_account()
        added = paying.add_money(sandbox, account, 50_00, card=SILENT_BANK)
        client.force_login(account.guarantor.user)
        assert "expected by" in words(client.get("/balance/"))
        expected_days_ago(added, 1)
        page = words(client.get("/balance/"))
        assert "when we expected it" in page
        assert "expected by" not in page
