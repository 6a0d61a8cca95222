"""The desk at the size of a plan: searches, a household, the dashboard, the lists. `make bench-staff`.

A million members and five million bills are made inside PostgreSQL (bench.staff_seed). Then an agent's
browser asks for each page some times over, through the whole middleware. Counted are statements, and
the planner is asked about every one of them: none may read a table that grows from end to end. Times
are wall time of the whole request, and of it the wait for PostgreSQL; the smallest, the middle and the
longest of all visits.
"""

import argparse
import logging
import shutil
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bench.staff_seed import LARGE_ACCOUNT, fill
from bench.statements import watched, whole_tables
from bench.world import world
from demo.environment import ROOT

FOLDER = ROOT / "var" / "bench-staff"  # about ten gigabytes at full size; deleted at the end
MOST_STATEMENTS = 12  # of a search, and of a household's page
# Milliseconds that the middle visit may wait for PostgreSQL.
QUICK_MS, OVERVIEW_MS = 100, 1_000


@dataclass(frozen=True)
class Visit:
    """A page of the desk: an address, or what is typed into the box; and what it may cost."""

    name: str
    url: str
    typed: tuple[str, ...] = ()  # one search each
    urls: tuple[str, ...] = ()
    most_statements: int | None = MOST_STATEMENTS
    most_ms: int = QUICK_MS


@dataclass(frozen=True)
class Result:
    """What a visit's rounds cost: statements, milliseconds, tables that were read whole.

    Twice a minute a session notes that its owner is active; so the middle visit's statements count.
    """

    visit: Visit
    sent: list[int]
    wall_ms: list[float]
    database_ms: list[float]
    whole: dict[str, str]

    @property
    def statements(self) -> int:
        return int(statistics.median_high(self.sent))

    @property
    def failures(self) -> list[str]:
        visit, failed = self.visit, []
        if visit.most_statements is not None and self.statements > visit.most_statements:
            failed.append(f"{self.statements} statements; {visit.most_statements} is the most")
        failed += [f"reads all of {table}: {sql[:400]}" for table, sql in self.whole.items()]
        middle = statistics.median(self.database_ms)
        if middle > visit.most_ms:
            failed.append(f"waits {middle:.0f} ms for PostgreSQL; {visit.most_ms} is the most")
        return failed


