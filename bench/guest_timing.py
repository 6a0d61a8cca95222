"""Whether time tells a guest what was wrong with a look-up. Run by `make report-guest-timing`.

A report, not a test: medians of whole requests, right through the middleware, of look-ups that miss
(nobody has this code, this account number) against those that hit and are wrong (the code of a bill
that was canceled, was paid, is printed on an old paper or belongs to another area; an account's real
number with another name or birthday; an account that owes nothing). They are asked in turns, each from
an address of its own and about as many bills and people as the limits let through.
"""

import argparse
import datetime as dt
import itertools
import logging
import random
import statistics
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import transaction

from bench.world import world

TARGET_PERCENT = 5.0
BILLS = 200  # each is asked about fewer times than the limit by reference allows
Typed = Mapping[str, str]


@dataclass(frozen=True)
class Kind:
    """One way to be wrong, and what is typed for it, try by try."""

    name: str
    typed: list[Typed]


def kinds(tries: int) -> list[list[Kind]]:
    """The kinds to compare with each other, the miss first."""
    from billing.models import BillingAccount, Invoice
    from billing.services import invoices
    from common import references
    from payments.guest.finding import CODE_LIVES
    from tests.support.factories import make_account, make_invoice, make_member

    def accounts(prefix: str) -> list[BillingAccount]:
        return [
            make_account(
                make_member(registered=False, last_name=f"{prefix}owner{number:04d}"),
                f"{prefix}-{number:07d}",
            )
            for number in range(BILLS)
        ]

    def codes(bills: list[Invoice]) -> list[str]:
        return [str(bill.pay_code) for bill in bills]

    owing, owing_nothing = accounts("NC"), accounts("NB")
    bills, void, paid = ([make_invoice(account) for account in owing] for _ in range(3))
    canceled_codes, paid_codes = codes(void), codes(paid)
    for bill in void:
        invoices.void(invoice=bill)
    for bill in paid:
        with transaction.atomic():
            invoices.reserve(invoice=bill, amount_cents=bill.total_cents)
            invoices.pay_reserved(invoice=bill, amount_cents=bill.total_cents)
    long_ago = dt.datetime.now(dt.UTC).date() - CODE_LIVES - dt.timedelta(days=30)
    old = [make_invoice(account, issued_on=long_ago, due_on=long_ago) for account in owing]
    nobodys = [references.generate("", 12) for _ in owing]

    def by_code(name: str, codes: list[str], region: str = "NCAL") -> Kind:
        typed = itertools.cycle({"region": region, "code": code} for code in codes)
        return Kind(name, list(itertools.islice(typed, tries)))

    def by_account(
        name: str,
        asked: list[BillingAccount],
        *,
        number: str = "",
        last_name: str = "",
        born: bool = True,
    ) -> Kind:
        """`number` and `last_name` stand in for the account's own; not `born`: other birthdays."""

        def typed(index: int) -> Typed:
            account = asked[index % BILLS]
            owner = account.guarantor
            birthday = owner.date_of_birth - dt.timedelta(days=0 if born else index + 1)
            return {
                "region": "NCAL",
                "account_number": number.format(index % BILLS) or account.account_number,
                "last_name": last_name.format(index) or owner.last_name,
                "date_of_birth_month": str(birthday.month),
                "date_of_birth_day": str(birthday.day),
                "date_of_birth_year": str(birthday.year),
            }

        return Kind(name, [typed(index) for index in range(tries)])

    return [
        [
            by_code("nobody's code", nobodys, region="HI"),
            by_code("right code, another area", codes(bills), region="HI"),
        ],
        [
            by_code("nobody's code", nobodys),
            by_code("code of a canceled bill", canceled_codes),
            by_code("code of a paid bill", paid_codes),
            by_code("code on an old paper", codes(old)),
        ],
        [
            by_account("nobody's account number", owing, number="XX-{:07d}"),
            by_account("right number, wrong name", owing, last_name="NCnobody{:04d}"),
            by_account("right number, wrong birthday", owing, born=False),
            by_account("account that owes nothing", owing_nothing),
        ],
    ]


def ask(client: Any, typed: Typed, number: int) -> float:
    """Milliseconds of one look-up, from an address that nobody used before."""
    address = f"10.{number // 256}.{number % 256}.1"
    begun = time.perf_counter()
    response = client.post("/guest/", typed, REMOTE_ADDR=address, HTTP_HOST="127.0.0.1")
    took = (time.perf_counter() - begun) * 1000
    assert response.status_code == 422, response.status_code
    return took


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tries", type=int, default=500, help="of each kind")
    tries = parser.parse_args().tries
    with world(latency_seconds=0.0):
        import django

        django.setup()
        from django.core.cache import cache
        from django.core.management import call_command
        from django.test import Client

        call_command("collectstatic", interactive=False, verbosity=0)
        logging.disable()
        client, number = Client(), itertools.count()
        worst = 0.0
        print(f"{tries} look-ups of each kind, in turns; median milliseconds of a request")
        for group in kinds(tries):
            cache.clear()  # the count of all failures, of which each group makes hundreds
            for kind in group:  # caches, templates, prepared pages
                ask(client, kind.typed[0], next(number))
            took: dict[str, list[float]] = {kind.name: [] for kind in group}
            for index in range(tries):
                for kind in random.sample(group, len(group)):
                    took[kind.name].append(ask(client, kind.typed[index], next(number)))
            medians = {name: statistics.median(times) for name, times in took.items()}
            miss = medians[group[0].name]
            print()
            for name, median in medians.items():
                difference = (median / miss - 1) * 100
                worst = max(worst, abs(difference))
                print(f"  {name:32} {median:8.2f}  {difference:+5.1f} %")
        verdict = "within" if worst <= TARGET_PERCENT else "ABOVE"
        print(f"\nLargest difference {worst:.1f} %: {verdict} the target of {TARGET_PERCENT:.0f} %.")


if __name__ == "__main__":
    main()
