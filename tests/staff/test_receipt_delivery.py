"""What became of a receipt: rendered, mailed, delivered or not, as staff see it; a guest's too."""

from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import STATUS, Email

from accounts.roles import Role
from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt
from payments.services import receipts
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.methods import BANK
from tests.support.staff import browser_of, text_of

pytestmark = pytest.mark.django_db
ADA, GUEST = "ada@example.com", "guest@example.com"


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]


@pytest.fixture
def agent() -> Client:
    return browser_of(make_staff(Role.BILLING_AGENT))


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(email=ADA))


@pytest.fixture
def payment(sandbox: Sandbox, account: BillingAccount) -> Payment:
    return paying.pay(sandbox, make_invoice(account, 20_00))


def page_of(agent: Client, payment: Payment) -> str:
    return text_of(agent.get(reverse("admin:desk_payment", args=[payment.reference])))


@pytest.mark.parametrize(
    ("status", "word"),
    [(STATUS.queued, "waits"), (STATUS.sent, "sent"), (STATUS.failed, "failed")],
)
def test_a_members_receipt_is_made_mailed_and_delivered_or_not(
    agent: Client, account: BillingAccount, payment: Payment, status: int, word: str
) -> None:
    assert "Receipt Not made yet." in page_of(agent, payment)
    receipts.render(receipt_id=payment.receipt.pk)
    Email.objects.update(status=status)

    said = page_of(agent, payment)
    assert "Receipt Made " in said
    assert f"Mailed to {ADA}, written " in said
    assert f": {word} Send again" in said

    household = text_of(agent.get(reverse("admin:desk_account", args=[account.pk])))
    mails = household[household.index("Mails Subject") :]
    assert "Receipt for your payment of $20.00" in mails
    assert f" {word} Send again" in mails


def test_each_mail_of_a_receipt_is_told_the_newest_first(agent: Client, payment: Payment) -> None:
    receipts.render(receipt_id=payment.receipt.pk, at=paying.later(hours=-1))
    Email.objects.update(status=STATUS.failed)
    receipts.mail_again(receipt=payment.receipt, to=ADA)
    said = page_of(agent, payment)
    assert said.count(f"Mailed to {ADA}") == 2
    assert said.index(": waits") < said.index(": failed")


def test_a_guests_receipt_is_seen_at_every_address_that_the_guest_gave(
    agent: Client, payment: Payment
) -> None:
    Payment.objects.filter(pk=payment.pk).update(payer=Payment.Payer.GUEST, paid_by=None)
    Receipt.objects.filter(payment=payment).update(email="")
    payment.refresh_from_db()
    receipts.render(receipt_id=payment.receipt.pk)
    assert "Not mailed: nobody gave an address." in page_of(agent, payment)

    receipts.mail_to_guest(payment=payment, to="gusst@example.com", language="en")
    Email.objects.update(status=STATUS.failed)
    receipts.mail_to_guest(payment=payment, to=GUEST, language="en")

    said = page_of(agent, payment)
    assert said.index(f"Mailed to {GUEST}") < said.index("Mailed to gusst@example.com")
    assert said.index(": waits") < said.index(": failed")
    assert "Send again" not in said, "staff mail again to the household alone"


def test_a_mail_that_the_outbox_has_cleaned_away_was_sent_all_the_same(
    agent: Client, payment: Payment
) -> None:
    receipts.render(receipt_id=payment.receipt.pk)
    Email.objects.all().delete()
    said = page_of(agent, payment)
    assert f"Mailed to {ADA}, " in said
    assert "the outbox does not hold the mail any more" in said


def test_money_that_has_not_arrived_has_none(
    agent: Client, sandbox: Sandbox, account: BillingAccount
) -> None:
    waiting = paying.pay(sandbox, make_invoice(account, 20_00), card=BANK)
    assert "Receipt None: the money has not arrived." in page_of(agent, waiting)
