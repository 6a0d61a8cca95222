"""What a member's pages cost with 20 bills and with 2,000. Run by `make bench-pages`.

Two households, each with a payment of every bill, refunds and disputes among them, and twenty bills
open; beside them others, so that an account is a small part of its tables. Their browsers ask in turn
for the same pages, through the whole middleware, one request at a time. Counted is the CPU time of
Python and of PostgreSQL, and how long Python waited for PostgreSQL; of some rounds the best, which
neighbours on the machine disturb least. How many statements a page sends and how many functions
Python calls does not depend on the machine, and neither does the ratio of the two households.
"""

import argparse
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from bench import cpu
from bench.statements import watched
from bench.world import FOLDER, World, world

SIZES = (20, 2_000)
OPEN = 20  # bills still owed in each household: a page of the list
OTHERS, BILLS_OF_OTHERS = 30, 200
WARM_UP = 6  # visits; a statement is prepared after five


@dataclass(frozen=True)
class Cost:
    """One visit of a page."""

    python_ms: float  # CPU
    postgres_ms: float  # CPU
    waited_ms: float
    statements: int
    calls: int

    @property
    def total_ms(self) -> float:
        return self.python_ms + self.postgres_ms


def pages(account: Any) -> dict[str, str]:
    """Addresses by name."""
    from django.urls import reverse

    bills = reverse("billing:list")
    latest = account.payments.filter(to_balance_cents=0).order_by("-settled_at", "pk")[0]
    return {
        "bills, open": bills,
        "bills, all": f"{bills}?state=all",
        "bills, all, last page": f"{bills}?state=all&page=9999",
        "bills, searched": f"{bills}?state=all&search=clinic&sort=owed",
        "bill": reverse("billing:detail", args=[account.invoices.order_by("pk")[0].pk]),
        "history": reverse("payments:history"),
        "payment": reverse("payments:show", args=[latest.reference]),
        "balance": reverse("payments:balance"),
        "statements": reverse("billing:statements"),
        "statement": reverse("billing:statement", args=[latest.settled_at.year]),
    }


def arrange() -> list[Any]:
    """The accounts of the two households, the small one first."""
    from tests.support.billing import make_many_invoices
    from tests.support.factories import make_account, make_member
    from tests.support.history import make_many_in_books, make_many_movements

    accounts = []
    for size in SIZES:
        account = make_account()
        region = account.region
        family = [account.guarantor, *(make_member(region=region) for _ in range(3))]
        make_many_in_books(account, size, days_apart=max(SIZES) // size, patients=family)
        make_many_movements(account, size)
        owed = account.invoices.order_by("-due_on").values_list("pk", flat=True)[:OPEN]
        account.invoices.exclude(pk__in=list(owed)).update(open_cents=0)
        accounts.append(account)
    for _ in range(OTHERS):
        make_many_invoices(make_account(), BILLS_OF_OTHERS)
    return accounts


def cost_of(world: World, visit: Callable[[], object], *, rounds: int, visits: int) -> Cost:
    """Of one page, the best of some rounds of visits."""
    for _ in range(WARM_UP):
        visit()
    python, postgres, waited = [], [], []
    for _ in range(rounds):
        before = time.process_time(), cpu.process_seconds(world.postgres)
        with watched() as watch:
            for _ in range(visits):
                visit()
        python.append(1000 * (time.process_time() - before[0]) / visits)
        postgres.append(1000 * (cpu.process_seconds(world.postgres) - before[1]) / visits)
        waited.append(1000 * watch.seconds / visits)
    return Cost(
        python_ms=min(python),
        postgres_ms=min(postgres),
        waited_ms=min(waited),
        statements=min(_statements(visit) for _ in range(3)),
        calls=cpu.function_calls(visit),
    )


def _statements(visit: Callable[[], object]) -> int:
    """How many a visit sends; twice a minute a session also notes that somebody is there."""
    with watched() as watch:
        visit()
    return watch.count


def report(costs: dict[str, list[Cost]]) -> None:
    small, large = SIZES
    print(f"\nEach pair: {small} bills | {large:,} bills. CPU is Python's and PostgreSQL's together.")
    print(f"{'':<24}{'SQL':>4}{'CPU ms':>16}{'PostgreSQL ms':>16}{'waited ms':>16}{'calls':>18}")
    for name, (few, many) in costs.items():
        pairs = (
            (few.total_ms, many.total_ms),
            (few.postgres_ms, many.postgres_ms),
            (few.waited_ms, many.waited_ms),
        )
        print(
            f"{name:<24}{many.statements:>4}"
            + "".join(f"{f'{a:.1f} | {b:.1f}':>16}" for a, b in pairs)
            + f"{f'{few.calls:,} | {many.calls:,}':>18}"
            + f"   × {many.total_ms / few.total_ms:.2f} CPU, {many.calls / few.calls:.2f} calls"
        )


def run(world: World, rounds: int, visits: int) -> None:
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from django.conf import settings
    from django.db import connection
    from django.test import Client

    from demo import postgres
    from demo.prepare import collect_static_files

    collect_static_files()
    settings.ALLOWED_HOSTS = ["*"]
    print("Arranging two households, and others ...", flush=True)
    accounts = arrange()
    with postgres.start(FOLDER / "pg").connect(connection.settings_dict["NAME"]) as superuser:
        superuser.execute("VACUUM (ANALYZE)")
    clients = [Client() for _ in accounts]
    for client, account in zip(clients, accounts, strict=True):
        client.force_login(account.guarantor.user)

    def visit(client: Any, url: str) -> None:
        answer = client.get(url)
        if answer.status_code != 200:
            raise SystemExit(f"{url} answers {answer.status_code}")

    costs: dict[str, list[Cost]] = {}
    addresses = [pages(account) for account in accounts]
    for name in addresses[0]:
        costs[name] = [
            cost_of(
                world,
                lambda client=client, url=urls[name]: visit(client, url),  # type: ignore[misc]
                rounds=rounds,
                visits=visits,
            )
            for client, urls in zip(clients, addresses, strict=True)
        ]
    connection.close()
    report(costs)


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.pages", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--visits", type=int, default=30)
    given = parser.parse_args()
    with world(latency_seconds=0, fsync=False) as made:
        run(made, given.rounds, given.visits)


if __name__ == "__main__":
    main()
