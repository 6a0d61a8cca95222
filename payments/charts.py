"""Charts as geometry: pure functions from amounts to the shapes of an SVG (templates/charts/)."""

import datetime as dt
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from common.money import format_cents

WIDTH, HEIGHT = 720, 240  # of the drawing, in its own units; whole numbers need no locale
LEFT, RIGHT, TOP, BOTTOM = 104, 8, 16, 36  # margins: amounts stand at the left, months below
BAR, GAP = 0.34, 0.06  # of a month's width: each of its two bars, and the space between them
STEPS = (1, 2, 5)  # a scale's lines are such a multiple of a power of ten apart
LINES = 4  # at most so many lines above zero


@dataclass(frozen=True, slots=True)
class Bar:
    """One rectangle; `series` is medical or premium."""

    series: str
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the scale."""

    y: int
    cents: int

    @property
    def label(self) -> str:
        """Whole dollars: the scale has no others."""
        return format_cents(self.cents).removesuffix(".00")


@dataclass(frozen=True, slots=True)
class Month:
    """One month: its amounts in cents, and where its name stands."""

    first_day: dt.date
    medical_cents: int
    premium_cents: int
    x: int


@dataclass(frozen=True, slots=True)
class Chart:
    """What the template draws, and the table behind it tells."""

    months: tuple[Month, ...]
    bars: tuple[Bar, ...]
    lines: tuple[Line, ...]
    zero_y: int
    medical_cents: int
    premium_cents: int

    width, height, left, right = WIDTH, HEIGHT, LEFT, WIDTH - RIGHT
    label_x, label_y = LEFT - 8, HEIGHT - 8

    @property
    def is_empty(self) -> bool:
        """Nothing was paid and nothing came back in any month."""
        return not self.bars


def months_until(last: dt.date, *, count: int = 12) -> list[dt.date]:
    """The first days of `count` months, the last of them that of `last`."""
    index = last.year * 12 + last.month - 1
    return [dt.date(n // 12, n % 12 + 1, 1) for n in range(index - count + 1, index + 1)]


def last_day(first_day: dt.date) -> dt.date:
    """The last day of a month."""
    index = first_day.year * 12 + first_day.month
    return dt.date(index // 12, index % 12 + 1, 1) - dt.timedelta(days=1)


def spending_by_month(
    months: Sequence[dt.date], spent_cents: Mapping[tuple[dt.date, bool], int]
) -> Chart:
    """Two bars a month, medical and premium, on one scale.

    `months` are first days, `spent_cents` is by (first day, is premium), in cents; less came in than
    went back where it is negative, and the bar hangs below zero.
    """
    amounts = [
        (spent_cents.get((month, False), 0), spent_cents.get((month, True), 0)) for month in months
    ]
    highest = max((max(pair) for pair in amounts), default=0)
    lowest = min((min(pair) for pair in amounts), default=0)
    step = _step(max(highest, -lowest, 1))
    top_cents = max(-(-highest // step) * step, 0 if lowest < 0 else step)
    bottom_cents = min(lowest // step * step, 0)
    inner = HEIGHT - TOP - BOTTOM

    def y(cents: int) -> int:
        return TOP + round(inner * (top_cents - cents) / (top_cents - bottom_cents))

    slot = (WIDTH - LEFT - RIGHT) / max(len(months), 1)
    bars = []
    for index, pair in enumerate(amounts):
        x = LEFT + slot * (index + 0.5 - BAR - GAP / 2)
        for series, cents in zip(("medical", "premium"), pair, strict=True):
            if cents:
                ends = sorted((y(0), y(cents)))
                height = max(ends[1] - ends[0], 1)  # the smallest amount is seen too
                bars.append(Bar(series, round(x), ends[0], round(slot * BAR), height))
            x += slot * (BAR + GAP)
    return Chart(
        months=tuple(
            Month(month, *pair, x=round(LEFT + slot * (index + 0.5)))
            for index, (month, pair) in enumerate(zip(months, amounts, strict=True))
        ),
        bars=tuple(bars),
        lines=tuple(
            Line(y(cents), cents) for cents in range(bottom_cents, top_cents + 1, step) if cents
        ),
        zero_y=y(0),
        medical_cents=sum(pair[0] for pair in amounts),
        premium_cents=sum(pair[1] for pair in amounts),
    )


def _step(most_cents: int) -> int:
    """The distance of the scale's lines: whole dollars that people count in, at most LINES lines."""
    power = 100
    while True:
        for step in STEPS:
            if step * power * LINES >= most_cents:
                return step * power
        power *= 10
