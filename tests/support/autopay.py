"""Autopay in tests: a calendar that moves, people who enroll, days with the work of beat."""

import datetime as dt
from collections import Counter
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone
from django.utils.formats import date_format
from post_office.models import Email

from accounts.models import Region
from autopay.models import Draft, DraftState, Enrollment, Notice, NoticeState, Run, Scope
from autopay.services import cards, drawing, enrollment, notices, outcomes, planning
from autopay.terms import Choice, for_autopay
from billing.models import BillingAccount, Invoice
from common import clock, mail
from common.clock import business_date, now
from common.money import format_cents
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from payments import wake
from payments.authorizations import Agreement
from payments.gateway import Consent
from payments.models import SETTLED, Allocation, Payment, PaymentMethod, Receipt
from payments.services import reconcile, setups, webhooks
from tests.support import methods, paying
from tests.support.factories import make_account, make_invoice

CONSENT = Consent(ip_address="203.0.113.7", user_agent="Test browser")
# A Monday; the test's world begins on it at noon in California.
START = dt.date(2026, 11, 2)


class Calendar:
    """The clock of the portal, of its database and of the sandbox, moved together."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
        real, database = timezone.now, clock.database_now
        self.shift = dt.timedelta()
        self._sandbox = sandbox
        monkeypatch.setattr(timezone, "now", lambda: real() + self.shift)
        monkeypatch.setattr(clock, "database_now", lambda: database() + self.shift)
        monkeypatch.setattr(sandbox, "_clock", lambda: timezone.now())

    def go_to(self, day: dt.date, *, hour: int = 12, zone: str = "America/Los_Angeles") -> None:
        """To that hour of a day somewhere; what Stripe's clock brings about has happened then."""
        self.go_to_moment(dt.datetime.combine(day, dt.time(hour), tzinfo=ZoneInfo(zone)))

    def go_to_moment(self, moment: dt.datetime) -> None:
        self.shift += moment - now()
        self._sandbox.catch_up()


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Calendar:
    """Begins on START. No worker hears a wake-up: what is to be done is found by the day's work."""
    monkeypatch.setattr(wake, "_send", lambda task, key: None)
    monkeypatch.setattr(mail, "_wake", lambda: None)
    made = Calendar(monkeypatch, sandbox)
    made.go_to(START)
    return made


def choose(method: PaymentMethod, **choice: object) -> Choice:
    """Medical bills on their due dates, from today on, unless told otherwise."""
    given = {
        "scope": Scope.MEDICAL,
        "starts_on": business_date(method.account.region.time_zone),
        **choice,
    }
    return Choice(method=method, **given)  # type: ignore[arg-type]


def agree(account: BillingAccount, choice: Choice) -> Agreement:
    return Agreement(for_autopay(region=account.region, choice=choice), CONSENT)


def enroll(method: PaymentMethod, **choice: object) -> Enrollment:
    """Agree to what is shown for this choice."""
    account, chosen = method.account, choose(method, **choice)
    user = account.guarantor.user
    assert user is not None
    return enrollment.enroll(account=account, choice=chosen, agreement=agree(account, chosen), by=user)


def enrolled(
    sandbox: Sandbox,
    *,
    card: str = "pm_card_visa",
    account: BillingAccount | None = None,
    **choice: object,
) -> Enrollment:
    """Somebody with a saved method and autopay."""
    method = methods.add(sandbox, account or make_account(), card)
    if method.status == PaymentMethod.Status.PENDING:  # the bank's extra step, taken once
        sandbox.complete_challenge(method.account.region.stripe_account, str(method.setup_id))
        method = setups.ask(method_pk=method.pk)
    return enroll(method, **choice)


def bill(
    stands: Enrollment | BillingAccount, cents: int = 120_00, *, due_on: dt.date, **more: object
) -> Invoice:
    account = stands.account if isinstance(stands, Enrollment) else stands
    return make_invoice(account, cents, due_on=due_on, **more)  # type: ignore[arg-type]


def draft_of(invoice: Invoice) -> Draft:
    return Draft.objects.select_related("enrollment", "payment", "invoice").get(invoice=invoice)


