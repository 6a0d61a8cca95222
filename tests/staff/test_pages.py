"""The desk's pages: one household in few questions, every look recorded, lists, dashboard, audit."""

import csv
import datetime as dt
import io

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from accounts.roles import Role
from billing.models import BillingAccount, Invoice
from billing.services import invoices as bills
from common.clock import now
from demo.stripe.core import Sandbox
from payments.models import Difference
from staff import totals
from staff.lists import LISTS
from staff.models import Action, AuditRecord
from tests.support import paying
from tests.support.billing import make_many_invoices
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.staff import browser_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Zora", last_name="Quillfeather"))


@pytest.fixture
def agent() -> Client:
    return browser_of(make_staff(Role.BILLING_AGENT))


def page_of(account: BillingAccount) -> str:
    return reverse("admin:desk_account", args=[account.pk])


def questions(client: Client, url: str) -> int:
    """How many statements a page sends; a transaction's own frame is no question."""
    with CaptureQueriesContext(
        connection,
    ) as asked:
        assert client.get(url).status_code == 200
    frame = ("BEGIN", "COMMIT", "SAVEPOINT", "RELEASE")
    return len([each for each in asked.captured_queries if not each["sql"].startswith(frame)])


def test_one_household_takes_at_most_twelve_questions_however_much_there_is(
    sandbox: Sandbox, agent: Client, account: BillingAccount
) -> None:
    agent.get("/admin/")
    few = questions(agent, page_of(account))
    for _ in range(3):
        paying.pay(sandbox, make_invoice(account, 20_00))
    make_many_invoices(account, 200)
    many = questions(agent, page_of(account))
    assert few == many <= 12


def test_who_looks_is_in_the_log_before_the_page(agent: Client, account: BillingAccount) -> None:
    for name, key in (("account", account.pk),):
        agent.get(reverse(f"admin:desk_{name}", args=[key]), HTTP_USER_AGENT="Firefox")
    record = AuditRecord.objects.get(action=Action.LOOKED)
    assert (record.account, record.member) == (account, account.guarantor)
    assert (record.role, record.user_agent, record.ip_address) == (
        "Billing agent",
        "Firefox",
        "127.0.0.1",
    )
    assert len(record.request_id) == 36


def test_a_search_by_post_leads_to_the_one_that_it_finds(
    agent: Client, account: BillingAccount
) -> None:
    answer = agent.post(reverse("admin:desk_find"), {"q": "quill"})
    assert answer.url == page_of(account)
    make_account(make_member(last_name="Quillon"))
    assert "Quillon" in text_of(agent.post(reverse("admin:desk_find"), {"q": "quill"}))
    assert "Nobody was found" in text_of(agent.post(reverse("admin:desk_find"), {"q": "xyzzy"}))
    asked = AuditRecord.objects.filter(action=Action.SEARCHED).values_list("detail__asked", flat=True)
    assert sorted(asked) == ["quill", "quill", "xyzzy"]
    refused = agent.post(reverse("admin:desk_find"), {"q": "4242424242424242"})
    assert refused.status_code == 422
    assert AuditRecord.objects.filter(action=Action.SEARCHED).count() == 3


def test_a_payments_page_tells_what_happened(
    sandbox: Sandbox, agent: Client, account: BillingAccount
) -> None:
    payment = paying.pay(sandbox, make_invoice(account, 20_00))
    said = text_of(agent.get(reverse("admin:desk_payment", args=[payment.reference])))
    assert "Visa ending in 4242" in said
    assert "The money arrived" in said
    assert agent.get(reverse("admin:desk_payment", args=["KP-NONE"])).status_code == 404


def csv_of(client: Client, url: str, asked: dict[str, str] | None = None) -> list[list[str]]:
    answer = client.get(url) if asked is None else client.post(url, asked)
    text = b"".join(answer.streaming_content).decode("utf-8-sig")  # type: ignore[attr-defined]
    return list(csv.reader(io.StringIO(text)))


