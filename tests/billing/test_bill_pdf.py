"""A bill on paper: what is owed and why, how to pay it, for every reader."""

import datetime as dt
from pathlib import Path

import pytest
import segno
from django.test import Client
from django.urls import reverse

from billing import bill_document, pdf
from billing.models import BillingAccount, Invoice
from billing.services import invoices
from billing.services.invoices import LineDraft
from common.money import format_cents
from tests.support import pdfs
from tests.support.billing import set_aside, settle, words
from tests.support.factories import make_account, make_invoice, make_member

pytestmark = pytest.mark.django_db
SERVICE = dt.date(2026, 9, 14)


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))


@pytest.fixture
def ana(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


def bill_of(account: BillingAccount, *, lines: int = 3, **more: object) -> Invoice:
    """A bill of lines whose amounts are all different."""
    return make_invoice(
        account,
        lines=[
            LineDraft(
                service_on=SERVICE,
                code=f"99{n:03d}",
                code_system="CPT",
                description=f"Service nº {n}: l’examen",
                charge_cents=250_00 + n,
                plan_paid_cents=150_00,
                adjustment_cents=50_00,
                patient_cents=50_00 + n,
            )
            for n in range(lines)
        ],
        **more,  # type: ignore[arg-type]
    )


def printed(client: Client, bill: Invoice) -> bytes:
    response = client.get(reverse("billing:bill_pdf", args=[bill.pk]))
    assert response.status_code == 200
    assert response["Content-Type"] == "application/pdf"
    return response.content


class TestWhatItSays:
    def test_is_what_the_database_says_to_the_cent(self, account: BillingAccount, ana: Client) -> None:
        bill = bill_of(
            account,
            number="NC-417",
            provider="Dr. Łucja Kowalczyk",
            facility="Oakland Eye Center",
            due_on=dt.date(2026, 11, 30),
        )
        settle(bill, 20_01, on=dt.date(2026, 10, 20))
        set_aside(bill, 5_00)
        bill.refresh_from_db()

        said = pdfs.text(printed(ana, bill))

        lines = bill.lines.order_by("position")
        expected = [
            bill.payable_cents,
            *(
                cents
                for line in lines
                for cents in (
                    line.charge_cents,
                    line.plan_paid_cents,
                    line.adjustment_cents,
                    line.patient_cents,
                )
            ),
            *(750_03, 450_00, 150_00, 150_03),
            *(bill.total_cents, 20_01, bill.open_cents, bill.reserved_cents, bill.payable_cents),
        ]
        assert pdfs.amounts(said) == [format_cents(cents) for cents in expected]
        assert bill.payable_cents == 125_02
        for word in (
            "Bill NC-417",
            "Please pay by Nov. 30, 2026",
            "Ana Núñez-O’Brien",
            "Dr. Łucja Kowalczyk",
            "Oakland Eye Center",
            "Service nº 2: l’examen",
            "code CPT 99002",
            account.account_number,
            account.region.legal_entity,
            account.region.phone,
            "One Kaiser Plaza",
            bill.pay_code,
        ):
            assert word in said

    def test_the_pay_code_is_printed_only_while_something_can_be_paid(
        self, account: BillingAccount, ana: Client
    ) -> None:
        paid, void, covered = (make_invoice(account, 80_00) for _ in range(3))
        codes = [paid.pay_code, void.pay_code, covered.pay_code]
        settle(paid, 80_00, on=dt.date(2026, 10, 20))
        invoices.void(invoice=void)
        set_aside(covered, 80_00)
        for bill, word in (
            (paid, "This bill is paid"),
            (void, "This bill was canceled"),
            (covered, "Please do not pay again"),
        ):
            said = pdfs.text(printed(ana, bill))
            assert word in said
            assert "How to pay" not in said
            assert [code for code in codes if code in said] == []

    def test_the_qr_code_opens_the_guest_page_with_the_code_in_the_fragment(
        self, account: BillingAccount
    ) -> None:
        bill = make_invoice(account, 80_00)
        document = bill_document.document_of(bill, account=account, on=SERVICE)
        assert document.qr_address == (
            f"http://testserver{reverse('guest:start')}#code={bill.pay_code}&region=NCAL"
        )
        assert document.qr is not None
        assert "<title>QR code: opens the page to pay this bill</title>" in document.qr
        settle(bill, 80_00, on=SERVICE)
        bill.refresh_from_db()
        done = bill_document.document_of(bill, account=account, on=SERVICE)
        assert (done.qr_address, done.qr) == ("", None)

    def test_what_is_printed_holds_that_address_and_no_other_bills(
        self, account: BillingAccount, ana: Client, tmp_path: Path
    ) -> None:
        """Field by field, from a picture of the page: what a telephone would read."""
        bill, other = make_invoice(account, 80_00), make_invoice(account, 80_00)
        codes = [
            segno.make(f"http://testserver/guest/#code={each.pay_code}&region=NCAL", error="m")
            for each in (bill, other)
        ]
        fields = [[[bool(field) for field in row] for row in code.matrix] for code in codes]
        read = pdfs.printed_code(printed(ana, bill), tmp_path, modules=len(fields[0]))
        assert read == fields[0]
        assert read != fields[1]

    def test_names_are_text_never_markup(self, account: BillingAccount, ana: Client) -> None:
        bill = make_invoice(
            account, number="<script>1</script>", provider='<img src="file:///etc/passwd">{{ 7|add:7 }}'
        )
        said = pdfs.text(printed(ana, bill))
        assert "Bill <script>1</script>" in said
        assert '<img src="file:///etc/passwd">{{ 7|add:7 }}' in said

    def test_a_premium_has_a_period_and_no_visit(self, account: BillingAccount, ana: Client) -> None:
        premium = make_invoice(account, 312_50, kind=Invoice.Kind.PREMIUM, provider="")
        said = pdfs.text(printed(ana, premium))
        assert "Coverage" in said
        assert "Date of service" not in said
        assert "What this premium is for" in said


class TestTheDownload:
    def test_has_a_plain_name_and_is_not_kept(self, account: BillingAccount, ana: Client) -> None:
        bill = make_invoice(account, number='"; filename="x')
        response = ana.get(reverse("billing:bill_pdf", args=[bill.pk]))
        assert response["Content-Disposition"] == f'inline; filename="bill-{bill.pk}.pdf"'
        assert "no-store" in response["Cache-Control"]

    def test_others_have_no_such_bill(self, account: BillingAccount, client: Client) -> None:
        bill = make_invoice(account)
        client.force_login(make_account().guarantor.user)
        assert client.get(reverse("billing:bill_pdf", args=[bill.pk])).status_code == 404

    def test_without_the_pdf_engine_the_page_says_so(
        self, account: BillingAccount, ana: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*args: object, **kwargs: object) -> bytes:
            raise pdf.PdfUnavailable("no Pango")

        monkeypatch.setattr(pdf, "render", missing)
        response = ana.get(reverse("billing:bill_pdf", args=[make_invoice(account).pk]))
        assert response.status_code == 503
        assert "We cannot make this document right now" in words(response)

    def test_is_linked_from_the_bill(self, account: BillingAccount, ana: Client) -> None:
        bill = make_invoice(account)
        page = ana.get(reverse("billing:detail", args=[bill.pk])).content.decode()
        assert f'href="{reverse("billing:bill_pdf", args=[bill.pk])}"' in page

    def test_costs_the_same_few_queries_whatever_the_number_of_lines(
        self, account: BillingAccount, ana: Client, django_assert_max_num_queries: object
    ) -> None:
        ana.get(reverse("billing:home"))
        for lines in (1, 20):
            bill = bill_of(account, lines=lines)
            with django_assert_max_num_queries(5):  # type: ignore[operator]
                printed(ana, bill)
