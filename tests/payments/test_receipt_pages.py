"""A member downloads a receipt, or has it mailed once more; nobody else gets it."""

import datetime as dt
from pathlib import Path

import pytest
from django.core import mail as mailbox
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from billing import pdf
from common.clock import now
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt
from payments.services import receipts
from tests.support import paying, pdfs
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.receipts import settle

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]


@pytest.fixture
def receipt(sandbox: Sandbox) -> Receipt:
    """Of a payment of $120.00 that Ana made; not rendered yet."""
    account = make_account(make_member(first_name="Ana", last_name="Núñez", email="ana@example.com"))
    return settle(sandbox, {make_invoice(account, number="NC-417"): 120_00})


@pytest.fixture
def ana(receipt: Receipt) -> Client:
    client = Client()
    client.force_login(receipt.payment.account.guarantor.user)
    return client


def download_url(receipt: Receipt) -> str:
    return reverse("payments:receipt", args=[receipt.payment.reference])


def mail_url(receipt: Receipt) -> str:
    return reverse("payments:mail_receipt", args=[receipt.payment.reference])


class TestDownload:
    def test_it_opens_in_the_browser_under_a_plain_name_and_is_not_kept(
        self, receipt: Receipt, ana: Client
    ) -> None:
        receipts.render(receipt_id=receipt.pk)

        response = ana.get(download_url(receipt))

        assert response.status_code == 200
        assert response["Content-Type"] == "application/pdf"
        name = f"receipt-{receipt.payment.reference}.pdf"
        assert response["Content-Disposition"] == f'inline; filename="{name}"'
        assert "no-store" in response["Cache-Control"]
        assert response["X-Content-Type-Options"] == "nosniff"
        receipt.refresh_from_db()
        assert response.content == bytes(receipt.pdf)
        assert "Patient: Ana Núñez" in pdfs.text(response.content)

    def test_one_that_is_not_ready_is_made_at_once_and_mailed_as_always(
        self, receipt: Receipt, ana: Client
    ) -> None:
        response = ana.get(download_url(receipt))

        assert response.status_code == 200
        assert "NC-417" in pdfs.text(response.content)
        assert Email.objects.get().to == ["ana@example.com"]
        assert ana.get(download_url(receipt)).content == response.content
        assert Email.objects.count() == 1

    def test_while_a_worker_is_at_it_the_page_says_so_and_asks_again(
        self, receipt: Receipt, ana: Client
    ) -> None:
        Receipt.objects.filter(pk=receipt.pk).update(claimed_until=now() + dt.timedelta(minutes=1))

        response = ana.get(download_url(receipt))

        assert response.status_code == 503
        assert (response["Retry-After"], response["Refresh"]) == ("3", "3")
        assert "Your payment of $120.00 has gone through" in words(response)

    def test_without_the_pdf_engine_it_is_prepared_elsewhere(
        self, receipt: Receipt, ana: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def missing(*args: object, **kwargs: object) -> bytes:
            raise pdf.PdfUnavailable("no Pango")

        monkeypatch.setattr(pdf, "render", missing)
        response = ana.get(download_url(receipt))
        assert response.status_code == 503
        assert "Your receipt is being prepared" in words(response)

    def test_another_household_a_wrong_reference_and_a_visitor_get_nothing(
        self, receipt: Receipt, client: Client
    ) -> None:
        receipts.render(receipt_id=receipt.pk)
        response = client.get(download_url(receipt))
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))

        client.force_login(make_account().guarantor.user)
        theirs = client.get(download_url(receipt))
        nobodys = client.get(reverse("payments:receipt", args=["KP-2222-2222-2222"]))
        assert (theirs.status_code, nobodys.status_code) == (404, 404)
        assert b"%PDF" not in theirs.content

    def test_a_payment_that_has_not_settled_has_no_receipt(
        self, sandbox: Sandbox, receipt: Receipt, ana: Client
    ) -> None:
        account = receipt.payment.account
        waiting = paying.confirm(paying.start_checkout(sandbox, make_invoice(account)))
        assert ana.get(reverse("payments:receipt", args=[waiting.reference])).status_code == 404

    def test_looking_costs_the_same_whatever_the_number_of_bills(
        self,
        sandbox: Sandbox,
        receipt: Receipt,
        ana: Client,
        django_assert_max_num_queries: object,
    ) -> None:
        account = receipt.payment.account
        long = settle(sandbox, {make_invoice(account): 10_00 for _ in range(12)})
        for each in (receipt, long):
            receipts.render(receipt_id=each.pk)
        ana.get(download_url(receipt))  # a session's first page notes the device
        for each in (receipt, long):
            with django_assert_max_num_queries(5):  # type: ignore[operator]
                assert ana.get(download_url(each)).status_code == 200


class TestMailedAgain:
    @pytest.fixture(autouse=True)
    def _an_hour_ago(self, receipt: Receipt) -> None:
        receipts.render(receipt_id=receipt.pk, at=now() - dt.timedelta(hours=1))

    def test_it_goes_to_the_address_of_who_asks_in_the_mailed_edition(
        self, receipt: Receipt, ana: Client
    ) -> None:
        user = receipt.payment.paid_by
        type(user).objects.filter(pk=user.pk).update(email="new@example.com")

        response = ana.post(mail_url(receipt))

        assert response.status_code == 302
        assert response["Location"] == reverse("payments:show", args=[receipt.payment.reference])
        first, again = Email.objects.order_by("pk")
        assert (first.to, again.to) == (["ana@example.com"], ["new@example.com"])
        assert again.subject == first.subject
        (attachment,) = again.attachments.all()
        with attachment.file.open("rb") as file:
            mailed = pdfs.text(file.read())
        assert "NC-417" in mailed
        assert "Núñez" not in mailed
        receipt.refresh_from_db()
        assert receipt.mail_id == first.pk

    def test_a_second_click_within_five_minutes_sends_nothing_more(
        self, receipt: Receipt, ana: Client
    ) -> None:
        ana.post(mail_url(receipt))
        page = ana.post(mail_url(receipt), follow=True)
        assert Email.objects.count() == 2
        assert "sent a moment ago" in page.content.decode()

    def test_ten_times_and_no_more(self, receipt: Receipt) -> None:
        at = now()
        for _ in range(10):
            at += dt.timedelta(minutes=5)
            receipts.mail_again(receipt=receipt, to="ana@example.com", at=at)
        with pytest.raises(receipts.ResentTooOften):
            receipts.mail_again(receipt=receipt, to="ana@example.com", at=at + dt.timedelta(days=9))
        assert Email.objects.count() == 1 + 10

    def test_looking_sends_nothing_and_others_cannot_ask(
        self, receipt: Receipt, ana: Client, client: Client
    ) -> None:
        assert ana.get(mail_url(receipt)).status_code == 405
        assert client.post(mail_url(receipt)).status_code == 302
        client.force_login(make_account().guarantor.user)
        assert client.post(mail_url(receipt)).status_code == 404
        assert Email.objects.count() == 1
        assert mailbox.outbox == []

    def test_a_form_from_another_site_is_refused(self, receipt: Receipt) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(receipt.payment.paid_by)
        assert strict.post(mail_url(receipt)).status_code == 403
        assert Email.objects.count() == 1


def test_before_the_first_mail_there_is_nothing_to_repeat(receipt: Receipt, ana: Client) -> None:
    page = ana.post(mail_url(receipt), follow=True)
    assert "is being prepared" in page.content.decode()
    assert Email.objects.count() == 0
    assert Payment.objects.get(pk=receipt.payment_id).state == "succeeded"
