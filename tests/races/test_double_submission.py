"""Rows 27 and 28: many clicks, many tabs, many processes at once. One charge."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.urls import reverse

from common.clock import now
from demo.stripe.core import Sandbox
from payments.exceptions import BillBusy, BillNotPayable
from payments.guest import paying as guest_paying
from payments.models import Payment, PaymentEvent, Receipt, State
from payments.services import attempts, reconcile, submission
from tests.support import paying
from tests.support.factories import make_account, make_invoice
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(count: int, act: Callable[[int], Any]) -> list[Any]:
    """Run `act` in that many threads, each with its own database connection, released together."""
    start = threading.Barrier(count)

    def run(index: int) -> Any:
        start.wait()
        try:
            return act(index)
        except Exception as error:  # noqa: BLE001  the caller counts them
            return error
        finally:
            connections.close_all()

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(run, range(count)))


def test_row_27_twenty_parallel_confirmations_of_one_checkout_charge_once(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)
    checkout = paying.start_checkout(sandbox, invoice)
    user = invoice.account.guarantor.user
    url = reverse("payments:review", args=[checkout.pk])

    def press(_: int) -> str:
        client = Client()
        client.force_login(user)
        return client.post(url, {"reviewed": checkout.method_key}).headers["Location"]

    pages = at_once(20, press)

    payment = Payment.objects.get()
    assert set(pages) == {reverse("payments:show", args=[payment.reference])}
    reconcile.reconcile_unsettled(at=paying.later(minutes=5))
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert charged(sandbox) == {payment.reference: 120_00}
    assert Receipt.objects.count() == 1
    paying.assert_invariants(sandbox)


def test_row_28_twenty_tabs_with_a_checkout_each_charge_the_bill_once(sandbox: Sandbox) -> None:
    invoice = make_invoice(total_cents=120_00)
    tabs = [paying.start_checkout(sandbox, invoice) for _ in range(20)]

    def press(index: int) -> Payment:
        payment = paying.confirm(tabs[index])
        return submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)

    outcomes = at_once(20, press)

    paid = [outcome for outcome in outcomes if isinstance(outcome, Payment)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, BillBusy | BillNotPayable)]
    assert (len(paid), len(refused)) == (1, 19), outcomes
    assert charged(sandbox) == {paid[0].reference: 120_00}
    paying.assert_invariants(sandbox)


def test_one_payment_driven_by_ten_processes_at_once_charges_once(sandbox: Sandbox) -> None:
    payment = paying.confirm(paying.start_checkout(sandbox, make_invoice(total_cents=120_00)))

    at_once(
        10,
        lambda index: submission.advance(
            payment_id=payment.pk,
            via=PaymentEvent.Via.RECONCILER if index % 2 else PaymentEvent.Via.BROWSER,
        ),
    )

    reconcile.reconcile_unsettled(at=paying.later(minutes=5))
    payment.refresh_from_db()
    assert payment.state == State.SUCCEEDED
    assert paying.states(payment) == ["created", "submitted", "succeeded"]
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_row_27_the_back_button_and_a_second_submission_show_the_same_result(
    sandbox: Sandbox,
) -> None:
    invoice = make_invoice(total_cents=120_00)
    checkout = paying.start_checkout(sandbox, invoice)
    client = Client()
    client.force_login(invoice.account.guarantor.user)
    review = reverse("payments:review", args=[checkout.pk])

    first = client.post(review, {"reviewed": checkout.method_key})
    again = client.post(review, {"reviewed": checkout.method_key})
    back_to_review = client.get(review)
    back_to_method = client.get(reverse("payments:method", args=[checkout.pk]))

    payment = Payment.objects.get()
    result = reverse("payments:show", args=[payment.reference])
    assert {r.headers["Location"] for r in (first, again, back_to_review, back_to_method)} == {result}
    assert charged(sandbox) == {payment.reference: 120_00}
    paying.assert_invariants(sandbox)


def test_two_tabs_of_a_guest_do_not_share_the_last_attempt_of_the_day(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both count before either has a payment, unless the account's lock makes them take turns."""
    monkeypatch.setattr(attempts, "MOST_BY_GUESTS", attempts.MOST_ON_AN_INTENT)
    account = make_account()
    tabs = [paying.start_checkout(sandbox, make_invoice(account, 20_00)) for _ in range(6)]

    def press(index: int) -> Payment:
        tab = tabs[index]
        return guest_paying.confirm(checkout=tab, reviewed=tab.method_key, agreement=None, at=now())

    outcomes = at_once(6, press)

    opened = [outcome for outcome in outcomes if isinstance(outcome, Payment)]
    refused = [outcome for outcome in outcomes if isinstance(outcome, guest_paying.TooManyAttempts)]
    assert (len(opened), len(refused)) == (1, 5), outcomes
    assert Payment.objects.count() == 1
