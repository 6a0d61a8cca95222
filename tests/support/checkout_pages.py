"""The pages of paying, step by step, as a member's browser sends them."""

from collections.abc import Mapping

from django.test import Client

from billing.models import Invoice
from demo.stripe.core import Sandbox

CHOOSE = "/pay/"


def ticked(bills: Mapping[Invoice, str], **more: str) -> dict[str, object]:
    """What step 1 sends for bills with the amounts typed beside them."""
    return {
        "kind": "premium" if any(bill.is_premium for bill in bills) else "medical",
        "pay": [str(bill.pk) for bill in bills],
        **{f"amount_{bill.pk}": amount for bill, amount in bills.items()},
        **more,
    }


def choose(client: Client, invoice: Invoice, amount: str = "", **more: str) -> str:
    """Step 1 for one bill, all of it unless an amount is given; returns where it leads."""
    cents = invoice.open_cents - invoice.reserved_cents
    amount = amount or f"{cents // 100}.{cents % 100:02d}"
    return choose_bills(client, {invoice: amount}, **more)


def choose_bills(client: Client, bills: Mapping[Invoice, str], **more: str) -> str:
    """Step 1; returns where it leads."""
    response = client.post(CHOOSE, ticked(bills, **more))
    assert response.status_code == 302, response.content.decode()
    return response.headers["Location"]


def give_method(client: Client, url: str, sandbox: Sandbox, card: str = "pm_card_visa") -> str:
    """Step 2, with what Stripe's frame would hand over; returns where it leads."""
    token = sandbox.confirmation_token("ncal", card=card)
    response = client.post(url, {"confirmation_token": token})
    assert response.status_code == 302, response.content.decode()
    return response.headers["Location"]


def reviewed(client: Client, review: str) -> dict[str, str]:
    """Look at step 3; returns what its button sends."""
    return {"reviewed": client.get(review).context["reviewed"]}


def press_pay(client: Client, review: str) -> str:
    """Look at step 3 and press its button; returns where it leads."""
    response = client.post(review, reviewed(client, review))
    assert response.status_code == 302, response.content.decode()
    return response.headers["Location"]
