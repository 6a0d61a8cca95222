"""What the server remembers of a guest: the bill that was found, the checkout, the payment just made.

Kept in the server-side session, so that nothing of it travels in an address or a form. Each part ends
a while after the guest's last step; a new session key comes with each bill that is found.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase

from payments.guest.finding import Found
from payments.models import Checkout, Payment

BILL_LIVES = dt.timedelta(minutes=15)
PAYMENT_LIVES = dt.timedelta(minutes=60)

_BILL, _PAYMENT = "guest_bill", "guest_payment"


@dataclass(frozen=True, slots=True)
class Visit:
    """The bill, or the account, that this guest may pay now."""

    found: Found
    checkout: uuid.UUID | None = None  # the draft that the guest is about to confirm


def begin(session: SessionBase, found: Found, *, at: dt.datetime) -> None:
    """A bill was found. The new session key is known to nobody who saw the old one (ASVS 7.2.4)."""
    session.cycle_key()
    _keep(session, Visit(found), at)


def current(session: SessionBase, *, at: dt.datetime) -> Visit | None:
    """The visit, for another quarter of an hour; None where there is none or it was left too long."""
    kept = _alive(session, _BILL, at)
    if kept is None:
        return None
    checkout = uuid.UUID(kept["checkout"]) if kept["checkout"] else None
    visit = Visit(Found(kept["account"], kept["invoice"]), checkout)
    _keep(session, visit, at)
    return visit


def draft(session: SessionBase, visit: Visit, checkout: Checkout, *, at: dt.datetime) -> None:
    """This is the checkout that the guest is about to confirm; an earlier one is forgotten."""
    _keep(session, Visit(visit.found, checkout.pk), at)


def show_payment(session: SessionBase, payment: Payment, *, at: dt.datetime) -> None:
    """The guest sees this payment's page for a while."""
    session[_PAYMENT] = {"payment": payment.pk, "until": (at + PAYMENT_LIVES).timestamp()}


def shown_payment(session: SessionBase, *, at: dt.datetime) -> int | None:
    """The key of the payment whose page the guest may see."""
    kept = _alive(session, _PAYMENT, at)
    return kept["payment"] if kept else None


def end(session: SessionBase) -> None:
    """The bill was paid: nobody who comes to this browser later sees it."""
    session.pop(_BILL, None)


def _keep(session: SessionBase, visit: Visit, at: dt.datetime) -> None:
    session[_BILL] = {
        "account": visit.found.account_id,
        "invoice": visit.found.invoice_id,
        "checkout": str(visit.checkout or ""),
        "until": (at + BILL_LIVES).timestamp(),
    }


def _alive(session: SessionBase, key: str, at: dt.datetime) -> dict | None:
    kept = session.get(key)
    return kept if kept and kept["until"] > at.timestamp() else None
