"""Where documents are ordered, what the household has been billed, and what a document has to say."""

import datetime as dt
import itertools
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TypeVar

from django.test import Client
from django.urls import reverse

from accounts.models import Member
from accounts.services import users
from billing.models import BillingAccount, Invoice
from billing.services.invoices import LineDraft
from demo.stripe.core import Sandbox
from tests.support.autopay import Calendar
from tests.support.factories import make_account, make_invoice, make_member

ANA, JOSE = "Ana O'Brien-Núñez", "José D’Ambrosio"
PROVIDER, FACILITY = "Dra. Łucja Kowalczyk-Ávila", "Clínica Ñandú"
# Widths and breaks: a service of two lines, a person of two lines.
LONG_SERVICE = "Prótesis de rodilla derecha, revisión de l’articulación, radiografías y fisioterapia"
LONG_NAME = ("María de los Ángeles", "Fernández-O'Shaughnessy y Gutiérrez de la Peña")
SERVICE_DAY = dt.date(2026, 9, 14)

T = TypeVar("T")


@dataclass(frozen=True)
class Sample:
    """A document as somebody gets it, and what it has to say; amounts in cents, in reading order."""

    pdf: bytes
    title: str
    headings: tuple[str, ...]  # the first is the document's, the others are of its parts
    cents: tuple[int, ...]
    tables: int
    words: tuple[str, ...]
    hidden: tuple[str, ...] = ()
    alternatives: tuple[str, ...] = ()  # what is said in place of each picture
    pages: int = 1  # where it is more than one, at least so many
    # The heads of the long table stand on every page that has rows of it; what each row says, how many.
    heads: tuple[str, ...] = ()
    row: str = ""
    rows: int = 0


@dataclass
class Desk:
    """Where a household orders documents in its language; and what it has been billed."""

    sandbox: Sandbox
    calendar: Calendar
    language: str
    account: BillingAccount = field(init=False)
    child: Member = field(init=False)

    def __post_init__(self) -> None:
        self.account = make_account(make_member(first_name="Ana", last_name="O'Brien-Núñez"))
        self.child = make_member(first_name="José", last_name="D’Ambrosio", registered=False)
        users.set_language(user=self.account.guarantor.user, language=self.language)

    def say(self, english: T, spanish: T) -> T:
        return {"en": english, "es": spanish}[self.language]

    def page(self, name: str, *arguments: object) -> bytes:
        """What the browser of Ana downloads there."""
        client = Client()
        client.force_login(self.account.guarantor.user)
        client.cookies["django_language"] = self.language
        response = client.get(reverse(name, args=arguments))
        assert (response.status_code, response["Content-Type"]) == (200, "application/pdf"), response
        return response.content

    def visit(self, number: str = "NC-417", *, lines: int = 2, **more: object) -> Invoice:
        """José's bill of so many services, all amounts of which differ."""
        return make_invoice(
            self.account,
            number=number,
            patient=self.child,
            provider=PROVIDER,
            facility=FACILITY,
            lines=[
                LineDraft(
                    service_on=SERVICE_DAY,
                    code=f"99{n:03d}",
                    code_system="CPT",
                    description=LONG_SERVICE if n % 8 == 1 else f"Consulta nº {n}: l’examen",
                    charge_cents=(123_456_00 if n == 1 else 1_250_00) + 3 * n,
                    plan_paid_cents=(122_856_00 if n == 1 else 650_00) + n,
                    adjustment_cents=500_00 + n,
                    patient_cents=100_00 + n,
                )
                for n in range(lines)
            ],
            **more,  # type: ignore[arg-type]
        )

    def bills(self, count: int) -> dict[Invoice, int]:
        """So many bills of the household, and what is to be paid on each."""
        return {
            make_invoice(
                self.account,
                1_010_00 + n,
                number=f"NC-{n:05d}",
                patient=self.child if n % 2 else None,
                provider=PROVIDER if n % 3 else "",
                facility=FACILITY,
            ): 10_00 + 7 * n
            for n in range(count)
        }


def line_cents(bill: Invoice) -> Iterable[int]:
    """Four amounts a line, and their sums."""
    names = ("charge_cents", "plan_paid_cents", "adjustment_cents", "patient_cents")
    rows = list(bill.lines.order_by("position").values_list(*names))
    return itertools.chain(*rows, map(sum, zip(*rows, strict=True)))


def line_heads(desk: Desk) -> tuple[str, ...]:
    return desk.say(
        ("Service", "Charge", "Plan paid", "Adjustment", "Your part"),
        ("Servicio", "Cargo", "El plan pagó", "Ajuste", "Su parte"),
    )
