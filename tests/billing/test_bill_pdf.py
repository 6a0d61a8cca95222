"""A bill on paper: what is owed and why, how to pay it, for every reader."""

import datetime as dt
from io import BytesIO

import pikepdf
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation

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


class TestForEveryReader:
    def test_a_screen_reader_gets_headings_tables_and_the_code_in_words(
        self, account: BillingAccount, ana: Client
    ) -> None:
        made = printed(ana, bill_of(account, number="NC-417"))
        found = pdfs.structure(made)
        assert (found.title, found.language) == ("Bill NC-417 - KPPay", "en")
        assert (found.shows_title, found.marked, found.claims_ua) == (True, True, "1")
        assert [tag for tag in found.tags if tag.startswith("/H")] == ["/H1", "/H2", "/H2", "/H2"]
        assert found.tags.count("/Table") == 3
        assert found.tags.count("/Figure") == 1
        order = [found.tags.index(tag) for tag in ("/H1", "/Figure", "/Table")]
        assert order == sorted(order)
        with pikepdf.open(BytesIO(made)) as opened:
            alternatives = [
                str(item["/Alt"])
                for item in opened.objects
                if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"
            ]
        assert alternatives == ["QR code: opens the page to pay this bill"]

    def test_all_that_is_drawn_is_content_or_an_artifact(
        self, account: BillingAccount, ana: Client
    ) -> None:
        for lines in (1, 90):
            made = printed(ana, bill_of(account, lines=lines))
            found = pdfs.structure(made)
            assert set(found.content) == found.marks_drawn
            assert len(found.content) == len(set(found.content))
            assert pdfs.untagged_text(made) == 0

    def test_it_is_one_page_of_at_most_25_kb(self, account: BillingAccount, ana: Client) -> None:
        made = printed(ana, bill_of(account, lines=5, provider="Dr. Łucja Kowalczyk"))
        assert pdfs.pages(made) == 1
        assert len(made) <= 25_000
        assert all(pdfs.fonts(made).values())

    def test_ninety_lines_take_pages_that_repeat_the_heads_and_say_their_number(
        self, account: BillingAccount, ana: Client
    ) -> None:
        bill = bill_of(account, lines=90, number="NC-90")
        made = printed(ana, bill)
        by_page = pdfs.text_by_page(made)
        assert len(by_page) >= 4
        for number, said in enumerate(by_page, start=1):
            assert f"{number} / {len(by_page)}" in said
            assert "Bill NC-90" in said
        with_lines = [said for said in by_page if "code CPT" in said]
        assert all("Plan paid" in said for said in with_lines)
        assert sum(said.count("code CPT") for said in by_page) == 90
        assert f"Still owed {format_cents(bill.open_cents)}" in " ".join(by_page[-2:])
        assert len(made) <= 25_000 * len(by_page)

    def test_it_is_in_the_readers_language(self, account: BillingAccount, ana: Client) -> None:
        bill = make_invoice(account, due_on=dt.date(2026, 11, 30))
        ana.cookies["django_language"] = "es"
        made = printed(ana, bill)
        assert pdfs.structure(made).language == "es"
        with translation.override("es"):
            assert f"30 de {translation.gettext('November')} de 2026" in pdfs.text(made)


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