def test_lists_show_whom_they_concern_and_export_them(
    sandbox: Sandbox, agent: Client, account: BillingAccount
) -> None:
    paying.add_money(sandbox, account, 20_00)
    owing = make_account(make_member(first_name="Ada", last_name="Owing"))
    paying.add_money(sandbox, owing, 5_00)
    make_invoice(owing, 50_00)
    Difference.objects.create(
        stripe_account="ncal", kind="fee", object_id="txn_9", ours_cents=-5, found_on=now().date()
    )
    for name, expected in {
        "overpaid": [["Zora Quillfeather", "20.00"]],
        "unapplied": [["Ada Owing", "5.00"]],
        "returned": [],
        "disputed": [],
        "review": [],
        "mails": [],
    }.items():
        rows = csv_of(agent, reverse("admin:desk_list_csv", args=[name]))
        assert [row[1:3] for row in rows[1:]] == expected, name
    differences = csv_of(agent, reverse("admin:desk_list_csv", args=["differences"]))
    assert differences[1][:1] + differences[1][3:5] == ["txn_9", "(0.05)", ""]
    for name in LISTS:
        assert agent.get(reverse("admin:desk_list", args=[name])).status_code == 200
    assert agent.get(reverse("admin:desk_list", args=["nothing"])).status_code == 404


def test_the_dashboard_adds_up(sandbox: Sandbox, agent: Client, account: BillingAccount) -> None:
    paying.pay(sandbox, make_invoice(account, 20_00))
    bill = make_invoice(account, 50_00)
    canceled = make_invoice(account, 10_00)
    bills.void(invoice=canceled)
    said = text_of(agent.get("/admin/"))
    assert "Today $20.00 This month $20.00" in said
    late = (now().date() - bill.due_on).days
    ages = {age: cents for _list, age, _count, cents in totals.owed_by_age(on=bill.due_on)}
    assert ages["Not due yet"] == 50_00
    assert sum(ages.values()) == sum(Invoice.objects.values_list("open_cents", flat=True))
    assert late < 10_000


def test_each_number_of_the_dashboard_is_the_sum_of_the_list_that_it_leads_to(
    sandbox: Sandbox, agent: Client, account: BillingAccount
) -> None:
    today = now().date()
    for late, cents in {-5: 1_00, 0: 2_00, 1: 4_00, 30: 8_00, 31: 16_00, 90: 32_00, 91: 64_00}.items():
        make_invoice(account, cents, due_on=today - dt.timedelta(days=late))
    paying.add_money(sandbox, account, 20_00)
    paying.pay_many(sandbox, {make_invoice(account, 5_00): 5_00}, from_balance_cents=5_00)
    page = agent.get("/admin/").content.decode()
    owed = {name: cents for name, _words, _count, cents in totals.owed_by_age(on=today)}
    assert owed == {"not-due": 3_00, "late-30": 12_00, "late-90": 48_00, "late-older": 64_00}
    for name, cents in {**owed, "today": 20_00, "month": 20_00}.items():
        assert reverse("admin:desk_list", args=[name]) in page
        rows = csv_of(agent, reverse("admin:desk_list_csv", args=[name]))
        at = rows[0].index("Owed" if name in owed else "Amount")
        assert sum(int(row[at].replace(".", "")) for row in rows[1:]) == cents, name


class TestTheAuditLog:
    def test_an_auditor_finds_who_looked_and_takes_it_along(
        self, agent: Client, account: BillingAccount
    ) -> None:
        agent.get(page_of(account))
        auditor = browser_of(make_staff(Role.AUDITOR))
        url = reverse("admin:desk_audit")
        for asked in (
            {"account": account.account_number},
            {"member": account.guarantor.member_number, "action": "looked"},
            {"since": str(now().date())},
        ):
            assert "Opened a member's page" in text_of(auditor.post(url, asked))
        assert "Nothing matches" in text_of(auditor.post(url, {"reference": "no-such-thing"}))
        csv_url = reverse("admin:desk_audit_csv")
        rows = csv_of(auditor, csv_url, {"action": "looked"})
        # Nothing of whom somebody looks for is in an address.
        assert auditor.get(csv_url).status_code == 405
        assert "?" not in auditor.post(url, {"account": account.account_number}).text.split("<main")[-1]
        assert [row[7] for row in rows[1:]] == ["looked"]
        looks = AuditRecord.objects.filter(action=Action.AUDIT_READ).order_by("pk")
        expected = ["audit log"] * 4 + ["audit log as CSV", "audit log"]
        assert [look.reference for look in looks] == expected
        assert looks[0].detail == {"account": account.account_number}

    def test_nobody_else_reads_it(self) -> None:
        for role in (Role.BILLING_AGENT, Role.SUPERVISOR):
            for name in ("audit", "audit_csv"):
                answer = browser_of(make_staff(role)).post(reverse(f"admin:desk_{name}"))
                assert answer.status_code == 403
