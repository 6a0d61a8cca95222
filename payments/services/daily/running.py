"""One account, one day: the steps in order, and what came of them."""

import datetime as dt

import structlog
from django.db.models import Max, Min

from common.locks import advisory_lock
from payments import gateway
from payments.models import ReconciledDay
from payments.services.daily import (
    booking,
    copying,
    differences,
    healing,
    holdings,
    report,
    touched,
)
from payments.services.daily.accounts import StripeAccount, configured_accounts
from payments.services.daily.holdings import Holdings
from payments.services.daily.report import Report
from payments.services.daily.touched import Span

log = structlog.get_logger(__name__)

DAY = dt.timedelta(days=1)
# Stripe's book of a day is complete by then.
READY_AFTER = dt.timedelta(hours=2)
# A day that could not be reconciled for so long is left to a person and the command.
CATCH_UP = dt.timedelta(days=31)


class NotYet(RuntimeError):
    """The day has not begun."""


class AlreadyRunning(RuntimeError):
    """Another process is reconciling this account."""


def reconcile_day(*, account: StripeAccount, day: dt.date, as_of: dt.datetime) -> Report:
    """Copy, heal, book and compare a day (UTC) and what came after it until `as_of`.

    A day that is not over is reconciled as far as it goes, and again later; so is one of which a row
    could not be healed, which the report names. Raises NotYet, AlreadyRunning and GatewayError;
    whatever was done until then stands, and is not done twice.
    """
    span = Span.of_day(day)
    if span.since > as_of:
        raise NotYet(str(day))
    with advisory_lock(f"reconcile:{account.name}") as mine, gateway.background():
        if not mine:
            raise AlreadyRunning(account.name)
        return _reconcile(account, day, as_of)


def _reconcile(account: StripeAccount, day: dt.date, as_of: dt.datetime) -> Report:
    span = _span(account, day, as_of)
    is_newest = span.until == as_of
    since = _copied_until(account, day)

    def copy() -> None:
        copying.copy_book(account, since=since, until=span.until)

    balance_cents = None
    if is_newest:
        balance_cents = holdings.copy_at_rest(account, copy)
    else:  # what Stripe holds today says nothing about back then
        copy()
    unhealed = _heal(account, span)
    booked = booking.book_fees(account, since=since) + booking.book_payouts(account, since=since)
    for comparison, keys in touched.keys(account, span).items():
        results = comparison.compare(account, keys)
        differences.keep(account, comparison.kinds, results, on=day)
    held = None if balance_cents is None else _hold(account, balance_cents, day, as_of)
    found = differences.still_open(account)
    if as_of >= Span.of_day(day).until and unhealed is None:
        ReconciledDay.objects.update_or_create(
            stripe_account=account.name, day=day, defaults={"differences": len(found)}
        )
    return report.describe(
        account, day, newly_booked=booked, differences=found, holdings=held, unhealed=unhealed
    )


def _heal(account: StripeAccount, span: Span) -> ExceptionGroup[Exception] | None:
    """What went wrong in it, if anything: one bad row stops neither booking nor comparing."""
    try:
        healing.heal(account, span)
    except ExceptionGroup as failures:
        return failures
    return None


def _hold(account: StripeAccount, balance_cents: int, day: dt.date, as_of: dt.datetime) -> Holdings:
    held = holdings.take_stock(account, stripe_cents=balance_cents, copied_at=as_of)
    differences.keep(account, holdings.KINDS, [holdings.compare_holdings(held)], on=day)
    return held


def _span(account: StripeAccount, day: dt.date, as_of: dt.datetime) -> Span:
    """From the day's beginning to now; where a later day was reconciled, to the day's end."""
    whole = Span.of_day(day)
    later = ReconciledDay.objects.filter(stripe_account=account.name, day__gt=day).exists()
    return Span(whole.since, min(whole.until, as_of) if later else as_of)


def _copied_until(account: StripeAccount, day: dt.date) -> dt.datetime:
    """From where Stripe's book must be copied: the last day before that was, or our first payment.

    That day is copied once more, for what Stripe wrote down late.
    """
    before = ReconciledDay.objects.filter(stripe_account=account.name, day__lt=day)
    last = before.aggregate(last=Max("day"))["last"] or _first_day(account) or day
    return Span.of_day(min(last, day)).since


def _first_day(account: StripeAccount) -> dt.date | None:
    first: dt.datetime | None = account.payments().aggregate(first=Min("created_at"))["first"]
    return first.astimezone(dt.UTC).date() if first else None


def due_days(account: StripeAccount, *, as_of: dt.datetime) -> list[dt.date]:
    """Days that are over and not reconciled yet, oldest first; none before our first payment."""
    last = (as_of - READY_AFTER).astimezone(dt.UTC).date() - DAY
    first = _first_day(account)
    if first is None:
        return []
    first = max(first, last - CATCH_UP)
    done = set(
        ReconciledDay.objects.filter(stripe_account=account.name, day__gte=first).values_list(
            "day", flat=True
        )
    )
    days = (first + n * DAY for n in range((last - first).days + 1))
    return [day for day in days if day not in done]


def catch_up(name: str, *, as_of: dt.datetime) -> None:
    """Reconcile every due day of one account, oldest first, as far as Stripe answers.

    A day with rows that could not be healed stays due and keeps no later day waiting: the failures of
    all days are raised together at the end.
    """
    unhealed: list[Exception] = []
    for account in configured_accounts():
        if account.name != name:
            continue
        for day in due_days(account, as_of=as_of):
            try:
                done = reconcile_day(account=account, day=day, as_of=as_of)
            except (AlreadyRunning, gateway.GatewayError) as error:
                log.warning("reconciliation.put_off", account=name, day=str(day), error=str(error))
                break
            if done.unhealed is not None:
                unhealed.append(done.unhealed)
                continue
            log.info(
                "reconciliation.done", account=name, day=str(day), differences=len(done.differences)
            )
    if unhealed:
        raise ExceptionGroup(f"days of {name} with rows that could not be healed", unhealed)
