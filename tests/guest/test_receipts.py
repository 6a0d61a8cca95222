"""A guest's receipt: mailed to one address, opened once by the mail's link, never before settlement."""

import datetime as dt
import re
from io import BytesIO

import pytest
from django.core import mail
from django.test import Client
from post_office.models import Email
from pypdf import PdfReader

from billing.models import Invoice
from billing.pdf import PdfUnavailable
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from payments.models import Payment, PaymentEvent, Receipt, ReceiptLink, Refund, State
from payments.services import receipt_links, receipts, refunds, submission
from payments.services.receipt_links import LinkDead
from tests.support import guests, paying, pdfs
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.guests import MAIL, PAYMENT, START
from tests.support.spanish import english_in

pytestmark = pytest.mark.django_db(transaction=True)

GUEST = "guest@example.com"


@pytest.fixture
def bill() -> Invoice:
    owner = make_member(first_name="Avery", last_name="Castellan")
    return make_invoice(make_account(owner), 84_20)


@pytest.fixture
def paid(client: Client, sandbox: Sandbox, bill: Invoice) -> Payment:
    payment = guests.pay(client, sandbox, bill)
    client.get(PAYMENT)
    return payment


def send_to(client: Client, email: str = GUEST) -> str:
    """Ask for the receipt; returns what the page says."""
    return words(client.post(MAIL, {"email": email}, follow=True))


def mailed_link() -> str:
    """The path in the newest mail."""
    found = re.search(r"http://testserver(/guest/receipt/\S+/)", Email.objects.latest("pk").message)
    assert found is not None
    return found[1]


def test_the_receipt_goes_to_the_guest_as_a_pdf_without_patient_provider_or_account(
    client: Client, paid: Payment, bill: Invoice
) -> None:
    assert Email.objects.count() == 0  # nobody gave an address yet
    assert "on its way to guest@example.com" in send_to(client)
    deliver_mail()
    (message,) = [one for one in mail.outbox if one.to == [GUEST]]
    assert message.subject == "Receipt for your payment of $84.20"
    ((name, content, kind),) = message.attachments
    assert (name, kind) == (f"receipt-{paid.reference}.pdf", "application/pdf")
    text = "\n".join(page.extract_text() for page in PdfReader(BytesIO(content)).pages)
    assert "$84.20" in text
    assert paid.reference in text
    for hidden in ("Castellan", "Lake Clinic", bill.account.account_number):
        assert hidden not in text + message.body
    receipt = Receipt.objects.get()
    assert (receipt.email, receipt.mailed_at is not None) == (GUEST, True)


def test_the_link_opens_the_page_once_and_not_twice(client: Client, paid: Payment) -> None:
    send_to(client)
    link, browser = mailed_link(), Client()
    assert "It works once" in words(browser.get(link))
    assert browser.get(PAYMENT).headers["Location"] == START  # looking did not open it

    assert browser.post(link).headers["Location"] == PAYMENT
    assert paid.reference in words(browser.get(PAYMENT))

    again = Client().post(link)
    assert again.status_code == 410
    assert "used before" in words(again)
    assert paid.reference not in words(again)


def test_a_scanner_that_opens_every_link_uses_nothing_up(client: Client, paid: Payment) -> None:
    send_to(client)
    for _ in range(5):
        assert Client().get(mailed_link()).status_code == 200
        assert Client().head(mailed_link()).status_code == 200
    assert Client().post(mailed_link()).status_code == 302


def test_the_link_lives_for_a_day_and_is_kept_as_a_hash(paid: Payment) -> None:
    at = paying.later(hours=0)
    token = receipt_links.issue(payment=paid, at=at).split("/")[-2]
    assert token not in str(list(ReceiptLink.objects.values_list()))
    with pytest.raises(LinkDead):
        receipt_links.use(token=token, at=at + dt.timedelta(hours=24))
    assert receipt_links.use(token=token, at=at + dt.timedelta(hours=23, minutes=59)) == paid