def work(region: Region, *, draw: bool = True, threads: int = 1) -> None:
    """What beat has workers do in the course of a day."""
    today = business_date(region.time_zone)
    cards.take_up_renewed(region=region, as_of=today)
    planning.plan_region(region=region, as_of=today)
    notices.announce_due(region=region, as_of=today)
    deliver_mail()
    notices.follow_up(region=region, as_of=today)
    outcomes.apply_due(region=region, as_of=today)
    if draw:
        drawing.run(region=region, as_of=today, today=today, threads=threads)
    cards.announce_expiry(region=region, as_of=today)
    settle(region)


def settle(region: Region) -> None:
    """Payments' own work: what Stripe has decided is learned."""
    Payment.objects.filter(next_check_at__isnull=False).update(next_check_at=now())
    reconcile.reconcile_unsettled(at=now())
    webhooks.process_pending()
    outcomes.apply_due(region=region, as_of=business_date(region.time_zone))


def pass_days(calendar: Calendar, region: Region, *, until: dt.date, draw: bool = True) -> None:
    """Every day with its work, up to and with `until`."""
    day = business_date(region.time_zone)
    while day < until:
        day += dt.timedelta(days=1)
        calendar.go_to(day)
        work(region, draw=draw)


# Two weeks after START, also a Monday: bills due then are announced on START.
DUE = dt.date(2026, 11, 16)


def announced(stands: Enrollment, cents: int = 120_00, *, due_on: dt.date = DUE) -> Draft:
    """A bill whose notice was delivered today."""
    invoice = bill(stands, cents, due_on=due_on, kind=_kind_of(stands))
    work(stands.account.region, draw=False)
    return draft_of(invoice)


def _kind_of(stands: Enrollment) -> Invoice.Kind:
    is_premiums = stands.scope == Scope.PREMIUMS
    return Invoice.Kind.PREMIUM if is_premiums else Invoice.Kind.MEDICAL


def run(region: Region, *, threads: int = 1) -> Run:
    """One run of the region's today, and what became of its draws."""
    today = business_date(region.time_zone)
    made = drawing.run(region=region, as_of=today, today=today, threads=threads)
    settle(region)
    return made


def by(stands: Enrollment) -> dict[str, object]:
    """Its owner, at the browser."""
    return {"by": stands.account.guarantor.user, "consent": CONSENT}


def assert_invariants(sandbox: Sandbox) -> None:
    """Those of every payment; each bill paid and told once, and of I5 one notice for each draw."""
    paying.assert_invariants(sandbox)
    assert_each_bill_paid_once()
    assert_told_once()
    sent = (DraftState.SUBMITTED, DraftState.DRAWN, DraftState.FAILED)
    for draft in Draft.objects.filter(state__in=sent):
        notice = draft.notices.get(state=NoticeState.DELIVERED)
        assert notice.amount_cents >= draft.amount_cents
        assert draft.attempts.exists()


def assert_each_bill_paid_once() -> None:
    """I1 for each bill: one draw at most whose money stayed, and never more than was billed."""
    kept: Counter[Invoice] = Counter()
    draws: Counter[Invoice] = Counter()
    settled = Allocation.objects.filter(payment__state__in=SETTLED)
    for part in settled.select_related("payment", "invoice"):
        left_cents = part.amount_cents - part.reversed_cents
        kept[part.invoice] += left_cents
        if left_cents and part.payment.payer == Payment.Payer.AUTOPAY:
            draws[part.invoice] += 1
    assert max(draws.values(), default=0) <= 1, f"drawn twice: {draws}"
    for invoice, cents in kept.items():
        assert cents <= invoice.total_cents, f"{invoice}: {cents} paid of {invoice.total_cents}"


def assert_told_once() -> None:
    """I5: one mail for each notice, and one receipt of each settled payment, mailed once at most."""
    announced = Counter(
        (
            notice.sent_to,
            f"We will draw {format_cents(notice.amount_cents)} on {date_format(notice.draw_on)}",
        )
        for notice in Notice.objects.all()
    )
    mails = Email.objects.filter(subject__startswith="We will draw")
    assert Counter((mail.to[0], mail.subject) for mail in mails) == announced
    settled = Payment.objects.filter(state__in=SETTLED).order_by("pk")
    receipts = Receipt.objects.order_by("payment")
    assert list(receipts.values_list("payment", flat=True)) == list(
        settled.values_list("pk", flat=True)
    )
    mailed = [receipt.mail_id for receipt in receipts if receipt.mail_id is not None]
    assert len(mailed) == len(set(mailed))
