"""What the server remembers of a guest: the bill that was found, the checkout, the payment just made.

Kept in the server-side session, so that nothing of it travels in an address or a form. Each part ends
a while after the guest's last step; a new session key comes with each bill that is found. Many a
computer is shared: whoever looks for a bill or logs in next finds nothing of the guest before.
"""

import datetime as dt
import uuid
from dataclasses import dataclass

from django.contrib.sessions.backends.base import SessionBase

from accounts import sessions
from payments.guest.finding import Found
from payments.models import Checkout, Payment

BILL_LIVES = dt.timedelta(minutes=15)
PAYMENT_LIVES = dt.timedelta(minutes=60)

KEYS = _BILL, _PAYMENT = "guest_bill", "guest_payment"


@dataclass(frozen=True, slots=True)
class Visit:
    """The bill, or the account, that this guest may pay now."""

    found: Found
    checkout: uuid.UUID | None = None  # the draft that the guest is about to confirm


def begin(session: SessionBase, found: Found, *, at: dt.datetime) -> None:
    """A bill was found. The new session key is known to nobody who saw the old one (ASVS 7.2.4).

    A payment that was shown may be of whoever was at this computer before.
    """
    sessions.change_key(session)
    session.pop(_PAYMENT, None)
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


def left(session: SessionBase) -> uuid.UUID | None:
    """The checkout of a visit that was left too long, where it had come to one."""
    kept = session.get(_BILL)
    return uuid.UUID(kept["checkout"]) if kept and kept["checkout"] else None


def show_payment(session: SessionBase, payment: Payment, *, at: dt.datetime) -> None:
    """The guest sees this payment's page for a while."""
    session[_PAYMENT] = {"payment": payment.pk, "until": (at + PAYMENT_LIVES).timestamp()}


def shown_payment(session: SessionBase, *, at: dt.datetime) -> int | None:
    """The key of the payment whose page the guest may see."""
    kept = _alive(session, _PAYMENT, at)
    return kept["payment"] if kept else None


def has_shown(session: SessionBase) -> bool:
    """Whether a payment was made or opened here, though its page may have closed since."""
    return _PAYMENT in session


def close_payment(session: SessionBase) -> int | None:
    """The key of the payment whose page has closed; the answer is given once."""
    kept = session.pop(_PAYMENT, None)
    return kept["payment"] if kept else None


def forget(session: SessionBase) -> None:
    """The guest leaves a computer that others use too.

    With the key the cookie changes: pages that the browser kept for its back button go, too.
    """
    sessions.change_key(session)
    for key in KEYS:
        session.pop(key, None)


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
