"""Autopay in tests: a calendar that moves, people who enroll, days with the work of beat."""

import datetime as dt
from zoneinfo import ZoneInfo

import pytest
from django.utils import timezone

from accounts.models import Region
from autopay.models import Draft, Enrollment, Scope
from autopay.services import cards, drawing, enrollment, notices, outcomes, planning
from autopay.terms import Choice, for_autopay
from billing.models import BillingAccount, Invoice
from common.clock import business_date, now
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from payments.authorizations import Agreement
from payments.gateway import Consent
from payments.models import PaymentMethod
from payments.services import receipts, reconcile, webhooks
from tests.support import methods
from tests.support.factories import make_account, make_invoice

CONSENT = Consent(ip_address="203.0.113.7", user_agent="Test browser")
# A Monday; the test's world begins on it at noon in California.
START = dt.date(2026, 11, 2)


class Calendar:
    """The clock of the portal, its database rows and the sandbox, moved together; forward only."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> None:
        self._real = timezone.now
        self._sandbox = sandbox
        self._shift = dt.timedelta()
        monkeypatch.setattr(timezone, "now", lambda: self._real() + self._shift)

    def go_to(self, day: dt.date, *, hour: int = 12, zone: str = "America/Los_Angeles") -> None:
        moment = dt.datetime.combine(day, dt.time(hour), tzinfo=ZoneInfo(zone))
        by = moment - now()
        self._shift += by
        ahead = now() - self._sandbox.now()
        if ahead > dt.timedelta():
            self._sandbox.shift_clock(ahead)

    def today(self, region: Region) -> dt.date:
        return business_date(region.time_zone)


@pytest.fixture
def calendar(monkeypatch: pytest.MonkeyPatch, sandbox: Sandbox) -> Calendar:
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
    return enroll(methods.add(sandbox, account or make_account(), card), **choice)


def bill(
    stands: Enrollment | BillingAccount, cents: int = 120_00, *, due_on: dt.date, **more: object
) -> Invoice:
    account = stands.account if isinstance(stands, Enrollment) else stands
    return make_invoice(account, cents, due_on=due_on, **more)  # type: ignore[arg-type]


def draft_of(invoice: Invoice) -> Draft:
    return Draft.objects.select_related("enrollment", "payment", "invoice").get(invoice=invoice)


def work(region: Region, *, run: bool = True) -> None:
    """What beat has workers do in the course of a day."""
    today = business_date(region.time_zone)
    planning.plan_region(region=region, as_of=today)
    notices.announce_due(region=region, as_of=today)
    deliver_mail()
    notices.follow_up(region=region, as_of=today)
    outcomes.apply_due(region=region, as_of=today)
    if run:
        drawing.run(region=region, as_of=today, today=today)
    cards.announce_expiry(region=region, as_of=today)
    settle(region)


def settle(region: Region) -> None:
    """Payments' own work: what Stripe has decided is learned, receipts go out."""
    reconcile.reconcile_unsettled(at=now() + dt.timedelta(hours=7))
    webhooks.process_pending()
    outcomes.apply_due(region=region, as_of=business_date(region.time_zone))
    receipts.render_due()


def pass_days(calendar: Calendar, region: Region, *, until: dt.date, run: bool = True) -> None:
    """Every day with its work, up to and with `until`."""
    day = business_date(region.time_zone)
    while day < until:
        day += dt.timedelta(days=1)
        calendar.go_to(day)
        work(region, run=run)
