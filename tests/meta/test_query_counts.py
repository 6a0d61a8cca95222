"""No page asks the database more often because there is more to show.

The limits count everything a page asks, the person who is signed in included (design: performance):
at most 4 for a list and for the history, 5 for one thing with all that belongs to it. Measured at 1,
20 and 2,000 bills, paid, refunded and disputed ones among them; what is not made of bills is measured
with as many as one person may well have. Every member's page is here, or in NOT_COUNTED with a reason.
"""

import datetime as dt
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from autopay.models import Draft, Enrollment
from billing import pdf
from billing.models import EntryKind, Invoice, InvoiceLine, LedgerCode
from common.clock import business_date, now
from demo.stripe.core import Sandbox
from payments.models import Dispute, Payment, PaymentMethod, Receipt, Refund, State
from support.models import ChatState, Conversation
from tests.meta import access_matrix as matrix
from tests.support.autopay import enroll
from tests.support.billing import Entry, post_many
from tests.support.chat import make_conversation
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import (
    make_many_in_books,
    make_many_movements,
    make_one_payment,
    refund_in_parts,
)
from tests.support.methods import add

BILLS = (1, 20, 2000)
MANY = 20  # of what nobody has two thousand of: methods, conversations, refunds of one payment
MANY_OF_ONE = 200  # draws of one agreement, postings of one bill, bills of one payment
LIST, DETAIL = 4, 5


@dataclass
class Household:
    """A guarantor with so many bills, each paid; and all that pages show beside them."""

    sandbox: Sandbox
    size: int

    def __post_init__(self) -> None:
        self.account = make_account()
        region = self.account.region
        self.enrollment = enroll(self._saved_methods())
        patients = [self.account.guarantor, *(make_member(region=region) for _ in range(3))]
        paid = make_many_in_books(
            self.account, self.size, days_apart=2000 // self.size, patients=patients
        )
        self.first_day = paid[-1].settled_at or now()
        self.bills = list(self.account.invoices.order_by("pk"))
        self._plan_draws(self.enrollment)
        make_many_movements(self.account, self.size)
        for day in range(min(self.size, MANY)):
            Conversation.objects.update(state=ChatState.CLOSED)
            make_conversation(self.account, at=now() - dt.timedelta(days=MANY - day))

    def _saved_methods(self) -> PaymentMethod:
        """Many, of which one pays."""
        one = add(self.sandbox, self.account)
        PaymentMethod.objects.bulk_create(
            PaymentMethod(
                account=self.account,
                kind="card",
                brand="visa",
                last4="4242",
                status=PaymentMethod.Status.ACTIVE,
                authorization=one.authorization,
                method_id=f"pm_{self.account.pk}_{index}",
            )
            for index in range(min(self.size, MANY) - 1)
        )
        return one

    def _plan_draws(self, enrollment: Enrollment) -> None:
        """One of each bill."""
        on = business_date(self.account.region.time_zone)
        Draft.objects.bulk_create(
            Draft(enrollment=enrollment, invoice=bill, amount_cents=bill.open_cents, draw_on=on)
            for bill in self.bills[:MANY_OF_ONE]
        )

    def client(self) -> Client:
        client = Client()
        client.force_login(self.account.guarantor.user)
        client.get(reverse("chat:index"))  # the first request of a session writes it down
        return client

    @cached_property
    def long_bill(self) -> Invoice:
        """Of as many lines as a stay in hospital has, and of many postings."""
        bill = make_invoice(self.account, 900_00)
        InvoiceLine.objects.bulk_create(
            InvoiceLine(
                invoice=bill,
                position=position,
                service_on=bill.service_from,
                description="Room and board",
                charge_cents=10_00,
                patient_cents=10_00,
            )
            for position in range(2, 91)
        )
        day = bill.issued_on
        lines = [(LedgerCode.PROCESSOR_CLEARING, 1, None), (LedgerCode.RECEIVABLE, -1, bill)]
        post_many(
            self.account,
            [
                Entry(EntryKind.PAYMENT_SETTLED, "test-many", bill.pk * 10_000 + index, day, lines)
                for index in range(min(self.size, MANY_OF_ONE))
            ],
        )
        return bill

    def _of_many(self, *, by: str = "card") -> Payment:
        """One payment of many bills."""
        return make_one_payment(self.account, self.bills[:MANY_OF_ONE], method_kind=by)

    @cached_property
    def paid(self) -> Payment:
        """One payment of every bill there is."""
        payment = make_one_payment(self.account, self.bills)
        Receipt.objects.create(payment=payment, rendered_at=now(), pdf=b"%PDF")
        return payment

    @cached_property
    def refunded(self) -> Payment:
        """In as many parts as there may be."""
        payment = self._of_many()
        refund_in_parts(payment, min(self.size, MANY), to=Refund.Destination.SOURCE)
        return payment

    @cached_property
    def disputed(self) -> Payment:
        payment = self._of_many()
        Payment.objects.filter(pk=payment.pk).update(state=State.DISPUTED)
        Dispute.objects.create(
            payment=payment, dispute_id=f"dp_{payment.pk}", amount_cents=1, reason="fraudulent"
        )
        return payment

    @cached_property
    def recorded_in_error(self) -> Payment:
        payment = self._of_many(by="check")
        refund_in_parts(payment, min(self.size, MANY), to=Refund.Destination.NOWHERE)
        return payment

    @cached_property
    def processing(self) -> Payment:
        """A bank works on it."""
        payment = Payment.objects.create(
            reference=f"KP-{self.account.pk}-BANK",
            region=self.account.region,
            account=self.account,
            payer=Payment.Payer.MEMBER,
            amount_cents=1_00,
            to_balance_cents=1_00,
        )
        made = Payment.objects.filter(pk=payment.pk)
        for state in (State.SUBMITTED, State.PROCESSING):
            made.update(state=state)
        return payment


