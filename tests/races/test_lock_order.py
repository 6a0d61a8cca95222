"""Money in the middle of moving keeps no bill from arriving, and nobody waits in a circle."""

import threading

import pytest
from django.db import connection, connections, transaction

from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from common.locks import lock_ids, lock_one
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bill_arrives_while_a_payment_of_its_account_is_being_settled() -> None:
    account = make_account()

    def arrive() -> None:
        with connection.cursor() as cursor:
            cursor.execute("SET lock_timeout = '200ms'")
        try:
            make_invoice(account)
        finally:
            connections.close_all()

    with transaction.atomic():
        lock_one(BillingAccount.objects.filter(pk=account.pk))
        thread = threading.Thread(target=arrive)
        thread.start()
        thread.join()

    assert account.invoices.count() == 1


def test_a_bill_is_canceled_while_a_payment_of_its_account_waits_for_it() -> None:
    """Canceling and settling lock in one order: the account, then the bill."""
    account = make_account()
    bill, other = make_invoice(account), make_invoice(account)
    holds_account, wants_bill = threading.Event(), threading.Event()
    failures: list[Exception] = []

    def settle() -> None:
        try:
            with transaction.atomic():
                lock_one(BillingAccount.objects.filter(pk=account.pk))
                holds_account.set()
                assert wants_bill.wait(5)
                lock_ids(Invoice, [bill.pk, other.pk])
        except Exception as error:  # noqa: BLE001  asserted below
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=settle)
    thread.start()
    assert holds_account.wait(5)
    wants_bill.set()
    bills.void(invoice=bill)
    thread.join()

    assert failures == []
    bill.refresh_from_db()
    assert bill.voided_at is not None
