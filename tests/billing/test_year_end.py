"""Year-end statements: by calendar year of payment, by kind, by patient, to the cent."""

import datetime as dt

import pytest
from django.db import transaction
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from billing import statements
from billing.models import BillingAccount, EntryKind, Invoice, JournalLine, LedgerCode
from billing.services import invoices
from billing.services.ledger import Posting, post
from billing.statements import NothingPaid, Sums
from common.clock import business_date
from common.money import format_cents
from demo.stripe.core import Sandbox
from payments.models import Payment
from tests.support import paying, pdfs
from tests.support.billing import settle, words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import dispute, refund

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))


@pytest.fixture
def ana(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


@transaction.atomic
def came_back(invoice: Invoice, cents: int, *, on: dt.date, number: str) -> None:
    """A refund of this bill's payment was promised on a day."""
    invoices.reopen(invoice=invoice, amount_cents=cents)
    post(
        kind=EntryKind.REFUND_PROMISED,
        source="test-refund",
        source_id=number,
        region=invoice.account.region,
        effective_on=on,
        lines=[
            Posting(LedgerCode.RECEIVABLE, cents, invoice.account, invoice),
            Posting(LedgerCode.REFUNDS, -cents, invoice.account),
        ],
    )


def left_for_good(account: BillingAccount) -> int:
    """What the household gave, less what it has back or still has with us, in cents."""
    clearing = JournalLine.objects.filter(account=account, ledger_account=LedgerCode.PROCESSOR_CLEARING)
    account.refresh_from_db()
    return int(clearing.aggregate(c=Sum("amount_cents"))["c"]) - account.balance_cents


class TestWhatCounts:
    def test_the_year_is_that_of_the_payment_whenever_the_service_was(
        self, account: BillingAccount
    ) -> None:
        bill = make_invoice(account, 100_00, service_on=dt.date(2024, 6, 1))
        settle(bill, 60_00, on=dt.date(2025, 12, 31))
        settle(bill, 40_00, on=dt.date(2026, 1, 1))
        assert statements.years(account) == [(2026, 40_00), (2025, 60_00)]
        assert statements.statement(account, 2025).together == Sums(60_00, 0)
        assert statements.statement(account, 2026).together == Sums(40_00, 0)
        with pytest.raises(NothingPaid):
            statements.statement(account, 2024)

    def test_kinds_and_patients_are_told_apart_to_the_cent(self, account: BillingAccount) -> None:
        child = make_member(first_name="José", last_name="D’Ambrosio", registered=False)
        day = dt.date(2025, 5, 5)
        settle(make_invoice(account, 100_01), 100_01, on=day)
        settle(make_invoice(account, 33_33, kind=Invoice.Kind.HOSPITAL), 33_33, on=day)
        settle(make_invoice(account, 312_07, kind=Invoice.Kind.PREMIUM), 312_07, on=day)
        settle(make_invoice(account, 70_02, patient=child), 70_02, on=day)
        settle(make_invoice(account, 25_00, kind=Invoice.Kind.CHARGE), 25_00, on=day)

        found = statements.statement(account, 2025)

        assert [(group.code, group.sums.net_cents) for group in found.groups] == [
            ("medical", 203_36),
            ("premium", 312_07),
            ("charge", 25_00),
        ]
        assert [
            (patient.name, [sums.net_cents for _label, sums in patient.labelled])
            for patient in found.patients
        ] == [
            ("Ana Núñez-O’Brien", [133_34, 312_07, 25_00]),
            ("José D’Ambrosio", [70_02, 0, 0]),
        ]
        assert found.together.net_cents == 540_43
        assert found.has_charges

    def test_what_came_back_is_taken_off_in_its_own_year(self, account: BillingAccount) -> None:
        bill = make_invoice(account, 100_00)
        settle(bill, 100_00, on=dt.date(2025, 11, 1))
        came_back(bill, 10_00, on=dt.date(2025, 12, 1), number="1")
        came_back(bill, 30_00, on=dt.date(2026, 1, 2), number="2")
        assert statements.statement(account, 2025).together == Sums(100_00, 10_00)
        assert statements.statement(account, 2026).together == Sums(0, 30_00)
        assert statements.years(account) == [(2026, -30_00), (2025, 90_00)]

    def test_a_canceled_bill_was_neither_paid_nor_given_back(self, account: BillingAccount) -> None:
        invoices.void(invoice=make_invoice(account, 100_00))
        assert statements.years(account) == []

    def test_what_paid_a_canceled_bill_came_back_and_counts_once_when_it_pays_another(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        knee = make_invoice(account, 100_00)
        refund(paying.pay(sandbox, knee), 30_00)
        invoices.void(invoice=knee)
        year = business_date(account.region.time_zone).year
        assert statements.statement(account, year).together == Sums(100_00, 30_00 + 70_00)

        paying.pay_many(sandbox, {make_invoice(account, 70_00): 70_00}, from_balance_cents=70_00)

        assert statements.statement(account, year).together == Sums(170_00, 100_00)
        assert statements.years(account) == [(year, 70_00)]
        assert left_for_good(account) == 70_00

    def test_what_a_bank_took_from_the_balance_after_the_bill_was_canceled_is_paid_no_more(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        knee = make_invoice(account, 100_00)
        payment = paying.pay(sandbox, knee)
        invoices.void(invoice=knee)
        dispute(payment, 100_00, is_return=True, reason="R01")
        year = business_date(account.region.time_zone).year
        assert statements.statement(account, year).together == Sums(100_00, 100_00)
        assert statements.years(account) == [(year, 0)]
        assert left_for_good(account) == 0

    def test_what_a_bank_took_after_it_was_spent_came_back_until_its_charge_is_paid(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        knee = make_invoice(account, 100_00)
        payment = paying.pay(sandbox, knee)
        invoices.void(invoice=knee)
        paying.pay_many(sandbox, {make_invoice(account, 90_00): 90_00}, from_balance_cents=90_00)
        dispute(payment, 100_00)

        charge = account.invoices.get(kind=Invoice.Kind.CHARGE)
        year = business_date(account.region.time_zone).year
        medical, charges = statements.statement(account, year).groups
        assert (medical.sums, charges.sums) == (Sums(190_00, 100_00), Sums(0, 90_00))
        assert statements.years(account) == [(year, 0)]
        assert left_for_good(account) == 0

        paying.pay(sandbox, charge)
        assert statements.years(account) == [(year, 90_00)]
        assert left_for_good(account) == 90_00

    def test_money_added_to_the_balance_counts_when_it_pays_a_bill(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        paying.add_money(sandbox, account, 100_00)
        assert statements.years(account) == []
        paying.pay_many(sandbox, {make_invoice(account, 60_00): 60_00}, from_balance_cents=60_00)
        ((year, cents),) = statements.years(account)
        assert cents == 60_00
        assert statements.statement(account, year).together == Sums(60_00, 0)

    def test_it_agrees_with_the_books_after_refunds_and_disputes(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        bills = [make_invoice(account, 33_33 + n) for n in range(4)]
        payment = paying.pay_many(sandbox, dict.fromkeys(bills, 30_01))
        refund(payment, 22_22)
        dispute(payment, 11_11)
        year = business_date(account.region.time_zone).year
        found = statements.statement(account, year)
        assert found.together == Sums(120_04, 33_33)
        open_cents = sum(account.invoices.values_list("open_cents", flat=True))
        billed = JournalLine.objects.filter(entry__kind=EntryKind.INVOICE_ISSUED, account=account)
        total = billed.filter(ledger_account=LedgerCode.RECEIVABLE).aggregate(c=Sum("amount_cents"))[
            "c"
        ]
        assert found.together.net_cents == total - open_cents

    def test_what_a_bank_holds_undecided_is_said_and_counts_as_paid(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 80_00))
        dispute(payment, 80_00, status="needs_response")
        year = business_date(account.region.time_zone).year
        found = statements.statement(account, year)
        assert (found.together.net_cents, found.disputed_cents) == (80_00, 80_00)
        url = reverse("billing:statement", args=[year])
        assert "A bank holds $80.00 of your payments" in words(ana.get(url))

        dispute(payment, 80_00, status="lost")
        found = statements.statement(account, year)
        assert (found.together.net_cents, found.disputed_cents) == (0, 0)

    def test_what_a_bank_holds_is_said_in_the_year_in_which_it_was_paid(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        this_year = business_date(account.region.time_zone).year
        settle(make_invoice(account, 5_00), 5_00, on=dt.date(2025, 5, 5))
        old, new = (paying.pay(sandbox, make_invoice(account, cents)) for cents in (70_00, 80_00))
        evening = dt.datetime(2026, 1, 1, 5, 30, tzinfo=dt.UTC)  # still 2025 in California
        Payment.objects.filter(pk=old.pk).update(settled_at=evening)
        dispute(old, 60_00, status="needs_response")
        dispute(new, 80_00, status="under_review")
        held = {year: statements.statement(account, year).disputed_cents for year in (2025, this_year)}
        assert held == {2025: 60_00, this_year: 80_00}

    def test_what_a_bank_holds_of_money_that_paid_no_bill_is_not_called_paid(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        dispute(paying.add_money(sandbox, account, 40_00), 40_00, status="needs_response")
        knee, scan = make_invoice(account, 100_00), make_invoice(account, 50_00)
        both = paying.pay_many(sandbox, {knee: 100_00, scan: 50_00})
        invoices.void(invoice=knee)
        dispute(both, 150_00, status="needs_response")
        year = business_date(account.region.time_zone).year
        found = statements.statement(account, year)
        assert (found.together.net_cents, found.disputed_cents) == (50_00, 50_00)

    def test_nobody_elses(self, account: BillingAccount) -> None:
        settle(make_invoice(make_account(), 80_00), 80_00, on=dt.date(2025, 5, 5))
        assert statements.years(account) == []
        with pytest.raises(NothingPaid):
            statements.statement(account, 2025)


class TestThePages:
    @pytest.fixture(autouse=True)
    def _two_years(self, account: BillingAccount) -> None:
        settle(make_invoice(account, 100_01), 100_01, on=dt.date(2024, 5, 5))
        settle(make_invoice(account, 312_07, kind=Invoice.Kind.PREMIUM), 312_07, on=dt.date(2025, 5, 5))

    def test_list_the_years_that_exist(self, ana: Client) -> None:
        page = ana.get(reverse("billing:statements"))
        assert "2025 $312.07 2024 $100.01" in words(page)
        assert page.content.decode().count("/billing/statements/20") == 2

    def test_say_the_year_and_what_was_paid(self, ana: Client) -> None:
        seen = words(ana.get(reverse("billing:statement", args=[2025])))
        assert "Paid on your bills in the calendar year 2025" in seen
        assert "Premiums $312.07 $0.00 $312.07" in seen

    def test_of_the_running_year_say_that_it_is_not_over(
        self, account: BillingAccount, ana: Client
    ) -> None:
        today = business_date(account.region.time_zone)
        settle(make_invoice(account, 5_00), 5_00, on=today)
        assert f"{today.year} (so far)" in words(ana.get(reverse("billing:statements")))
        seen = words(ana.get(reverse("billing:statement", args=[today.year])))
        assert "Paid on your bills from January 1 to" in seen

    @pytest.mark.parametrize("year", [0, 1, 2023, 9999, 10000, 99999999999999999999])
    def test_a_year_without_payments_is_not_found(self, ana: Client, year: int) -> None:
        for name in ("billing:statement", "billing:statement_pdf"):
            assert ana.get(reverse(name, args=[year])).status_code == 404

    def test_with_no_payment_at_all_say_so(self, client: Client) -> None:
        client.force_login(make_account().guarantor.user)
        assert "No statements yet" in words(client.get(reverse("billing:statements")))


class TestThePdf:
    def test_says_what_the_database_says_to_the_cent(
        self, account: BillingAccount, ana: Client
    ) -> None:
        child = make_member(first_name="José", last_name="D’Ambrosio", registered=False)
        hers, his = make_invoice(account, 100_01), make_invoice(account, 70_02, patient=child)
        premium = make_invoice(account, 312_07, kind=Invoice.Kind.PREMIUM)
        for bill in (hers, his, premium):
            settle(bill, bill.total_cents, on=dt.date(2025, 5, 5))
        came_back(his, 20_01, on=dt.date(2025, 6, 6), number="1")

        made = ana.get(reverse("billing:statement_pdf", args=[2025])).content

        said = pdfs.text(made)
        expected = [
            462_09,
            *(170_03, 20_01, 150_02),
            *(312_07, 0, 312_07),
            *(482_10, 20_01, 462_09),
            *(100_01, 312_07, 412_08),
            *(50_01, 0, 50_01),
        ]
        assert pdfs.amounts(said) == [format_cents(cents) for cents in expected]
        for word in (
            "Ana Núñez-O’Brien",
            "José D’Ambrosio",
            account.account_number,
            "less what came back",
        ):
            assert word in said