@pytest.mark.parametrize("change", ["x{}", "{}x", "nothing.at-all", "{:unsigned}"])
def test_a_link_that_was_made_up_is_as_dead_as_a_used_one(paid: Payment, change: str) -> None:
    token = receipt_links.issue(payment=paid).split("/")[-2]
    changed = token.split(".")[0] if change == "{:unsigned}" else change.format(token)
    dead = Client().post(f"/guest/receipt/{changed}/")
    assert dead.status_code == 410
    Client().post(f"/guest/receipt/{token}/")
    used = Client().post(f"/guest/receipt/{token}/")
    assert words(dead) == words(used)


@pytest.mark.parametrize(
    "email",
    [
        "",
        "nobody",
        "a@example.com\r\nBcc: b@example.com",
        "a@example.com\n",
        "a@example.com, b@example.com",
        "a@example.com;b@example.com",
        "A <a@example.com>",
        "a@example.com b@example.com",
        "a\x00@example.com",
        f"{'a' * 250}@example.com",
    ],
)
def test_one_address_and_nothing_else(client: Client, paid: Payment, email: str) -> None:
    response = client.post(MAIL, {"email": email})
    assert response.status_code == 422
    assert "There is a problem" in words(response)
    assert paid.reference in words(response)
    assert Email.objects.count() == 0
    paid.refresh_from_db()
    assert paid.guest_email == ""


def test_a_mistyped_address_may_be_corrected_but_no_mailbox_is_filled(
    client: Client, paid: Payment
) -> None:
    for email in ("gest@example.com", GUEST, GUEST):
        assert "on its way" in send_to(client, email)
    assert "several times already" in send_to(client, "stranger@example.com")
    assert Email.objects.count() == receipts.MAX_MAILS_TO_GUEST
    receipts.render_due()  # whoever renders comes last, and mails it to nobody once more
    assert Email.objects.count() == receipts.MAX_MAILS_TO_GUEST
    paid.refresh_from_db()
    assert paid.guest_email == GUEST


