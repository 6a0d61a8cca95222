"""What the page of autopay shows, gathered for its template. Days are on the region's calendar."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from django.urls import reverse
from django.utils import timezone
from django.utils.formats import date_format
from django.utils.translation import gettext as _

from accounts.models import Region
from autopay import queries, schedule
from autopay.calendars import Month, months_of
from autopay.letters import standing_of
from autopay.models import Draft, DraftState, Enrollment, EnrollmentState, Scope, StopReason
from autopay.queries import Draw
from autopay.terms import choice_of
from billing.models import BillingAccount
from common.calendar import next_business_day
from payments import declines
from payments.methods import BANK_ACCOUNT, Standing

SHOWN_DRAWS = 3
MOST_DRAWS = 100  # of which some may be on hold


@dataclass(frozen=True, slots=True)
class Coming:
    """One of the next draws, or a day of a monthly schedule on which no bill is due yet."""

    on: dt.date
    draw: Draw | None
    standing: Standing
    owes: bool = False  # refused, on hold, waiting or late: its owner may want to pay it now

    @property
    def pay_url(self) -> str:
        return pay_url(self.draw.draft) if self.draw else ""


@dataclass(frozen=True, slots=True)
class Past:
    """A draw that was sent."""

    draft: Draft
    standing: Standing
    owes: bool  # it failed, and the bill can be paid now

    @property
    def pay_url(self) -> str:
        return pay_url(self.draft)


@dataclass(frozen=True, slots=True)
class Card:
    """Autopay of a scope; without an enrollment there is only the invitation."""

    scope: Scope
    title: str
    enrollment: Enrollment | None = None
    standing: Standing | None = None
    facts: tuple[tuple[str, str, str], ...] = ()  # label, value, where it is changed
    due: tuple[Coming, ...] = ()  # every draw to come
    coming: tuple[Coming, ...] = ()  # the next three of them, and days without a bill so far
    held: tuple[Coming, ...] = ()  # not drawn as things stand
    months: tuple[Month, ...] = ()
    skipped: tuple[Draft, ...] = ()
    past: tuple[Past, ...] = ()

    @property
    def failed(self) -> list[Past]:
        """What its owner has to pay."""
        return [row for row in self.past if row.owes]


def cards(account: BillingAccount, *, on: dt.date) -> list[Card]:
    """Premiums, then medical bills."""
    standing = {enrollment.scope: enrollment for enrollment in queries.enrollments(account)}
    return [
        card_of(standing[scope], on=on) if scope in standing else Card(scope, title_of(scope))
        for scope in (Scope.PREMIUMS, Scope.MEDICAL)
    ]


def card_of(enrollment: Enrollment, *, on: dt.date) -> Card:
    """Everything about one enrollment, on a day."""
    rows = [_coming(enrollment, draw) for draw in queries.upcoming(enrollment, limit=MOST_DRAWS)]
    held = tuple(row for row in rows if row.draw and row.draw.state == DraftState.HELD)
    due = tuple(row for row in rows if row not in held)
    coming = _filled_up(enrollment, due, on)
    return Card(
        scope=Scope(enrollment.scope),
        title=title_of(Scope(enrollment.scope)),
        enrollment=enrollment,
        standing=_state(enrollment),
        facts=facts_of(enrollment),
        due=due,
        coming=coming,
        held=held,
        months=months_of(
            {row.on for row in coming if row.draw},
            chosen={row.on for row in coming if not row.draw},
            today=on,
        )
        if enrollment.draws
        else (),
        skipped=tuple(queries.skipped(enrollment)),
        past=tuple(_past(draft) for draft in queries.past(enrollment)),
    )


def title_of(scope: Scope) -> str:
    return _("Premiums") if scope == Scope.PREMIUMS else _("Medical bills")


def moment_in(region: Region, at: dt.datetime) -> str:
    """A moment by the clock of a region, which is named: Dec. 9, 2026, noon PST."""
    there = timezone.localtime(at, ZoneInfo(region.time_zone))
    return f"{date_format(there, 'DATETIME_FORMAT')} {there:%Z}"


def pay_url(draft: Draft) -> str:
    """Where its bill is paid now."""
    return reverse("payments:choose", query={"bill": draft.invoice_id})


def facts_of(enrollment: Enrollment) -> tuple[tuple[str, str, str], ...]:
    """What it stands for, each with the page that changes it."""
    key = enrollment.reference
    balance = "keep-balance" if enrollment.use_balance else "use-balance"
    pages = (
        reverse("autopay:change_method", args=[key]),
        reverse("autopay:change_day", args=[key]),
        reverse("autopay:change_limit", args=[key]),
        reverse("autopay:act", args=[key, balance]),
        "",
    )
    return tuple(
        (label, value, page)
        for (label, value), page in zip(standing_of(enrollment), pages, strict=True)
    )


def _filled_up(enrollment: Enrollment, due: tuple[Coming, ...], on: dt.date) -> tuple[Coming, ...]:
    """The next three; a monthly schedule goes on with its days on which nothing is due yet."""
    rows = list(due[:SHOWN_DRAWS])
    if enrollment.draws:
        last = max((row.on for row in rows), default=on)
        days = schedule.next_three(choice_of(enrollment).schedule, as_of=last)
        rows += [_no_bill(day) for day in days if day != last or not rows]
    return tuple(rows[:SHOWN_DRAWS])


def _no_bill(day: dt.date) -> Coming:
    return Coming(day, None, Standing("neutral", _("No bill yet")))


def _coming(enrollment: Enrollment, draw: Draw) -> Coming:
    if draw.state == DraftState.HELD:
        return Coming(draw.on, draw, Standing("warn", _("On hold"), str(draw.why_not)), True)
    if not enrollment.draws:
        why = _why(draw.draft) if draw.state == DraftState.FAILED else ""
        return Coming(draw.on, draw, Standing("neutral", _("Waits"), why), True)
    if draw.state == DraftState.FAILED:
        meaning = _("%(why)s We try again on this day.") % {"why": _why(draw.draft)}
        return Coming(draw.on, draw, Standing("warn", _("Next try"), meaning), True)
    if draw.is_announced and draw.draft.noticed_on:
        day = date_format(draw.draft.noticed_on, "DATE_FORMAT")
        tone, word = "good", _("Announced")
        meaning = _("We mailed you the notice on %(date)s.") % {"date": day}
    else:
        tone, word, meaning = "info", _("Planned"), _("You get a notice by mail first.")
    is_late = draw.on > next_business_day(draw.draft.invoice.due_on)
    if is_late:
        meaning += " " + _("This is after the bill is due. Pay it yourself to be on time.")
    return Coming(draw.on, draw, Standing(tone, word, meaning), is_late)


def _past(draft: Draft) -> Past:
    match draft.state:
        case DraftState.DRAWN:
            return Past(draft, Standing("good", _("Paid")), owes=False)
        case DraftState.SUBMITTED:
            return Past(draft, Standing("warn", _("On its way")), owes=False)
    owes = draft.invoice.payable_cents > 0
    return Past(draft, Standing("bad", _("Not paid"), _why(draft)), owes=owes)


def _why(draft: Draft) -> str:
    """Why a bank refused, in a sentence."""
    kind = draft.payment.method_kind if draft.payment else BANK_ACCOUNT
    return str(declines.explain(draft.failure_code, kind=kind).happened)


def _state(enrollment: Enrollment) -> Standing:
    match enrollment.state:
        case EnrollmentState.ACTIVE:
            return Standing("good", _("On"))
        case EnrollmentState.PAUSED:
            return Standing("warn", _("Paused"), _("Nothing is drawn until you resume it."))
    why = {"why": StopReason(enrollment.stop_reason).label}
    if enrollment.stop_reason == StopReason.METHOD_EXPIRED:
        meaning = _(
            "%(why)s. Nothing is drawn until you choose another payment method, or your bank renews "
            "the card: then we tell you, and autopay goes on."
        )
    else:
        meaning = _("%(why)s. Nothing is drawn until you choose another payment method.")
    return Standing("bad", _("Stopped"), meaning % why)
