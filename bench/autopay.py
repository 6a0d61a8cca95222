"""How fast a run of autopay draws, and that it never exceeds the rate. Run by `make bench-autopay`.

So many announced drafts are due; one run draws them as a worker does: its threads, PostgreSQL, Redis'
token bucket, and the SDK over HTTP to a Stripe in another process that takes half a second for each
answer and writes down when each request arrived. A draw is two requests. CPU time is of all our
processes; memory is of the worker. What is drawn is arranged by another process, so that the worker's
memory is the worker's alone.
"""

import argparse
import datetime as dt
import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from bench import cpu
from bench.charge import BILL_CENTS
from bench.stripe_stub import arrivals_of
from bench.world import World, world

BILLS_OF_ONE = 10
REQUESTS_OF_ONE = 2
TARGET_SHARE = 0.95
# The worker's memory in the last quarter of a run, over the first: above this it grows.
MOST_GROWTH = 1.05
NOTHING_IN_THE_WAY = {
    f"AUTOPAY_{name}": "1000000000"
    for name in ("RUN_MAX_COUNT", "RUN_MAX_CENTS", "DRAW_MAX_CENTS", "ACCOUNT_DAY_MAX_CENTS")
}


@contextmanager
def without_distance(store: Path) -> Iterator[Any]:
    """Stripe's sandbox in this process, for arranging: no half second for each saved card."""
    from demo.stripe.client import SandboxHTTPClient
    from demo.stripe.core import Sandbox
    from payments import gateway

    sandbox, distant = Sandbox(store), gateway.http_client
    gateway.http_client = lambda: SandboxHTTPClient(sandbox)  # type: ignore[assignment]
    gateway._client.cache_clear()
    try:
        yield sandbox
    finally:
        gateway.http_client = distant
        gateway._client.cache_clear()
        sandbox.close()


