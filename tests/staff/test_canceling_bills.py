"""A supervisor cancels a bill: nothing is owed, and what was paid becomes account balance, once."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from autopay.models import DraftState, Reason
from billing.models import BillingAccount, Invoice, JournalLine, LedgerCode
from billing.services import invoices as bills
from demo.stripe.core import Sandbox
from payments.services.reversal import issue_charge
from payments.services.verification import CHECKS
from staff.models import Action, AuditRecord
from tests.support import paying
from tests.support.autopay import DUE, Calendar, announced, enrolled, run
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.mail import mails_to
from tests.support.staff import act, browser_of, confirm, text_of
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db
ASKED = {"reason": "Billed to the wrong household"}


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


@pytest.fixture(autouse=True)
def _the_books_hold() -> object:
    yield
    assert {name: list(check()) for name, check in CHECKS.items()} == {name: [] for name in CHECKS}


def url(invoice: Invoice) -> str:
    return reverse("admin:desk_cancel", args=[invoice.pk])


def acted() -> list[AuditRecord]:
    return list(AuditRecord.objects.exclude(act_key=None))


def mails_about(invoice: Invoice) -> list[str]:
    subjects = [mail.subject for mail in mails_to(invoice.account.guarantor.user.email)]
    return [subject for subject in subjects if "cancel" in subject]


@pytest.mark.parametrize(
    ("paid_cents", "owed", "paid"),
    [
        (0, "$80.00 is no longer owed.", "Nothing was paid on it."),
        (30_00, "$50.00 is no longer owed.", "$30.00 that was paid on it becomes account balance."),
        (80_00, "Nothing was owed on it any more.", "$80.00 that was paid on it becomes account"),
    ],
    ids=["open", "paid in part", "paid"],
)
def test_what_will_happen_is_said_and_happens_to_the_cent(
    sandbox: Sandbox,
    supervisor: Client,
    account: BillingAccount,
    paid_cents: int,
    owed: str,
    paid: str,
) -> None:
    invoice = make_invoice(account, 80_00)
    if paid_cents:
        paying.pay(sandbox, invoice, paid_cents)
    page, data = confirm(supervisor, url(invoice), ASKED)
    said = text_of(page)
    assert f"Bill {invoice.number} of $80.00 for Ada Okafor is canceled. {owed}" in said
    assert paid in said
    assert "Autopay" not in said
    assert "This cannot be undone." in said
    invoice.refresh_from_db()
    assert invoice.voided_at is None  # so far it was only said

    done = supervisor.post(url(invoice), data, follow=True)
    assert f"Bill {invoice.number} is canceled." in text_of(done)
    invoice.refresh_from_db()
    account.refresh_from_db()
    assert (invoice.voided_at is None, invoice.open_cents, invoice.pay_code) == (False, 0, None)
    assert account.balance_cents == paid_cents
    (record,) = acted()
    assert (record.action, record.reference) == (Action.BILL_CANCELED, invoice.number)
    assert record.detail == {
        "total_cents": 80_00,
        "owed_cents": 80_00 - paid_cents,
        "to_balance_cents": paid_cents,
        **ASKED,
    }


def test_what_was_given_up_of_it_is_no_balance(
    sandbox: Sandbox, supervisor: Client, account: BillingAccount
) -> None:
    invoice = make_invoice(account, 80_00)
    correct = reverse("admin:desk_correct", args=[invoice.pk])
    act(supervisor, correct, {"kind": "write_off", "amount": "10.00", "reason": "Hardship"})
    invoice.refresh_from_db()
    paying.pay(sandbox, invoice, 20_00)
    page, _data = confirm(supervisor, url(invoice), ASKED)
    assert "$50.00 is no longer owed. $20.00 that was paid on it" in text_of(page)
    act(supervisor, url(invoice), ASKED)
    account.refresh_from_db()
    assert account.balance_cents == 20_00


def test_pressed_twice_and_from_a_second_tab_it_happens_once(
    sandbox: Sandbox, supervisor: Client, account: BillingAccount
) -> None:
    invoice = make_invoice(account, 80_00)
    paying.pay(sandbox, invoice, 30_00)
    _page, first = confirm(supervisor, url(invoice), ASKED)
    _page, second = confirm(supervisor, url(invoice), ASKED)
    supervisor.post(url(invoice), first)
    again = supervisor.post(url(invoice), first, follow=True)
    assert "This was done already, once. Nothing happened now." in text_of(again)
    other_tab = supervisor.post(url(invoice), second)
    assert (other_tab.status_code, len(acted())) == (422, 1)
    assert "This bill is canceled already." in text_of(other_tab)
    account.refresh_from_db()
    assert account.balance_cents == 30_00
    assert mails_about(invoice) == [f"Bill {invoice.number} was canceled"]


def test_somebody_pays_while_the_page_is_read_and_the_new_effect_is_shown_first(
    sandbox: Sandbox, supervisor: Client, account: BillingAccount
) -> None:
    invoice = make_invoice(account, 80_00)
    _page, data = confirm(supervisor, url(invoice), ASKED)
    paying.pay(sandbox, invoice, 30_00)
    page = supervisor.post(url(invoice), data)
    assert "Something changed since you looked." in text_of(page)
    assert "$30.00 that was paid on it becomes account balance." in text_of(page)
    invoice.refresh_from_db()
    assert (invoice.voided_at, acted()) == (None, [])


def test_not_while_a_payment_is_on_its_way(
    sandbox: Sandbox, supervisor: Client, account: BillingAccount
) -> None:
    invoice = make_invoice(account, 80_00)
    _page, data = confirm(supervisor, url(invoice), ASKED)
    paying.submitted(paying.confirm(paying.start_checkout(sandbox, invoice)))
    page = supervisor.post(url(invoice), data)
    assert page.status_code == 422
    assert "A payment of it is on its way." in text_of(page)
    invoice.refresh_from_db()
    assert (invoice.voided_at, invoice.open_cents, acted()) == (None, 80_00, [])
    assert mails_about(invoice) == []


def test_one_that_starts_at_the_last_moment_leaves_no_record_of_an_act(
    supervisor: Client, account: BillingAccount, monkeypatch: pytest.MonkeyPatch
) -> None:
    invoice = make_invoice(account, 80_00)
    _page, data = confirm(supervisor, url(invoice), ASKED)

    def taken(*, invoice: Invoice) -> None:
        raise bills.CannotVoid(invoice.number)

    monkeypatch.setattr(bills, "void", taken)
    page = supervisor.post(url(invoice), data)
    assert "A payment of it is on its way." in text_of(page)
    assert acted() == []


@pytest.mark.parametrize("role", [Role.BILLING_AGENT, Role.AUDITOR])
def test_others_neither_may_nor_are_asked_to(account: BillingAccount, role: Role) -> None:
    invoice = make_invoice(account)
    somebody = browser_of(make_staff(role))
    assert somebody.get(url(invoice)).status_code == 403
    assert somebody.post(url(invoice), ASKED).status_code == 403
    for page in ("admin:desk_account", account.pk), ("admin:billing_invoice_change", invoice.pk):
        assert url(invoice) not in somebody.get(reverse(page[0], args=[page[1]])).content.decode()


def test_it_is_offered_where_the_bill_is_until_it_is_canceled(
    supervisor: Client, account: BillingAccount
) -> None:
    invoice = make_invoice(account)
    pages = [
        reverse("admin:desk_account", args=[account.pk]),
        reverse("admin:billing_invoice_change", args=[invoice.pk]),
    ]
    assert [url(invoice) in supervisor.get(page).content.decode() for page in pages] == [True, True]
    act(supervisor, url(invoice), ASKED)
    assert [url(invoice) in supervisor.get(page).content.decode() for page in pages] == [False, False]


@pytest.mark.parametrize(
    ("language", "subject", "told"),
    [
        ("en", "Bill 77-1 was canceled", "$30.00, is in your account balance now."),
        ("es", "La factura 77-1 se canceló", "$30.00"),
    ],
)
def test_its_owner_is_told_in_their_language_and_of_no_service(
    sandbox: Sandbox,
    supervisor: Client,
    account: BillingAccount,
    language: str,
    subject: str,
    told: str,
) -> None:
    user = account.guarantor.user
    user.language = language
    user.save()
    invoice = make_invoice(account, 80_00, number="77-1", provider="Dr. Rossi, Cardiology")
    paying.pay(sandbox, invoice, 30_00)
    act(supervisor, url(invoice), ASKED)
    (mail,) = [mail for mail in mails_to(user.email) if mail.subject == subject]
    assert told in mail.message
    assert told in mail.html_message
    for text in (mail.message, mail.html_message):
        assert reverse("billing:detail", args=[invoice.pk]) in text
        for kept in ("Rossi", "Cardiology", "Ada", ASKED["reason"]):
            assert kept not in text


def test_who_has_no_log_in_gets_no_mail_and_the_page_says_so(supervisor: Client) -> None:
    invoice = make_invoice(make_account(make_member(registered=False)))
    page, data = confirm(supervisor, url(invoice), ASKED)
    assert "No mail tells of it: the member has no log-in." in text_of(page)
    supervisor.post(url(invoice), data)
    invoice.refresh_from_db()
    assert invoice.voided_at is not None


def test_autopay_skips_its_draw_as_the_page_said(
    sandbox: Sandbox, calendar: Calendar, supervisor: Client
) -> None:
    draft = announced(enrolled(sandbox))
    invoice = draft.invoice
    page, data = confirm(supervisor, url(invoice), ASKED)
    draw = "Autopay's draw of $120.00 on Nov. 16, 2026 from Visa ending in 4242 is skipped."
    assert draw in text_of(page)
    supervisor.post(url(invoice), data)
    calendar.go_to(DUE)
    run(invoice.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.SKIPPED, Reason.NOTHING_OWED)
    assert charged(sandbox) == {}


def test_a_bill_for_money_that_came_back_leaves_the_account_that_it_was_billed_against(
    supervisor: Client, account: BillingAccount
) -> None:
    """Canceled, it took its amount from billed revenue, which it had never been."""
    invoice = issue_charge(
        account=account,
        description="Returned payment",
        amount_cents=25_00,
        on=dt.date(2026, 11, 2),
        source="returned_payment",
        source_id="1",
        credit=LedgerCode.DISPUTES,
    )
    act(supervisor, url(invoice), ASKED)
    lines = JournalLine.objects.filter(entry__kind="invoice_voided")
    assert set(lines.values_list("ledger_account", "amount_cents")) == {
        ("disputes", 25_00),
        ("receivable", -25_00),
    }
