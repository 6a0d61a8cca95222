"""Money in the middle of moving keeps no bill from arriving, and nobody waits in a circle."""

import re
import threading

import pytest
from django.db import connection, connections, transaction
from django.test.utils import CaptureQueriesContext

from accounts.roles import Role
from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from common.locks import lock_ids, lock_one
from demo.stripe.core import Sandbox
from payments.models import Payment
from payments.services import moves, recorded
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_staff

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
                assert wants_bill.wait(60)
                lock_ids(Invoice, [bill.pk, other.pk])
        except Exception as error:  # noqa: BLE001  asserted below
            failures.append(error)
        finally:
            connections.close_all()

    thread = threading.Thread(target=settle)
    thread.start()
    assert holds_account.wait(60)
    wants_bill.set()
    bills.void(invoice=bill)
    thread.join()

    assert failures == []
    bill.refresh_from_db()
    assert bill.voided_at is not None


def test_a_check_is_recorded_under_the_lock_of_its_account_before_that_of_any_bill() -> None:
    account = make_account()
    bill = make_invoice(account, 30_00)
    clerk = make_staff(Role.SUPERVISOR)

    with CaptureQueriesContext(connection) as asked:
        recorded.record(
            account=account,
            kind="check",
            amounts={bill.pk: 30_00},
            to_balance_cents=0,
            check_number="1042",
            recorded_by=clerk,
        )

    locks = [query["sql"] for query in asked if "FOR NO KEY UPDATE" in query["sql"]]
    locked = [re.findall(r'FROM "?(\w+)', sql)[0] for sql in locks]
    assert locked[0] == "billing_billingaccount"
    assert "billing_invoice" in locked


def test_a_payment_is_locked_after_its_account_and_seen_as_it_is_then(sandbox: Sandbox) -> None:
    """One statement locks both. While it waits for the account, the payment is still anybody's."""
    payment = paying.confirm(paying.start_checkout(sandbox, make_invoice()))
    seen: list[Payment] = []

    def settle() -> None:
        try:
            with transaction.atomic():
                seen.append(moves.lock_payment(payment.pk))
        finally:
            connections.close_all()

    with transaction.atomic():
        lock_one(BillingAccount.objects.filter(pk=payment.account_id))
        thread = threading.Thread(target=settle)
        thread.start()
        wait_until_somebody_waits_for_a_row()
        Payment.objects.select_for_update(no_key=True, nowait=True).get(pk=payment.pk)
        BillingAccount.objects.filter(pk=payment.account_id).update(auto_apply_balance=True)
        Payment.objects.filter(pk=payment.pk).update(review_reason="seen under the lock")
    thread.join()

    assert seen[0].review_reason == "seen under the lock"
    assert seen[0].account.auto_apply_balance is True


def wait_until_somebody_waits_for_a_row() -> None:
    with connection.cursor() as cursor:
        waiting = 0
        while not waiting:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE NOT granted")
            (waiting,) = cursor.fetchone()
