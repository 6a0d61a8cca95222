"""Two at once over the same cents: PostgreSQL lets one through."""

import pytest
from django.db import IntegrityError
from django.db.models import F

from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from tests.races.test_double_submission import at_once
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def test_row_35_two_spends_of_80_from_a_balance_of_100_one_is_refused() -> None:
    account = make_account()
    BillingAccount.objects.filter(pk=account.pk).update(balance_cents=100_00)

    outcomes = at_once(
        2,
        lambda _: BillingAccount.objects.filter(pk=account.pk).update(
            balance_cents=F("balance_cents") - 80_00
        ),
    )

    assert sum(outcome == 1 for outcome in outcomes) == 1
    assert sum(isinstance(outcome, IntegrityError) for outcome in outcomes) == 1
    account.refresh_from_db()
    assert account.balance_cents == 20_00


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
