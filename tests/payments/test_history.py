"""The history of an account: everything that moved, once, with sums that are those of the books."""

import datetime as dt
from itertools import pairwise

import pytest
from django.db.models import Sum
from django.test import Client
from django.urls import reverse

from billing.models import BillingAccount, EntryKind, Invoice, JournalLine, LedgerCode
from billing.services import invoices
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import history
from payments.history_filter import HistoryFilter, read_filter
from payments.models import Payment, Refund, State
from tests.support import paying
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import dispute, make_many_payments, refund

pytestmark = pytest.mark.django_db
ALL_TIME = {"chart_from": dt.date(2000, 1, 1), "chart_to": dt.date(2100, 1, 1)}


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez"))


@pytest.fixture
def ana(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


def listed(account: BillingAccount, **asked: object) -> list[tuple[str, str, int, str]]:
    """Kind, state, amount with its sign, and stage of every event, latest first."""
    events = history.page(account, HistoryFilter(**asked))  # type: ignore[arg-type]
    return [(event.kind, event.state, event.signed_cents, event.stage) for event in events]


def totals(account: BillingAccount, **asked: object) -> history.Totals:
    return history.around(account, HistoryFilter(**asked), **ALL_TIME).totals  # type: ignore[arg-type]


def settle_on(payment: Payment, day: dt.date) -> None:
    """As if it had settled at noon of that day in California."""
    at = dt.datetime.combine(day, dt.time(20), tzinfo=dt.UTC)
    Payment.objects.filter(pk=payment.pk).update(settled_at=at)


class TestWhatItLists:
    def test_payments_refunds_credits_returns_and_balance_movements_each_once(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        knee, scan = make_invoice(account, 100_00), make_invoice(account, 50_00)
        both = paying.pay_many(sandbox, {knee: 100_00, scan: 50_00})
        refund(both, 30_00)
        refund(both, 20_00, to=Refund.Destination.BALANCE)
        added = paying.add_money(sandbox, account, 40_00)
        x_ray = make_invoice(account, 60_00)
        mixed = paying.pay_many(sandbox, {x_ray: 60_00}, from_balance_cents=60_00)
        blood = make_invoice(account, 25_00)
        lost = paying.pay(sandbox, blood)
        dispute(lost, 25_00)
        paying.pay(sandbox, blood, card="pm_card_visa_chargeDeclined")

        assert listed(account) == [
            ("payment", State.FAILED, 25_00, "nothing"),
            ("dispute", "lost", -25_00, "done"),
            ("payment", State.RETURNED, 25_00, "done"),
            ("payment", State.SUCCEEDED, 60_00, "done"),
            ("added", State.SUCCEEDED, 40_00, "done"),
            ("credit", "succeeded", -20_00, "done"),
            ("refund", "succeeded", -30_00, "done"),
            ("payment", State.PARTLY_REFUNDED, 150_00, "done"),
        ]
        references = [event.reference for event in history.page(account, HistoryFilter())]
        assert references[3:5] == [mixed.reference, added.reference]
        assert totals(account) == history.Totals(
            paid_cents=235_00,
            added_cents=40_00,
            refunded_cents=30_00,
            credited_cents=20_00,
            returned_cents=25_00,
        )

    def test_what_paid_a_canceled_bill_is_a_credit_and_the_chart_counts_it_once(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        knee = make_invoice(account, 100_00, number="NC-417", provider="Lake Clinic")
        refund(paying.pay(sandbox, knee), 10_00)
        paying.pay(sandbox, knee, 5_00)
        invoices.void(invoice=knee)
        invoices.void(invoice=make_invoice(account, 33_00))  # nobody had paid it
        paying.pay_many(sandbox, {make_invoice(account, 95_00): 95_00}, from_balance_cents=95_00)

        assert listed(account) == [
            ("payment", State.SUCCEEDED, 95_00, "done"),
            ("credit", "", -95_00, "done"),
            ("payment", State.SUCCEEDED, 5_00, "done"),
            ("refund", "succeeded", -10_00, "done"),
            ("payment", State.PARTLY_REFUNDED, 100_00, "done"),
        ]
        around = history.around(account, HistoryFilter(), **ALL_TIME)
        assert around.totals == history.Totals(
            paid_cents=200_00, refunded_cents=10_00, credited_cents=95_00
        )
        assert list(around.months.values()) == [95_00]

        asked = {"kind": "credit", "side": "medical", "patient": account.guarantor_id}
        response = ana.get(reverse("payments:history"), asked)
        seen = words(response)
        assert "Credit to the account balance Bill NC-417 was canceled" in seen
        assert "Lake Clinic −$95.00 In your account balance" in seen
        assert "Credited to your account balance $95.00" in seen
        page = response.content.decode()
        assert f'href="{reverse("billing:detail", args=[knee.pk])}"' in page

    def test_what_a_bank_took_of_a_canceled_bill_is_told_beside_its_credit(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        knee = make_invoice(account, 100_00)
        payment = paying.pay(sandbox, knee)
        invoices.void(invoice=knee)
        dispute(payment, 100_00, is_return=True, reason="R01")
        assert listed(account) == [
            ("return", "lost", -100_00, "done"),
            ("credit", "", -100_00, "done"),
            ("payment", State.RETURNED, 100_00, "done"),
        ]
        around = history.around(account, HistoryFilter(), **ALL_TIME)
        assert around.totals == history.Totals(
            paid_cents=100_00, credited_cents=100_00, returned_cents=100_00
        )
        assert list(around.months.values()) == [0]

    def test_what_is_on_its_way_is_listed_and_counts_for_nothing(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        paying.confirm(paying.start_checkout(sandbox, make_invoice(account, 80_00)))
        assert listed(account) == [("payment", State.CREATED, 80_00, "pending")]
        assert totals(account) == history.Totals()

    def test_a_dispute_counts_when_the_bank_has_decided_for_the_payer(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 80_00))
        dispute(payment, 80_00, status="needs_response")
        assert listed(account)[0] == ("dispute", "open", -80_00, "pending")
        assert totals(account).returned_cents == 0

        dispute(payment, 80_00, status="won")
        assert listed(account)[0] == ("dispute", "won", -80_00, "nothing")
        assert totals(account).returned_cents == 0

    def test_a_returned_bank_debit_is_called_so(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 80_00))
        dispute(payment, 80_00, is_return=True, reason="R01")
        (event, _) = history.page(account, HistoryFilter())
        assert (event.label, event.status) == ("Returned bank payment", ("Returned", "bad"))
        assert event.payment == payment.reference

    def test_money_that_was_spent_and_is_taken_back_is_told_in_full(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        added = paying.add_money(sandbox, account, 40_00)
        paying.pay_many(sandbox, {make_invoice(account, 30_00): 30_00}, from_balance_cents=30_00)
        dispute(added, 40_00)
        assert listed(account, kind="dispute") == [("dispute", "lost", -40_00, "done")]
        assert totals(account, kind="dispute").returned_cents == 40_00
        months = history.around(account, HistoryFilter(), **ALL_TIME).months
        assert list(months.values()) == [0], "what was spent is owed again, on a charge of its own"

    def test_nobody_elses(self, sandbox: Sandbox, account: BillingAccount) -> None:
        stranger = make_account()
        refund(paying.pay(sandbox, make_invoice(stranger, 80_00)), 10_00)
        assert listed(account) == []
        assert history.around(account, HistoryFilter(), **ALL_TIME) == history.Around(
            0, history.Totals(), {}, [], []
        )


class TestTheSums:
    def test_are_those_of_the_books_to_the_cent(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        bills = [make_invoice(account, 33_33 + n) for n in range(5)]
        premium = make_invoice(account, 312_07, kind=Invoice.Kind.PREMIUM)
        first = paying.pay_many(sandbox, dict.fromkeys(bills, 20_01))
        paying.pay(sandbox, premium)
        refund(first, 33_34)
        refund(first, 7_77, to=Refund.Destination.BALANCE)
        dispute(first, 11_11)
        canceled = make_invoice(account, 44_44)
        paying.pay(sandbox, canceled, 40_01)
        invoices.void(invoice=canceled)

        around = history.around(account, HistoryFilter(), **ALL_TIME)

        def booked(ledger_account: str = LedgerCode.RECEIVABLE, **which: object) -> int:
            lines = JournalLine.objects.filter(ledger_account=ledger_account, **which)
            return int(lines.aggregate(cents=Sum("amount_cents", default=0))["cents"])

        assert around.totals.paid_cents == -booked(entry__kind=EntryKind.PAYMENT_SETTLED)
        canceled_cents = -booked(LedgerCode.ACCOUNT_BALANCE, entry__kind=EntryKind.INVOICE_VOIDED)
        assert canceled_cents == 40_01
        assert around.totals.refunded_cents + around.totals.credited_cents == (
            booked(entry__kind=EntryKind.REFUND_PROMISED) + canceled_cents
        )
        assert around.totals.returned_cents == booked(entry__kind=EntryKind.DISPUTE_LOST) == 11_11
        moved = [EntryKind.PAYMENT_SETTLED, EntryKind.REFUND_PROMISED, EntryKind.DISPUTE_LOST]
        for is_premium in (False, True):
            kinds = [Invoice.Kind.PREMIUM] if is_premium else [Invoice.Kind.MEDICAL]
            spent = sum(c for (_, side), c in around.months.items() if side is is_premium)
            back_cents = 0 if is_premium else canceled_cents
            assert spent == -booked(entry__kind__in=moved, invoice__kind__in=kinds) - back_cents

    def test_of_one_patient_count_that_patients_part(
        self, sandbox: Sandbox, account: BillingAccount
    ) -> None:
        child = make_member(first_name="José", registered=False)
        hers, his = make_invoice(account, 70_00), make_invoice(account, 30_00, patient=child)
        payment = paying.pay_many(sandbox, {hers: 70_00, his: 30_00})
        part = payment.allocations.get(invoice=his)
        refund(payment, 12_00, parts={part.pk: 12_00})

        (back, paid) = history.page(account, HistoryFilter(patient=child.pk))
        assert (paid.amount_cents, paid.shown_cents, paid.patients) == (100_00, 30_00, ["José Okafor"])
        assert (back.amount_cents, back.shown_cents) == (12_00, 12_00)
        assert totals(account, patient=child.pk).paid_cents == 30_00
        assert listed(account, patient=account.guarantor_id) == [
            ("payment", State.PARTLY_REFUNDED, 70_00, "done")
        ]

    def test_months_are_those_of_the_region(self, sandbox: Sandbox, account: BillingAccount) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 80_00))
        evening = dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC)  # still October in California
        Payment.objects.filter(pk=payment.pk).update(settled_at=evening)
        around = history.around(account, HistoryFilter(), **ALL_TIME)
        assert around.months == {(dt.date(2026, 10, 1), False): 80_00}
        assert history.page(account, HistoryFilter())[0].on == dt.date(2026, 10, 31)


class TestFilters:
    @pytest.fixture(autouse=True)
    def _two_years(self, sandbox: Sandbox, account: BillingAccount) -> None:
        """A medical payment at the end of 2025, a premium at the start of 2026, and its refund."""
        old = paying.pay(sandbox, make_invoice(account, 80_00))
        settle_on(old, dt.date(2025, 12, 31))
        new = paying.pay(sandbox, make_invoice(account, 300_00, kind=Invoice.Kind.PREMIUM))
        settle_on(new, dt.date(2026, 1, 1))
        refund(new, 5_00)

    @pytest.mark.parametrize(
        ("query", "cents"),
        [
            ("", [-5_00, 300_00, 80_00]),
            ("kind=payment", [300_00, 80_00]),
            ("kind=refund", [-5_00]),
            ("kind=dispute", []),
            ("side=medical", [80_00]),
            ("side=premium", [-5_00, 300_00]),
            ("year=2025", [80_00]),
            ("year=2026&kind=payment", [300_00]),
            ("since=1/1/2026&kind=payment", [300_00]),
            ("until=12/31/2025", [80_00]),
            ("since=2025-12-31&until=2026-01-01", [300_00, 80_00]),
            ("since=2025-12-31&until=2025-12-31", [80_00]),
            ("year=2026&until=2025-12-31", []),
            ("state=done", [-5_00, 300_00, 80_00]),
            ("state=nothing", []),
        ],
    )
    def test_narrow_the_list_and_the_sums_alike(
        self, account: BillingAccount, query: str, cents: list[int]
    ) -> None:
        asked, ignored = read_filter(dict(pair.split("=") for pair in query.split("&") if pair))
        assert ignored == []
        assert [event.signed_cents for event in history.page(account, asked)] == cents
        sums = history.around(account, asked, **ALL_TIME).totals
        assert sums.paid_cents - sums.refunded_cents == sum(cents)

    def test_a_query_written_and_read_again_asks_the_same(self) -> None:
        asked = HistoryFilter(
            "refund", "premium", 7, 2026, dt.date(2026, 1, 2), dt.date(2026, 3, 4), "done", 3
        )
        pairs = dict(pair.split("=") for pair in asked.query(page=3)[1:].split("&"))
        assert read_filter(pairs) == (asked, [])

    @pytest.mark.parametrize(
        "query",
        [
            "kind=bribe",
            "side=left",
            "state=%00",
            "patient=0",
            "patient=' OR 1=1 --",
            "patient=99999999999999999999",
            "year=0",
            "year=20266",
            "year=٢٠٢٦",
            "since=yesterday",
            "since=2/30/2026",
            "until=0001-01-01",
            "until=99999-01-01",
            "since=2026-02-01&until=2026-01-01",
            "page=-1",
            "page=%D9%A1",
            "page=1e9",
        ],
    )
    def test_a_value_that_means_nothing_is_named_and_left_out(self, ana: Client, query: str) -> None:
        page = ana.get(f"{reverse('payments:history')}?{query}")
        assert page.status_code == 200
        assert "We left it out: " in words(page)
        assert ana.get(f"{reverse('payments:history_export')}?{query}").status_code == 200

    def test_years_and_patients_of_the_whole_history_can_be_chosen(
        self, account: BillingAccount
    ) -> None:
        around = history.around(account, HistoryFilter(kind="dispute"), **ALL_TIME)
        refunded_in = business_date(account.region.time_zone).year
        assert around.years == sorted({refunded_in, 2026, 2025}, reverse=True)
        assert around.patients == [(account.guarantor_id, "Ana Núñez")]
        assert around.count == 0


class TestThePage:
    def test_tells_what_when_for_whom_how_and_links_to_the_rest(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account, 1_042_10, provider="Dr. Łucja O’Hara"))
        refund(payment, 42_10)
        response = ana.get(reverse("payments:history"))
        seen = words(response)
        for said in (
            "Ana Núñez",
            "Dr. Łucja O’Hara",
            payment.reference,
            "Visa ending in 4242",
            "$1,042.10",
            "−$42.10",
            "Partly refunded",
            "Paid on bills $1,042.10",
            "Refunded $42.10",
        ):
            assert said in seen
        page = reverse("payments:show", args=[payment.reference])
        assert response.content.decode().count(f'href="{page}"') == 2
        assert "no-store" in response["Cache-Control"]

    def test_a_guests_payment_is_named_so(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account))
        Payment.objects.filter(pk=payment.pk).update(payer=Payment.Payer.GUEST)
        assert "paid by a guest" in words(ana.get(reverse("payments:history")))

    def test_with_nothing_in_it_says_what_will_be_there(self, ana: Client) -> None:
        seen = words(ana.get(reverse("payments:history")))
        assert "Nothing here yet" in seen
        assert "Year" not in seen

    def test_with_nothing_that_matches_offers_to_clear_the_filters(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.pay(sandbox, make_invoice(account))
        seen = words(ana.get(reverse("payments:history"), {"kind": "dispute"}))
        assert "Nothing matches" in seen

    def test_pages_hold_every_event_once_and_a_page_too_far_is_the_last(
        self, account: BillingAccount, ana: Client
    ) -> None:
        make_many_payments(account, 45)
        found = [
            event.reference
            for number in (1, 2, 3)
            for event in history.page(account, HistoryFilter(page=number))
        ]
        assert len(found) == len(set(found)) == 45
        assert all(a > b for a, b in pairwise(found)), "one moment: the later key first"
        seen = words(ana.get(reverse("payments:history"), {"page": 9999}))
        assert "45 entries, page 3 of 3" in seen

    def test_the_chart_has_its_table_behind_it(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.pay(sandbox, make_invoice(account, 80_00))
        paying.pay(sandbox, make_invoice(account, 300_00, kind=Invoice.Kind.PREMIUM))
        response = ana.get(reverse("payments:history"))
        page = response.content.decode()
        assert page.count('class="bar-medical"') == page.count('class="bar-premium"') == 1
        assert "Together $80.00 $300.00" in words(response)
        assert "style=" not in page
