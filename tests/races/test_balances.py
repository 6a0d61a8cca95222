"""Two at once over the same cents: PostgreSQL lets one through."""

import pytest

from billing.models import BillingAccount, Invoice
from billing.services import balance
from billing.services import invoices as bills
from demo.stripe.core import Sandbox
from tests.races.test_double_submission import at_once
from tests.support import paying
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def test_row_35_two_spends_of_80_from_a_balance_of_100_one_is_refused(sandbox: Sandbox) -> None:
    """Each has seen $100.00, and no lock keeps the other waiting: the CHECK decides."""
    account = make_account()
    paying.add_money(sandbox, account, 100_00)
    tabs = [BillingAccount.objects.get(pk=account.pk) for _ in range(2)]
    assert [tab.spendable_cents for tab in tabs] == [100_00, 100_00]

    outcomes = at_once(2, lambda tab: balance.hold(account=tabs[tab], amount_cents=80_00))

    assert sum(outcome is None for outcome in outcomes) == 1
    assert sum(isinstance(outcome, balance.NotEnough) for outcome in outcomes) == 1
    account.refresh_from_db()
    assert (account.balance_cents, account.held_cents, account.spendable_cents) == (
        100_00,
        80_00,
        20_00,
    )
    balance.release(account=account, amount_cents=80_00)  # its payment came to nothing
    paying.assert_invariants(sandbox)


def test_ten_reservations_of_30_on_a_bill_of_100_three_are_granted() -> None:
    invoice = make_invoice(total_cents=100_00)

    outcomes = at_once(
        10,
        lambda _: bills.reserve(invoice=Invoice.objects.get(pk=invoice.pk), amount_cents=30_00),
    )

    assert sum(outcome is None for outcome in outcomes) == 3
    assert sum(isinstance(outcome, bills.NotOwed) for outcome in outcomes) == 7
    invoice.refresh_from_db()
    assert invoice.reserved_cents == 90_00