def test_the_corrected_address_gets_the_receipt_however_late_it_is_rendered(
    client: Client, paid: Payment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first address was given while the payment was on its way, so the receipt knows it already."""
    Payment.objects.filter(pk=paid.pk).update(guest_email="gest@example.com")
    Receipt.objects.filter(payment=paid).update(email="gest@example.com")

    def unavailable(*_: object, **__: object) -> bytes:
        raise PdfUnavailable("no fonts")

    with monkeypatch.context() as patch:
        patch.setattr(receipts, "_document", unavailable)
        send_to(client)
    receipts.render_due()
    assert [mail.to for mail in Email.objects.all()] == [[GUEST]]
    assert "/guest/receipt/" in Email.objects.get().message


def test_a_link_that_went_to_a_mistyped_address_opens_nothing_once_it_is_corrected(
    client: Client, paid: Payment
) -> None:
    send_to(client, "gest@example.com")
    astray = mailed_link()
    send_to(client)
    right = mailed_link()
    dead = Client().post(astray)
    assert dead.status_code == 410
    assert "sent to another address since" in words(dead)
    assert [Client().post(right).status_code for _ in range(2)] == [302, 410]


def test_links_to_the_same_address_stay_good(client: Client, paid: Payment) -> None:
    send_to(client)
    first = mailed_link()
    send_to(client)
    assert [Client().post(link).status_code for link in (first, mailed_link())] == [302, 302]


def test_mail_and_page_speak_the_guests_language(client: Client, paid: Payment) -> None:
    client.cookies["django_language"] = "es"
    assert f"El recibo va en camino a {GUEST}." in send_to(client)
    paid.refresh_from_db()
    assert (paid.guest_language, Receipt.objects.get().language) == ("es", "es")
    page = client.get(PAYMENT)
    assert '<html lang="es">' in page.text
    for said in ("Su pago está hecho", "Usted pagó", "Imprimir esta página", "Enviar el recibo"):
        assert said in words(page)

    deliver_mail()
    (message,) = [one for one in mail.outbox if one.to == [GUEST]]
    assert message.subject == "Recibo de su pago de $84.20"
    body = str(message.body)
    assert "El recibo está adjunto en PDF." in body
    assert "dentro de 24 horas. El enlace funciona una vez:" in body
    assert english_in(re.sub(r"http\S+", "", body)) == []

    ((_name, content, _kind),) = message.attachments
    text = pdfs.text(content)
    for said in ("Recibo de pago", "Lo que cubrió este pago", "Pagado con", paid.reference, "$84.20"):
        assert said in text
    assert english_in(text) == []
    assert pdfs.structure(content).language == "es"


class TestBeforeTheMoneyHasArrived:
    @pytest.fixture
    def debit(self, client: Client, sandbox: Sandbox, bill: Invoice) -> Payment:
        guests.find(client, guests.by_code(bill))
        guests.give_amount(client, sandbox, bill, card="pm_usBankAccount_processing")
        page = client.get(guests.REVIEW)
        guests.confirm(client, agreed=page.context["terms"].sha256)
        return Payment.objects.get()

    def test_there_is_nothing_to_print_and_no_receipt_is_mailed(
        self, client: Client, debit: Payment
    ) -> None:
        assert debit.state == State.PROCESSING
        page = client.get(PAYMENT)
        assert "no receipt" in words(page)
        assert "data-print" not in page.content.decode()
        assert "when we know how the payment ended" in send_to(client)
        assert Email.objects.count() == 0

    def test_the_page_promises_no_day_that_is_past(self, client: Client, debit: Payment) -> None:
        assert "We expect it by" in words(client.get(PAYMENT))
        Payment.objects.filter(pk=debit.pk).update(expected_on=dt.date(2020, 1, 2))
        page = words(client.get(PAYMENT))
        assert "We expect it by" not in page
        assert "your bank has not told us yet what became of it" in page

    def test_it_is_mailed_once_when_it_has(
        self, client: Client, sandbox: Sandbox, debit: Payment
    ) -> None:
        send_to(client)
        sandbox.bank.settle("ncal", str(debit.intent_id))
        submission.advance(payment_id=debit.pk, via=PaymentEvent.Via.RECONCILER)
        receipts.render_due()
        (message,) = Email.objects.all()
        assert message.to == [GUEST]
        assert "Receipt for your payment" in message.subject
        assert Client().post(mailed_link()).status_code == 302

    def test_it_is_not_mailed_again_to_who_asks_while_it_is_rendered(
        self, client: Client, sandbox: Sandbox, debit: Payment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        send_to(client)
        sandbox.bank.settle("ncal", str(debit.intent_id))
        submission.advance(payment_id=debit.pk, via=PaymentEvent.Via.RECONCILER)

        def ask_when_rendered(point: str) -> None:
            if point == "payments.receipt_rendered":
                send_to(client)

        monkeypatch.setattr("payments.services.receipts.failpoint", ask_when_rendered)
        assert receipts.render_due() == 1
        assert Email.objects.count() == 1

    def test_a_debit_that_comes_back_is_told(
        self, client: Client, sandbox: Sandbox, debit: Payment
    ) -> None:
        send_to(client)
        sandbox.bank.return_payment("ncal", str(debit.intent_id), "R01")
        submission.advance(payment_id=debit.pk, via=PaymentEvent.Via.RECONCILER)
        (message,) = Email.objects.all()
        assert message.to == [GUEST]
        assert "Nothing was charged" in message.message
        assert "/guest/receipt/" in message.message
        assert "/payments/" not in message.message


def test_money_that_went_back_is_told_and_said_on_the_page(
    client: Client, sandbox: Sandbox, paid: Payment
) -> None:
    send_to(client)
    refunds.request(
        payment=paid,
        amount_cents=84_20,
        destination=Refund.Destination.SOURCE,
        reason="paid twice",
        requested_by=None,
    )
    assert "Refunded" in words(client.get(PAYMENT))
    assert Email.objects.latest("pk").to == [GUEST]


@pytest.mark.receipts
def test_the_members_own_copy_has_no_link_of_the_guests(
    client: Client, paid: Payment, bill: Invoice
) -> None:
    member = Client()
    member.force_login(bill.account.guarantor.user)
    member.post(f"/payments/{paid.reference}/receipt/mail/")
    message = Email.objects.get()
    assert message.to == [bill.account.guarantor.user.email]
    assert "/guest/" not in message.message
    assert ReceiptLink.objects.count() == 0