def visits(members: int) -> list[Visit]:
    """Every kind of search, the household's page, the dashboard and each list."""
    from django.urls import reverse

    from accounts.models import Member
    from staff.lists import LISTS

    find = reverse("admin:desk_find")
    some = [1 + members * place // 7 for place in range(7)]
    people = list(Member.objects.filter(pk__in=some).select_related("user").order_by("pk"))
    searches = {
        "a last name": tuple(each.last_name for each in people),
        "beginnings of both names": tuple(f"{p.first_name[:3]} {p.last_name[:5]}" for p in people),
        "a last and a first name": tuple(f"{p.last_name}, {p.first_name[:2]}" for p in people),
        "a first name": tuple(each.first_name for each in people),
        "two letters": ("ka", "lo", "gr", "qu", "zu"),
        "a name that nobody has": ("Xerxes Xu", "Xanthippe", "Xu, Xe"),
        "a member number": tuple(each.member_number for each in people),
        "an e-mail address": tuple(each.user.email for each in people if each.user),
        **dict(_of_rows(some)),
        "last four digits": ("0001", "4242", "9999"),
    }
    homes = tuple(reverse("admin:desk_account", args=[key]) for key in (LARGE_ACCOUNT, *some[1:]))
    return [
        *(Visit(f"search: {name}", find, typed) for name, typed in searches.items()),
        Visit("a household", homes[0], urls=homes),
        Visit("dashboard", "/admin/", most_statements=None, most_ms=OVERVIEW_MS),
        *(
            Visit(
                f"list: {name}",
                reverse("admin:desk_list", args=[name]),
                most_ms=OVERVIEW_MS,
            )
            for name in LISTS
        ),
    ]


def _of_rows(some: list[int]) -> Iterator[tuple[str, tuple[str, ...]]]:
    from billing.models import BillingAccount, Invoice
    from common import references
    from payments.models import Payment

    accounts = BillingAccount.objects.filter(pk__in=some).order_by("pk")
    yield "an account", tuple(accounts.values_list("account_number", flat=True))
    bills = Invoice.objects.filter(pk__in=some)
    yield "a bill", tuple(bills.values_list("number", flat=True))
    codes = Invoice.objects.exclude(pay_code=None).order_by("pk").values_list("pay_code", flat=True)
    valid = [code for code in codes[:500] if code and references.is_valid(code.replace("-", ""))]
    yield "a pay code", tuple(valid[:7])
    payments = Payment.objects.order_by("pk").values_list("reference", flat=True)
    yield "a payment", tuple(payments[:7])


def measure(visit: Visit, client: Any, *, rounds: int) -> Result:
    """Pay the visit so many times over; the first round warms the caches and is not timed."""
    typed: tuple[str | None, ...] = visit.typed or (None,)
    asked = [(url, text) for url in visit.urls or (visit.url,) for text in typed]
    wall: list[float] = []
    database: list[float] = []
    sent: list[int] = []
    whole: dict[str, str] = {}
    for number in range(rounds + 1):
        for url, text in asked:
            began = time.perf_counter()
            with watched() as watch:
                answer = client.get(url) if text is None else client.post(url, {"q": text})
            taken = time.perf_counter() - began
            if answer.status_code not in (200, 302):
                raise SystemExit(f"{visit.name}: {url} answers {answer.status_code}")
            if number == 0:
                whole |= whole_tables(watch)
                continue
            sent.append(watch.count)
            wall.append(1000 * taken)
            database.append(1000 * watch.seconds)
    return Result(visit, sent, wall, database, whole)


def report(results: list[Result]) -> bool:
    """Print the table; returns whether every target was met."""
    print(f"\n{'min / median / max':<34}{'SQL':>4}{'wall ms':>24}{'PostgreSQL ms':>24}  target")
    for each in results:
        verdict = "FAIL" if each.failures else "PASS"
        print(
            f"{each.visit.name:<34}{each.statements:>4}{_spread(each.wall_ms):>24}"
            f"{_spread(each.database_ms):>24}  {verdict}"
        )
    failures = [(each.visit.name, words) for each in results for words in each.failures]
    for name, words in failures:
        print(f"FAIL {name}: {words}")
    print("Targets missed." if failures else "Targets met.")
    return not failures


def _spread(values: list[float]) -> str:
    return f"{min(values):.1f} / {statistics.median(values):.1f} / {max(values):.1f}"


def run(members: int, rounds: int) -> bool:
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from accounts.roles import Role
    from demo import postgres
    from demo.prepare import collect_static_files
    from tests.support.factories import make_staff

    collect_static_files()
    settings.ALLOWED_HOSTS = ["*"]
    began = time.perf_counter()
    with postgres.start(FOLDER / "pg").connect(connection.settings_dict["NAME"]) as superuser:
        made = fill(superuser, members=members, tell=lambda words: print(words, flush=True))
        size = superuser.execute("SELECT pg_size_pretty(pg_database_size(current_database()))")
        print(
            f"{sum(made.values()):,} rows in {time.perf_counter() - began:.0f} s;"
            f" the database takes {size.fetchone()[0]}."  # type: ignore[index]
        )
    client = Client()
    client.force_login(make_staff(Role.SUPERVISOR, email="bench@example.com"))
    results = [measure(visit, client, rounds=rounds) for visit in visits(members)]
    connection.close()
    return report(results)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.staff", description=__doc__)
    parser.add_argument("--members", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=5)
    given = parser.parse_args()
    try:
        with world(latency_seconds=0, folder=FOLDER, fsync=False):
            met = run(given.members, given.rounds)
    finally:
        shutil.rmtree(FOLDER, ignore_errors=True)
    if not met:
        raise SystemExit(1)


if __name__ == "__main__":
    main()
