"""Random households, bills, banks, mail servers and crashes, a month and more each, in all regions.

Against the real services and the sandbox; what never happens is told in tests.support.autopay_promises.
The suite plays the same eight worlds every time; `make soak WORLDS=400` plays as many others.

A world is a number, and the number makes all of it, its region too. It is not Hypothesis that chooses:
its first examples are the simplest ones, and they are months in which hardly anything happens. A world
that breaks a promise is printed with its number and all that happened in it, and `make soak WORLDS=1
SEED=number` plays it again.
"""

import datetime as dt
import os
import random
from collections import Counter

import pytest
from django.db import transaction

from autopay.models import Scope
from demo.stripe.core import Sandbox
from tests.support.autopay import Calendar
from tests.support.autopay_world import ACTS, World
from tests.support.mail import MailServer

pytestmark = pytest.mark.django_db

REGIONS = ("NCAL", "SCAL", "CO", "GA", "HI", "MAS", "NW", "WA")
IS_SOAK = "KPPAY_SOAK_WORLDS" in os.environ
WORLDS = int(os.environ.get("KPPAY_SOAK_WORLDS", len(REGIONS)))
SEED = int(os.environ.get("KPPAY_SOAK_SEED", 1065))
NUMBERS = range(SEED, SEED + WORLDS)
MONTH = dt.timedelta(days=31)
# An ordinary autumn, the end of a year, a February of 28 days and one of 29, both changes of the clock.
BEGINNINGS = tuple(
    map(dt.date.fromisoformat, ("2026-10-20", "2026-12-14", "2027-01-25", "2028-01-26", "2027-03-01"))
)
# Bills come, supervisors look and processes die more often than the rest happens.
OFTEN = (
    *ACTS,
    *["bill"] * 4,
    *["decide"] * 2,
    *["crash"] * 2,
    "skip",
    "resume",
    "enroll_again",
)
# What the suite's worlds hold; by a change of a rule they may become other ones, with another SEED.
FLOOR = {
    "draws": 8,
    "declines": 8,
    "retries": 5,
    "crash": 4,
    "skip": 3,
    "pause": 2,
    "paused over a draw": 1,
    "cancel": 3,
    "fourth_tries": 1,
    "bounces": 1,
    "over_limit": 1,
    "from_balance": 1,
    "take_back": 1,
}


@pytest.mark.parametrize(
    "numbers",
    [NUMBERS[first : first + len(REGIONS)] for first in range(0, WORLDS, len(REGIONS))],
    ids=lambda numbers: f"from_{numbers[0]}",
)
def test_months_of_random_worlds_break_no_promise(
    sandbox: Sandbox, calendar: Calendar, mail_server: MailServer, numbers: range
) -> None:
    happened: Counter[str] = Counter()
    for number in numbers:
        luck = random.Random(number)
        code = REGIONS[number % len(REGIONS)]
        calendar.go_to(luck.choice(BEGINNINGS))
        mail_server.is_well()
        with transaction.atomic():  # each world is undone
            world = World(sandbox, calendar, mail_server, code, luck)
            try:
                happened += live_through(world)
            except Exception as error:
                error.add_note("\n".join([f"World {number}, {code}:", *world.story]))
                raise
            transaction.set_rollback(True)
    if not IS_SOAK:
        missing = {what: happened[what] for what, least in FLOOR.items() if happened[what] < least}
        assert not missing, f"too little of {missing} in {happened}"


def live_through(world: World) -> Counter[str]:
    """A month at least; returns what happened in it."""
    began_on, luck = world.today, world.luck
    for scope in (*Scope, *Scope):
        world.do_bill(scope, luck.randint(20_00, 150_00), luck.randint(11, 25))
    for name in luck.sample(OFTEN, k=luck.randint(12, 20)):
        world.live(luck.choice((0, 1, 1, 2)))
        world.act(name)
    world.live(max(10, (MONTH - (world.today - began_on)).days))
    world.act("decide")
    world.live(3)
    return world.end()
