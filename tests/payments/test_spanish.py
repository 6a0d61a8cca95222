"""What a member who chose Spanish gets for a payment: mail and pages (documents: tests/documents)."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import translation
from post_office.models import Email

from accounts.services import users
from billing.models import BillingAccount, Invoice
from billing.services.invoices import LineDraft
from common.templatetags.kppay import day, moment, money, money_words
from demo.stripe.core import Sandbox
from payments.services import receipts
from tests.support import pdfs
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.receipts import editions, settle
from tests.support.spanish import english_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]


@pytest.fixture
def household() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez"))


def made(household: BillingAccount) -> Invoice:
    """A visit whose data are nobody's to translate, so that English words in documents are ours."""
    on = dt.date(2026, 9, 1)
    visit = LineDraft(
        service_on=on,
        code="99213",
        code_system="CPT",
        description="Consulta",
        charge_cents=1_042_10,
        patient_cents=1_042_10,
    )
    return make_invoice(
        household,
        1_042_10,
        number="NC-417",
        provider="Dra. Ruiz",
        facility="Clínica Norte",
        service_on=on,
        lines=[visit],
    )


def test_mail_and_pages_of_a_payment_are_in_spanish(
    sandbox: Sandbox, household: BillingAccount
) -> None:
    users.set_language(user=household.guarantor.user, language="es")
    invoice = made(household)
    receipt = settle(sandbox, {invoice: 1_000_00})
    assert receipts.render(receipt_id=receipt.pk) is True
    receipt.refresh_from_db()

    mail = Email.objects.get(pk=receipt.mail_id)
    assert mail.subject == "Recibo de su pago de $1,000.00"
    assert "Recibimos su pago de $1,000.00" in mail.message
    assert '<html lang="es">' in mail.html_message
    assert english_in(mail.message.replace("/payments/", "").replace("receipt.pdf", "")) == []

    client = Client()
    client.force_login(household.guarantor.user)
    client.cookies["django_language"] = "es"
    reference = [receipt.payment.reference]
    for name, arguments in (
        ("billing:home", []),
        ("billing:detail", [invoice.pk]),
        ("payments:history", []),
        ("payments:show", reference),
    ):
        page = client.get(reverse(name, args=arguments))
        assert '<html lang="es">' in page.text
        assert english_in(words(page)) == [], name


def test_a_stored_receipt_keeps_the_language_in_which_it_was_made(
    sandbox: Sandbox, household: BillingAccount
) -> None:
    receipt = settle(sandbox, {made(household): 1_042_10})
    receipts.render(receipt_id=receipt.pk)
    users.set_language(user=household.guarantor.user, language="es")
    receipt.refresh_from_db()
    assert receipt.language == "en"
    assert [pdfs.structure(pdf).language for pdf in editions(receipt)] == ["en", "en"]


def test_amounts_and_dates_are_in_the_readers_form() -> None:
    at = dt.datetime(2026, 5, 3, 14, 5, tzinfo=dt.UTC)
    with translation.override("es"):
        assert money(1_234_56) == "$1,234.56"
        assert money(-5) == "−$0.05"
        assert money_words(42_01) == "42 dólares 1 centavo"
        assert day(at.date()) == "3 de mayo de 2026"
        assert moment(at) == "3 de mayo de 2026, 2:05\xa0p.m."
    assert day(at.date()) == "May 3, 2026"
