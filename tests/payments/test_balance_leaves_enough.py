"""The account balance leaves no bill with less than a card can pay."""

import pytest

from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments.services import balance
from tests.support import paying
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.mark.parametrize(
    ("owed_cents", "left_cents"),
    [
        (50_00, 0),  # all of it
        (50_01, 50),
        (50_49, 50),
        (50_50, 50),
        (60_00, 10_00),
    ],
)
def test_it_pays_less_of_a_bill_rather_than_strand_cents(
    sandbox: Sandbox, account: BillingAccount, owed_cents: int, left_cents: int
) -> None:
    paying.add_money(sandbox, account, 50_00)
    make_invoice(account, owed_cents)
    (payment,) = balance.apply_now(account=account)
    account.refresh_from_db()
    assert payment.amount_cents == owed_cents - left_cents
    assert paying.owed(account) == left_cents
    assert account.balance_cents == 50_00 - (owed_cents - left_cents)
    paying.assert_invariants(sandbox)


def test_where_that_leaves_nothing_to_pay_it_pays_nothing(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    paying.add_money(sandbox, account, 50)
    paying.pay_many(sandbox, {make_invoice(account, 30): 30}, from_balance_cents=30)
    make_invoice(account, 50)
    assert balance.apply_now(account=account) == []
    account.refresh_from_db()
    assert (account.balance_cents, paying.owed(account)) == (20, 50)
