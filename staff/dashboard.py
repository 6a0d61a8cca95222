"""What staff see first: how much came in, what is owed, and what waits for somebody."""

import datetime as dt
from dataclasses import dataclass

from django.http import HttpRequest
from django.urls import reverse

from common.clock import now
from payments.guest import breaker
from staff import totals
from staff.forms import FindForm
from staff.listing import counts
from staff.lists import LISTS
from staff.models import May, RefundRequest, RequestState
from support.queries import waiting_count

DAYS = 14  # of the chart
# Lists whose length is a figure, and what people call it.
LISTED = {
    "review": "Payments to look at",
    "unsettled": "Payments without an outcome",
    "refunds": "Refunds without an answer",
    "differences": "Differences from Stripe's book",
    "events": "Events given up",
    "runs": "Held autopay runs",
    "draws": "Failed autopay draws",
    "guest-cards": "Guests' cards refused in a day",
    "mails": "Mails that failed",
}
WIDTH, HEIGHT, BASE = 560, 150, 120  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Figure:
    """A number that waits for somebody, and where its list is."""

    label: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class Bar:
    """One day of the chart; amounts in cents."""

    day: dt.date
    cents: int
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Dashboard:
    """Amounts in cents; days are UTC, as for Stripe's reconciliation."""

    form: FindForm
    today_cents: int
    month_cents: int
    bars: list[Bar]
    owed: list[tuple[str, str, int, int]]  # list, age, bills, cents
    figures: list[Figure]


def dashboard_for(request: HttpRequest) -> Dashboard | None:
    """None for staff who may not look at members."""
    if not request.user.has_perm(May.LOOK.permission):
        return None
    today = totals.today()
    by_day = totals.money_in(since=today - dt.timedelta(days=DAYS - 1))
    return Dashboard(
        form=FindForm(),
        today_cents=by_day.get(today, 0),
        month_cents=sum(totals.money_in(since=today.replace(day=1)).values()),
        bars=_bars(by_day, today),
        owed=totals.owed_by_age(on=today),
        figures=figures(),
    )


def figures() -> list[Figure]:
    """What waits, each with its list."""
    waiting = RefundRequest.objects.filter(state=RequestState.WAITING).count()
    labels = {**LISTED, "guest-cards": _guests_cards()}
    waits = counts(LISTS[name] for name in labels)
    return [
        Figure("Refunds that wait for approval", waiting, reverse("admin:desk_requests")),
        *(
            Figure(label, waits[name], reverse("admin:desk_list", args=[name]))
            for name, label in labels.items()
        ),
        Figure("Chats that wait", waiting_count(), reverse("desk:index")),
    ]


def _guests_cards() -> str:
    stopped = breaker.counted(at=now()).is_too_many
    label = LISTED["guest-cards"]
    return f"{label} (payments without an account are paused)" if stopped else label


def _bars(by_day: dict[dt.date, int], today: dt.date) -> list[Bar]:
    days = [today - dt.timedelta(days=back) for back in reversed(range(DAYS))]
    highest = max([by_day.get(day, 0) for day in days] + [1])
    step = WIDTH // DAYS
    bars = []
    for index, day in enumerate(days):
        cents = by_day.get(day, 0)
        height = cents * (BASE - 10) // highest
        bars.append(Bar(day, cents, index * step + 4, BASE - height, step - 8, height))
    return bars
