"""What one person may refund: not by parts of other payments, nor of other households, in a day."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund
from staff.models import RefundRequest
from staff.services import refund_requests
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of, confirm, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def user() -> User:
    return make_staff(Role.BILLING_AGENT)


@pytest.fixture
def agent(user: User) -> Client:
    return browser_of(user)


def paid(sandbox: Sandbox, account: BillingAccount | None = None) -> Payment:
    return paying.pay(sandbox, make_invoice(account or make_account(), 300_00))


def refund(client: Client, payment: Payment, amount: str) -> str:
    """What the page says that it will do; then it is done."""
    url = reverse("admin:desk_refund", args=[payment.reference])
    page, data = confirm(
        client, url, {"amount": amount, "destination": "balance", "reason": "Paid twice"}
    )
    client.post(url, data)
    return text_of(page)


def made_cents() -> int:
    return sum(Refund.objects.values_list("amount_cents", flat=True))


def test_parts_of_several_payments_of_a_household_are_one_refund(
    sandbox: Sandbox, agent: Client
) -> None:
    account = make_account()
    refund(agent, paid(sandbox, account), "200.00")
    second = paid(sandbox, account)
    said = refund(agent, second, "50.01")
    assert "With the $200.00 refunded of this household's payments in 24 hours this is above" in said
    assert (made_cents(), RefundRequest.objects.get().payment) == (200_00, second)
    refund(agent, paid(sandbox), "50.01")
    assert made_cents() == 250_01


def test_nor_by_a_colleagues_hand(sandbox: Sandbox, agent: Client) -> None:
    account = make_account()
    refund(agent, paid(sandbox, account), "200.00")
    said = refund(browser_of(make_staff(Role.SUPERVISOR)), paid(sandbox, account), "60.00")
    assert "nothing moves until another person approves" in said
    assert made_cents() == 200_00


def test_a_person_has_a_limit_for_the_day_over_all_households(
    sandbox: Sandbox, agent: Client, user: User, settings: Settings
) -> None:
    settings.STAFF_REFUND_DAY_LIMIT_CENTS = 450_00
    for _ in range(2):
        refund(agent, paid(sandbox), "200.00")
    said = refund(agent, paid(sandbox), "50.01")
    assert "With the $400.00 that you refunded in 24 hours this is above $450.00" in said
    assert made_cents() == 400_00
    # A colleague has their own; what two people made, and yesterday's, does not count.
    refund(browser_of(make_staff(Role.BILLING_AGENT)), paid(sandbox), "50.01")
    assert made_cents() == 450_01
    assert refund_requests.day_cents(user) == 400_00
    Refund.objects.filter(requested_by=user).update(created_at=now() - dt.timedelta(hours=25))
    assert refund_requests.day_cents(user) == 0


def test_the_whole_balance_counts_as_one(sandbox: Sandbox, agent: Client, settings: Settings) -> None:
    account = make_account()
    for _ in range(2):
        paying.add_money(sandbox, account, 130_00)
    url = reverse("admin:desk_refund_balance", args=[account.pk])
    refused = agent.post(url, {"reason": "Asked for it"})
    assert refused.status_code == 422
    settings.STAFF_REFUND_LIMIT_CENTS = 260_00
    act(agent, url, {"reason": "Asked for it"})
    assert made_cents() == 260_00


def test_a_second_request_at_the_same_moment_is_a_message_and_no_error(
    sandbox: Sandbox, user: User
) -> None:
    asked = {
        "payment": paid(sandbox),
        "amount_cents": 260_00,
        "destination": Refund.Destination.SOURCE,
        "reason": "Paid twice",
        "requested_by": user,
    }
    refund_requests.ask(**asked)
    with pytest.raises(refund_requests.AskedAlready):
        refund_requests.ask(**asked)
    assert RefundRequest.objects.count() == 1