def plain(name: str) -> Callable[[Household], list[str]]:
    return lambda _household: [reverse(name)]


def asked(name: str, *queries: str) -> Callable[[Household], list[str]]:
    """Addresses of a list, as it is and with these questions."""
    return lambda _household: [reverse(name) + query for query in ("", *queries)]


def of_bills(name: str) -> Callable[[Household], list[str]]:
    return lambda house: [reverse(name, args=[bill.pk]) for bill in (house.bills[0], house.long_bill)]


def of_payments(name: str, *kinds: str) -> Callable[[Household], list[str]]:
    return lambda house: [reverse(name, args=[getattr(house, kind).reference]) for kind in kinds]


def of_year(name: str) -> Callable[[Household], list[str]]:
    """The first year in which something was paid, and this one, to which all came back."""
    return lambda house: [reverse(name, args=[day.year]) for day in (house.first_day, now())]


def of_enrollment(name: str) -> Callable[[Household], list[str]]:
    return lambda house: [reverse(name, args=[house.enrollment.reference])]


def of_conversation(name: str) -> Callable[[Household], list[str]]:
    return lambda house: [reverse(name, args=[house.account.guarantor.user.conversations.last().pk])]


SETTLED = ("paid", "refunded", "disputed", "recorded_in_error")
# By the name in the access matrix: the most that one visit may ask, and where.
COUNTED: dict[str, tuple[int, Callable[[Household], list[str]]]] = {
    "billing:home": (5, plain("billing:home")),  # the next draw of autopay among them
    "billing:list": (
        LIST,
        asked(
            "billing:list",
            "?state=all&page=9999",
            "?search=clinic&sort=owed&kind=medical&year=2020",
        ),
    ),
    "billing:detail": (DETAIL, of_bills("billing:detail")),
    "billing:bill_pdf": (DETAIL, of_bills("billing:bill_pdf")),
    "billing:statements": (LIST, plain("billing:statements")),
    "billing:statement": (LIST, of_year("billing:statement")),
    "billing:statement_pdf": (LIST, of_year("billing:statement_pdf")),
    "payments:choose": (LIST, asked("payments:choose", "?kind=premium", "?tick=none")),
    "payments:history": (
        LIST,
        asked(
            "payments:history",
            "?page=9999",
            "?kind=payment&side=medical&since=1/1/2020&state=done",
            "?kind=dispute",
        ),
    ),
    "payments:history_export": (LIST, asked("payments:history_export", "?kind=refund")),
    "payments:balance": (LIST, asked("payments:balance", "?page=9999")),
    "payments:show": (DETAIL, of_payments("payments:show", *SETTLED, "processing")),
    "payments:claim": (DETAIL, of_payments("payments:claim", "refunded", "disputed")),
    "payments:confirmation": (DETAIL, of_payments("payments:confirmation", "processing")),
    # As it was kept.
    "payments:receipt": (DETAIL, of_payments("payments:receipt", "paid")),
    "payments:methods": (LIST, plain("payments:methods")),
    "chat:index": (LIST, plain("chat:index")),
    # Whose turn it is, and who of us is there now, beside what was said.
    "chat:show": (6, of_conversation("chat:show")),
    # No list of bills: two agreements side by side, each with its next draws, skipped and made ones.
    "autopay:index": (11, plain("autopay:index")),
    "autopay:on": (6, of_enrollment("autopay:on")),
}

