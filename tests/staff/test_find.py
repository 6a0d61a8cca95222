"""Everything by which somebody on the telephone is found, and that each look-up reads an index."""

from collections.abc import Callable

import pytest
from django.db import connection
from django.db.models import QuerySet

from accounts.models import Member
from bench.statements import watched, whole_tables
from billing.models import BillingAccount, Invoice
from demo.postgres import Cluster
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund
from payments.services import refunds
from staff import find
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member

pytestmark = pytest.mark.django_db


def found(text: str) -> list[tuple[str, str]]:
    return [(hit.account.account_number, hit.by) for hit in find.find(text).hits]


@pytest.fixture
def account() -> BillingAccount:
    member = make_member(
        first_name="Zora", last_name="Quillfeather", member_number="77-1234", email="zora@example.com"
    )
    return make_account(member, account_number="NC-900-1")


@pytest.mark.parametrize(
    "text",
    ["quill", "Zora", "zora quillf", "Quillfeather, Zo", " ZORA   QUILLFEATHER "],
)
def test_by_the_beginnings_of_a_name(account: BillingAccount, text: str) -> None:
    make_account(make_member(first_name="Ada", last_name="Okafor"))
    assert found(text) == [("NC-900-1", "name")]


@pytest.mark.parametrize(
    ("text", "by"),
    [
        ("771234", "member number"),
        ("77-1234", "member number"),
        ("nc 900 1", "account"),
        ("ZORA@example.com", "e-mail address"),
        ("zora@", "e-mail address"),
    ],
)
def test_by_numbers_and_address(account: BillingAccount, text: str, by: str) -> None:
    assert found(text) == [("NC-900-1", by)]


def test_by_bill_pay_code_payment_refund_and_last_four(
    sandbox: Sandbox, account: BillingAccount
) -> None:
    bill = make_invoice(account, number="B-4471")
    payment = paying.pay(sandbox, bill, 50_00)
    refund = refunds.request(
        payment=payment,
        amount_cents=1_00,
        destination=Refund.Destination.BALANCE,
        reason="",
        requested_by=None,
    )
    for text, by in {
        "b-4471": "bill",
        str(bill.pay_code): "pay code",
        str(bill.pay_code).replace("-", "").lower(): "pay code",
        payment.reference: "payment",
        payment.reference.lower().replace("-", " "): "payment",
        refund.reference: "refund",
        "4242": "last four of a card or bank account",
    }.items():
        assert found(text) == [("NC-900-1", by)], text


def test_a_patient_leads_to_whoever_pays(account: BillingAccount) -> None:
    child = make_member(first_name="Pim", last_name="Loxley", registered=False)
    make_invoice(account, patient=child)
    make_invoice(account, patient=child)
    assert found("Loxley") == [("NC-900-1", "name")]


@pytest.mark.parametrize("text", ["", "z", "%", "_uill", "nobody", "0000", "KP-BCDF-GHJK-MNPQ", "a@b"])
def test_what_nobody_is_called_finds_nobody(account: BillingAccount, text: str) -> None:
    assert found(text) == []


LOOK_UPS: dict[str, Callable[[], "QuerySet[object]"]] = {
    "a last name": lambda: find.members_by_name("Name12"),
    "two letters": lambda: find.members_by_name("fi"),
    "three words": lambda: find.members_by_name("first7 na me12"),
    "first and last name": lambda: find.members_by_name("First7 Name12"),
    "a last and a first name": lambda: find.members_by_name("Name12, First7"),
    "a member number": lambda: find.members_by_number("M777"),
    "an account": lambda: find.by_account("A777"),
    "a bill": lambda: find.by_bill("S-777"),
    "a pay code": lambda: find.by_pay_code("23456789BCDFG"),
    "a payment": lambda: find.by_payment("KP-2345-6789-BCDF"),
    "a refund": lambda: find.by_refund("RF-2345-6789-BCDF"),
    "last four": lambda: Payment.objects.filter(method_last4="0777").order_by("-created_at")[:51],
    "a patient's bills": lambda: Invoice.objects.filter(patient__in=[7]).values("account").distinct(),
    "a guarantor's account": lambda: BillingAccount.objects.filter(guarantor__in=[7]),
}

SEED = """
SET session_replication_role = replica;
INSERT INTO accounts_member (region_id, member_number, first_name, last_name, date_of_birth)
SELECT (SELECT min(id) FROM accounts_region), 'M' || n, 'First' || n % 500, 'Name' || n, '1980-01-01'
FROM generate_series(1, 20000) n;
INSERT INTO billing_billingaccount (region_id, account_number, guarantor_id, balance_cents, created_at)
SELECT region_id, 'A' || substr(member_number, 2), id, 0, now() FROM accounts_member;
INSERT INTO billing_invoice (account_id, patient_id, kind, number, pay_code, issued_on, due_on,
    service_from, service_to, provider, facility, total_cents, open_cents, reserved_cents,
    unexplained_cents, source, source_id, created_at)
SELECT a.id, a.guarantor_id, 'medical', 'S-' || a.id, 'P' || a.id, '2026-01-01', '2026-02-01',
    '2026-01-01', '2026-01-01', 'Clinic', '', 100, 100, 0, 0, 'seed', a.id::text, now()
FROM billing_billingaccount a;
INSERT INTO payments_payment (reference, region_id, account_id, payer, amount_cents, from_balance_cents,
    to_balance_cents, state, confirmation_token, method_kind, method_brand, method_last4, decline_code,
    review_reason, created_at, checks)
SELECT 'KP-' || id, region_id, id, 'member', 100, 0, 0, 'failed', '', 'card', 'visa',
    lpad((id %% 10000)::text, 4, '0'), '', '', now() - id * interval '1 second', 0
FROM billing_billingaccount;
INSERT INTO payments_refund (payment_id, reference, amount_cents, destination, reason, state,
    failure_code, created_at)
SELECT id, 'RF-' || id, 100, 'balance', '', 'failed', '', now() FROM payments_payment;
SET session_replication_role = origin;
ANALYZE accounts_member, billing_billingaccount, billing_invoice, payments_payment, payments_refund;
""".replace("%%", "%")


@pytest.mark.django_db(transaction=True)
def test_no_look_up_reads_a_whole_table(cluster: Cluster) -> None:
    """The planner's own choice at twenty thousand households; nothing is switched off."""
    with cluster.connect(connection.settings_dict["NAME"]) as superuser:
        superuser.execute(SEED)
        superuser.commit()
    assert Member.objects.count() == 20_000
    plans = {name: look_up().explain() for name, look_up in LOOK_UPS.items()}
    reading_all = {name: plan for name, plan in plans.items() if "Seq Scan" in plan}
    assert reading_all == {}
    assert "Seq Scan" in Member.objects.filter(first_name__contains="7").explain()
    with watched() as watch:
        assert find.find("A777").hits
    assert whole_tables(watch) == {}
    found = find.members_by_name("Name12, First12")
    assert Member.objects.get(member_number="M12").pk in set(found)
