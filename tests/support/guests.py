"""A guest's browser, step by step: find the bill, amount and card, review, confirm."""

from collections.abc import Mapping

from django.http import HttpResponse
from django.test import Client

from billing.models import BillingAccount, Invoice
from demo.stripe.core import Sandbox
from payments.models import Payment

START, BILL, CARD, REVIEW, PAYMENT = (
    "/guest/",
    "/guest/bill/",
    "/guest/card/",
    "/guest/review/",
    "/guest/payment/",
)
MAIL = "/guest/payment/mail/"
VISA, DECLINED = "pm_card_visa", "pm_card_visa_chargeDeclined"
THREE_D_SECURE = "pm_card_threeDSecure2Required"


def by_code(bill: Invoice, **other: str) -> dict[str, str]:
    """What a guest types who has the bill; `other` replaces some of it."""
    return {"region": bill.account.region.code, "code": bill.pay_code or "", **other}


def by_account(account: BillingAccount, **other: str) -> dict[str, str]:
    """What a guest types who has no pay code."""
    owner = account.guarantor
    return {
        "region": account.region.code,
        "account_number": account.account_number,
        "last_name": owner.last_name,
        "date_of_birth_month": str(owner.date_of_birth.month),
        "date_of_birth_day": str(owner.date_of_birth.day),
        "date_of_birth_year": str(owner.date_of_birth.year),
        **other,
    }


def find(client: Client, typed: Mapping[str, str], **extra: str) -> HttpResponse:
    return client.post(START, typed, **extra)


def token_for(sandbox: Sandbox, bill: Invoice, card: str = VISA) -> str:
    """What Stripe's frame hands to the page for this card."""
    return sandbox.confirmation_token(bill.account.region.stripe_account, card=card)


def give_amount(
    client: Client, sandbox: Sandbox, bill: Invoice, *, card: str = VISA, amount: str = ""
) -> HttpResponse:
    """Page 2, with the script: amount and card go together."""
    how_much = {"how_much": "part", "amount": amount} if amount else {"how_much": "full"}
    token = token_for(sandbox, bill, card)
    return client.post(BILL, {**how_much, "confirmation_token": token})


def confirm(client: Client, **more: str) -> HttpResponse:
    """Look at the review and press its button."""
    page = client.get(REVIEW)
    assert page.status_code == 200, page.headers
    return client.post(REVIEW, {"reviewed": page.context["checkout"].method_key, **more})


def pay(
    client: Client, sandbox: Sandbox, bill: Invoice, *, card: str = VISA, amount: str = ""
) -> Payment:
    """The whole way with a pay code."""
    assert find(client, by_code(bill)).headers["Location"] == BILL
    assert give_amount(client, sandbox, bill, card=card, amount=amount).headers["Location"] == REVIEW
    assert confirm(client).headers["Location"] == PAYMENT
    return Payment.objects.latest("pk")