# Member's pages that are neither a list nor a detail page of bills, payments or what belongs to them.
NOT_COUNTED: dict[str, Sequence[str]] = {
    "one's own log-in, and no bill": (
        "account_reauthenticate",
        "account_change_password",
        "account_email",
        "usersessions_list",
        "mfa_index",
        "mfa_activate_totp",
        "mfa_add_webauthn",
        "mfa_generate_recovery_codes",
        "account_logout",
        "reminders",
    ),
    "a step of paying: what one checkout holds, read in one query (payments.queries.draft)": (
        "payments:method",
        "payments:review",
        "payments:add_money",
        "payments:withdraw",
    ),
    "a form about one payment method": (
        "payments:method_add",
        "payments:method_step",
        "payments:method_verify",
        "payments:method_remove",
    ),
    "a form about one agreement of autopay, or one draw": (
        "autopay:method",
        "autopay:change_method",
        "autopay:agree_method",
        "autopay:change_day",
        "autopay:change_limit",
        "autopay:act",
        "autopay:skip",
        "autopay:unskip",
    ),
    "what was agreed to, word for word": ("autopay:copy", "autopay:proof", "autopay:canceled"),
    "an answer to a page that waits": ("payments:state", "chat:new_messages"),
    "a file of one conversation": ("chat:attach", "chat:file", "chat:transcript"),
}


@pytest.fixture
def _as_for_many_rows(db: None) -> None:
    """Nobody has counted the rows of a test's transaction, and PostgreSQL would plan for a few."""
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_nestloop = off")


@pytest.fixture(autouse=True)
def _documents_stay_html(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two thousand bills on paper take minutes; what a document asks, its template has asked before."""
    monkeypatch.setattr(pdf, "from_html", str.encode)


@pytest.mark.usefixtures("_as_for_many_rows")
def test_pages_ask_the_same_few_questions_however_many_bills_there_are(sandbox: Sandbox) -> None:
    found: dict[str, list[list[int]]] = {name: [] for name in COUNTED}
    for size in BILLS:
        house = Household(sandbox, size)
        for name, (_limit, addresses) in COUNTED.items():
            urls, client = addresses(house), house.client()
            found[name].append([questions(client, url) for url in urls])
    too_many = {
        name: counts
        for name, counts in found.items()
        if any(max(each) > COUNTED[name][0] for each in counts)
    }
    assert too_many == {}
    assert {name: counts for name, counts in found.items() if any(c != counts[0] for c in counts)} == {}


def test_every_members_page_is_counted_or_says_why_not() -> None:
    named = [*COUNTED, *(name for names in NOT_COUNTED.values() for name in names)]
    assert sorted(named) == sorted(set(named))
    assert set(pages_of_members()) <= set(named)
    assert set(named) <= set(matrix.ROWS)


def pages_of_members() -> Iterator[str]:
    """What a member gets at a GET, and somebody without a log-in does not."""
    for name, row in matrix.ROWS.items():
        is_page = row.method == "get" and row.outcomes[matrix.MEMBER] == matrix.OK
        if is_page and row.outcomes[matrix.ANONYMOUS] != matrix.OK:
            yield name


def questions(client: Client, url: str) -> int:
    Client().get(reverse("home"))  # what every page says is kept for some seconds; not in the middle
    with CaptureQueriesContext(connection) as captured:
        response = client.get(url)
        assert response.status_code == 200, url
        assert b"".join(response)  # a download asks while it is read
    return len(captured)