def arrange(store: Path, count: int) -> dt.date:
    """Enrolled members whose bills were announced in time; returns the day on which all are due."""
    import django

    django.setup()
    from django.test.utils import override_settings
    from post_office.models import STATUS, Email

    from accounts.models import Region
    from autopay.models import Draft
    from autopay.services import notices, planning
    from common.calendar import next_business_day
    from common.clock import business_date

    region = Region.objects.get(code="NCAL")
    today = business_date(region.time_zone)
    due_on = next_business_day(today + dt.timedelta(days=11))
    nobody_logs_in = override_settings(
        PASSWORD_HASHERS=["django.contrib.auth.hashers.MD5PasswordHasher"]
    )
    with without_distance(store) as sandbox, nobody_logs_in:
        for number in range(-(-count // BILLS_OF_ONE)):
            left = count - number * BILLS_OF_ONE
            enroll(region, sandbox, number, bills=min(BILLS_OF_ONE, left), due_on=due_on)
    planning.plan_region(region=region, as_of=today)
    notices.announce_due(region=region, as_of=today)
    Email.objects.update(status=STATUS.sent)
    notices.follow_up(region=region, as_of=today)
    announced = Draft.objects.filter(state="noticed", draw_on=due_on).count()
    if announced != count:
        raise SystemExit(f"only {announced} of {count} drafts were announced")
    return due_on


def enroll(region: Any, sandbox: Any, number: int, *, bills: int, due_on: dt.date) -> None:
    """A member with a saved card, autopay of medical bills, and bills that are due on a day."""
    from accounts.models import Member
    from accounts.services import users
    from autopay.models import Scope
    from autopay.services import enrollment
    from autopay.terms import Choice, for_autopay
    from billing.models import Invoice
    from billing.services import accounts, invoices
    from billing.services.invoices import LineDraft
    from common.clock import business_date
    from payments import gateway
    from payments.authorizations import Agreement, for_saving
    from payments.services import setups

    member = Member.objects.create(
        region=region,
        member_number=f"{10_000_000 + number}",
        first_name="Ada",
        last_name="Okafor",
        date_of_birth=dt.date(1984, 5, 3),
    )
    users.enrol_member(member=member, email=f"ada{number}@example.com", password=os.urandom(9).hex())
    account = accounts.open_account(
        region=region, account_number=f"{50_000_000 + number}", guarantor=member
    )
    day = business_date(region.time_zone)
    for position in range(bills):
        line = LineDraft(
            service_on=day,
            description="Office visit",
            charge_cents=BILL_CENTS,
            patient_cents=BILL_CENTS,
        )
        invoices.issue(
            account=account,
            patient=member,
            kind=Invoice.Kind.MEDICAL,
            number=f"B-{number:06d}-{position}",
            issued_on=day,
            due_on=due_on,
            service_from=day,
            service_to=day,
            lines=[line],
            source="bench",
            source_id=f"{number}/{position}",
        )
    user = member.user
    assert user is not None
    consent = gateway.Consent(ip_address="203.0.113.7", user_agent="Bench")
    method = setups.add(
        account=account,
        added_by=user,
        token=sandbox.confirmation_token("ncal"),
        method=gateway.Method(kind="card", brand="visa", last4="4242"),
        agreement=Agreement(for_saving(region=region, kind="card", method="Visa"), consent),
    )
    choice = Choice(scope=Scope.MEDICAL, method=method, starts_on=day)
    terms = for_autopay(region=region, choice=choice)
    enrollment.enroll(account=account, choice=choice, agreement=Agreement(terms, consent), by=user)


class Memory:
    """The worker's memory, asked for every half second."""

    def __init__(self) -> None:
        self.samples: list[int] = []
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def _watch(self) -> None:
        process = psutil.Process()
        while not self._over.wait(0.5):
            self.samples.append(process.memory_info().rss)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def quarter(self, number: int) -> float:
        """The median of a quarter of the run, in MB."""
        size = max(1, len(self.samples) // 4)
        return median(self.samples[number * size : (number + 1) * size]) / 1e6


def busiest_second(moments: list[float]) -> int:
    """The most requests that arrived in any window of one second."""
    most = first = 0
    for last, moment in enumerate(moments):
        while moment - moments[first] >= 1.0:
            first += 1
        most = max(most, last - first + 1)
    return most


def arranged(world: World, count: int) -> dt.date:
    """Have it arranged by another process; returns the day on which all are due."""
    command = [sys.executable, "-m", "bench.autopay", "--count", str(count)]
    done = subprocess.run(
        [*command, "--arrange", str(world.stripe_store)], stdout=subprocess.PIPE, text=True, check=True
    )
    return dt.date.fromisoformat(done.stdout.split()[-1])


@dataclass(frozen=True)
class Measured:
    """One run, as seen from outside."""

    count: int
    rate: float  # that the settings allow, in requests a second
    wall_seconds: float
    moments: list[float]  # at which requests arrived at Stripe, by its own log
    cpu_ms: dict[str, float]  # for each draw
    memory: Memory

    @property
    def reached(self) -> float:
        """Requests a second from the first draw's end to the last request."""
        steady = self.moments[REQUESTS_OF_ONE:]
        return (len(steady) - 1) / (steady[-1] - steady[0])

    def report(self) -> bool:
        """Print it; whether all targets are met."""
        share, busiest = self.reached / self.rate, busiest_second(self.moments)
        first, last = self.memory.quarter(0), self.memory.quarter(3)
        pause = max(after - before for before, after in pairwise(self.moments))
        print(
            f"\n{self.count} drawn in {self.wall_seconds:.1f} s, {self.count / self.wall_seconds:.1f} "
            f"a second, {len(self.moments)} requests; longest pause {pause:.2f} s."
        )
        each = ", ".join(f"{name} {ms:.2f}" for name, ms in self.cpu_ms.items())
        print(f"CPU for each draw: {sum(self.cpu_ms.values()):.2f} ms ({each}).")
        print(f"Memory of the worker: {max(self.memory.samples) / 1e6:.0f} MB at most.\n")
        targets = {
            f"{self.reached:.2f} requests a second are {share:.1%} of the rate of {self.rate:.0f}; "
            f"target at least {TARGET_SHARE:.0%}": share >= TARGET_SHARE,
            f"{busiest} requests in the busiest second; target at most {self.rate:.0f}": (
                busiest <= self.rate
            ),
            f"{first:.0f} MB of memory in the first quarter, {last:.0f} MB in the last; target at most "
            f"{MOST_GROWTH - 1:.0%} more": last <= first * MOST_GROWTH,
        }
        for target, met in targets.items():
            print(f"{'PASS' if met else 'FAIL'}  {target}.")
        return all(targets.values())


def run(world: World, count: int) -> Measured:
    """Draw what was arranged, as a worker does."""
    import django

    django.setup()
    from django.conf import settings
    from django.db import connections

    from accounts.models import Region
    from autopay.models import Draft
    from autopay.services import drawing

    print(f"Arranging {count} announced drafts ...", flush=True)
    due_on = arranged(world, count)
    region = Region.objects.get(code="NCAL")
    rate = settings.STRIPE_RATES["default"]
    print(f"Drawing, at most {rate:.0f} requests a second ...", flush=True)

    def spent() -> list[float]:
        return [time.process_time(), *map(cpu.process_seconds, (world.postgres, world.redis))]

    before, began = spent(), time.time()
    with Memory() as memory:
        drawing.run(region=region, as_of=due_on, today=due_on, threads=settings.AUTOPAY_THREADS)
    wall, after = time.time() - began, spent()
    drawn = Draft.objects.filter(state="drawn").count()
    connections.close_all()
    if drawn != count:
        raise SystemExit(f"only {drawn} of {count} were drawn")
    each = (1000 * (now - then) / count for then, now in zip(before, after, strict=True))
    return Measured(
        count=count,
        rate=rate,
        wall_seconds=wall,
        moments=sorted(map(float, arrivals_of(world.stripe_store).read_text().split())),
        cpu_ms=dict(zip(("Python", "PostgreSQL", "Redis"), each, strict=True)),
        memory=memory,
    )


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.autopay", description=__doc__)
    parser.add_argument("--count", type=int, default=10_000)
    parser.add_argument("--latency", type=float, default=0.5, help="seconds until Stripe answers")
    parser.add_argument("--arrange", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.arrange:
        print(arrange(given.arrange, given.count))
        return
    os.environ.update(NOTHING_IN_THE_WAY)
    with world(latency_seconds=given.latency) as made:
        measured = run(made, given.count)
    if not measured.report():
        raise SystemExit(1)


if __name__ == "__main__":
    main()
