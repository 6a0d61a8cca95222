"""What a receipt says, and to whom: read from the books, to the cent, in two editions."""

import datetime as dt
from pathlib import Path

import pytest
from post_office.models import Email

from billing.models import BillingAccount, Invoice
from common.money import format_cents
from demo.stripe.core import Sandbox
from payments.models import Receipt
from payments.services import receipts
from tests.support import pdfs
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.receipts import editions, settle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]


@pytest.fixture
def household() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))


def render(receipt: Receipt) -> tuple[str, str]:
    """The words of the itemised edition and of the mailed one."""
    assert receipts.render(receipt_id=receipt.pk) is True
    itemised, mailed = editions(receipt)
    return pdfs.text(itemised), pdfs.text(mailed)


class TestTheAmounts:
    def test_both_editions_say_what_the_books_say_to_the_cent(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        knee = make_invoice(household, 1_042_10, number="NC-417", service_on=dt.date(2026, 9, 1))
        scan = make_invoice(household, 88_40, number="NC-502", service_on=dt.date(2026, 9, 2))
        receipt = settle(sandbox, {knee: 542_09, scan: 88_40})

        for words in render(receipt):
            knee.refresh_from_db()
            scan.refresh_from_db()
            assert (knee.open_cents, scan.open_cents) == (500_01, 0)
            table = words[words.index("Still owed") :]
            expected = [
                *(knee.total_cents, 542_09, knee.open_cents),
                *(scan.total_cents, 88_40, scan.open_cents),
                *(1_130_50, receipt.payment.amount_cents, 500_01),
            ]
            assert pdfs.amounts(table) == [format_cents(cents) for cents in expected]
            assert pdfs.amounts(words)[0] == "$630.49"

    def test_still_owed_is_what_was_left_right_after_this_payment_however_late_it_is_rendered(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        bill = make_invoice(household, 120_00, number="NC-417")
        first = settle(sandbox, {bill: 50_01})
        second = settle(sandbox, {bill: 30_00})

        words, _ = render(first)
        assert pdfs.amounts(words)[-3:] == ["$120.00", "$50.01", "$69.99"]
        words, _ = render(second)
        assert pdfs.amounts(words)[-3:] == ["$120.00", "$30.00", "$39.99"]

    def test_one_bill_has_no_line_of_sums(self, sandbox: Sandbox, household: BillingAccount) -> None:
        words, _ = render(settle(sandbox, {make_invoice(household, 12_00): 12_00}))
        assert pdfs.amounts(words) == ["$12.00", "$12.00", "$12.00", "$0.00"]
        assert "Together" not in words

    def test_the_day_is_the_day_in_the_region(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        evening_in_california = dt.datetime(2026, 11, 3, 5, 30, tzinfo=dt.UTC)
        receipt = settle(sandbox, {make_invoice(household): 120_00})
        type(receipt.payment).objects.filter(pk=receipt.payment.pk).update(
            settled_at=evening_in_california
        )
        for words in render(receipt):
            assert "Paid on Nov. 2, 2026" in words


class TestWhoReadsWhat:
    """Outbound minimum: a mail proves the payment and tells nothing about health."""

    def test_both_name_reference_method_payee_and_support(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        receipt = settle(sandbox, {make_invoice(household, number="NC-417"): 120_00})
        region = household.region
        for words in render(receipt):
            for said in (
                receipt.payment.reference,
                "Visa ending in 4242",
                region.legal_entity,
                region.phone,
                region.tty,
                "NC-417",
            ):
                assert said in words

    def test_only_the_itemised_edition_names_patient_provider_place_dates_and_account(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        child = make_member(first_name="José", last_name="D’Ambrosio", registered=False)
        bill = make_invoice(
            household,
            patient=child,
            provider="Dr. Łucja Kowalczyk",
            facility="Oakland Eye Center",
            service_on=dt.date(2026, 3, 4),
        )
        itemised, mailed = render(settle(sandbox, {bill: 120_00}))

        private = [
            "José D’Ambrosio",
            "Dr. Łucja Kowalczyk, Oakland Eye Center",
            "Date of service: March 4, 2026",
            household.account_number,
            "Ana Núñez-O’Brien",
        ]
        assert [said for said in private if said not in itemised] == []
        parts = ["José", "Ambrosio", "Łucja", "Kowalczyk", "Eye Center", "March", "Núñez", "Brien"]
        assert [said for said in [*private, *parts] if said in mailed] == []

    def test_a_premium_names_the_months_it_covers(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        premium = make_invoice(household, 312_50, kind=Invoice.Kind.PREMIUM, provider="")
        itemised, mailed = render(settle(sandbox, {premium: 312_50}))
        assert "Coverage: " in itemised
        assert "Coverage: " not in mailed

    def test_subject_and_body_of_the_mail_name_no_patient_provider_or_service(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        bill = make_invoice(household, provider="Oakland Eye Center", facility="West Wing")
        receipt = settle(sandbox, {bill: 120_00})
        render(receipt)

        mail = Email.objects.get()
        assert mail.to == [household.guarantor.user.email]
        assert mail.subject == "Receipt for your payment of $120.00"
        for body in (mail.message, mail.html_message):
            assert receipt.payment.reference in body
            assert "Visa ending in 4242" in body
            assert f"/payments/{receipt.payment.reference}/receipt.pdf" in body
            private = ["Oakland", "Wing", "Eye", "Office visit", "99213", "Ana", "Núñez", bill.number]
            assert [said for said in private if said in body] == []

    def test_names_are_text_never_markup(self, sandbox: Sandbox) -> None:
        account = make_account(make_member(first_name="<b>Eve</b>", last_name="O'Hara & Söhne"))
        bill = make_invoice(
            account,
            provider='<img src="file:///etc/passwd">{{ 7|add:7 }}',
            number="<script>1</script>",
        )
        itemised, mailed = render(settle(sandbox, {bill: 120_00}))
        assert "Patient: <b>Eve</b> O'Hara & Söhne" in itemised
        assert 'Provider: <img src="file:///etc/passwd">{{ 7|add:7 }}' in itemised
        assert "<script>1</script>" in mailed


class TestForEveryReader:
    """What holds for every document is in tests/documents."""

    def test_what_is_drawn_first_is_what_matters_most(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        for words in render(settle(sandbox, {make_invoice(household): 120_00})):
            order = ["KPPay", "Payment receipt", "$120.00", "Paid on", "Reference", "Paid with"]
            order += ["What this payment covered", "Bill total", "Paid now", "Still owed"]
            order += ["Questions about this payment?", "Keep this receipt"]
            places = [words.index(said) for said in order]
            assert places == sorted(places)

    def test_its_fonts_travel_with_it_and_cover_accented_names(
        self, sandbox: Sandbox, household: BillingAccount
    ) -> None:
        bill = make_invoice(household, provider="Łucja Őry, Nguyễn")
        receipt = settle(sandbox, {bill: 120_00})
        itemised, _ = render(receipt)
        assert "Łucja Őry, Nguyễn" in itemised
        names = pdfs.fonts(editions(receipt)[0])
        assert all(names.values())
        assert all("KPPay" in name for name in names), names
