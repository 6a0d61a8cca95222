"""Whether time tells a guest what was wrong with a look-up. Run by `make report-guest-timing`.

A report, not a test: medians of whole requests, right through the middleware, of look-ups that miss
(nobody has this code, this account number) against those that hit and are wrong (the code of a bill
that died or of another area; an account's real number with another name or birthday). They are asked in
turns, each from an address of its own, so that the limits let all of them through.
"""

import argparse
import itertools
import logging
import random
import statistics
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

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
    from billing.services import invoices
    from common import references
    from tests.support.factories import make_account, make_invoice, make_member

    bills = [
        make_invoice(make_account(make_member(registered=False), f"NC-{number:07d}"))
        for number in range(BILLS)
    ]
    owners = [bill.account.guarantor for bill in bills]
    void = [make_invoice(bill.account) for bill in bills]
    void_codes = [str(bill.pay_code) for bill in void]
    for bill in void:
        invoices.void(invoice=bill)
    nobodys = [references.generate("", 12) for _ in bills]

    def by_code(name: str, codes: list[str], region: str = "NCAL") -> Kind:
        typed = itertools.cycle({"region": region, "code": code} for code in codes)
        return Kind(name, list(itertools.islice(typed, tries)))

    def by_account(name: str, number: str, *, last_name: str, year: str) -> Kind:
        asked: Iterator[Typed] = (
            {
                "region": "NCAL",
                "account_number": number.format(index % BILLS),
                "last_name": last_name or owners[0].last_name,
                "date_of_birth_month": "5",
                "date_of_birth_day": "3",
                "date_of_birth_year": year,
            }
            for index in range(tries)
        )
        return Kind(name, list(asked))

    return [
        [
            by_code("nobody's code", nobodys, region="HI"),
            by_code("right code, another area", [str(bill.pay_code) for bill in bills], region="HI"),
        ],
        [
            by_code("nobody's code", nobodys),
            by_code("code of a bill that died", void_codes),
        ],
        [
            by_account("nobody's account number", "XX-{:07d}", last_name="", year="1984"),
            by_account("right number, wrong name", "NC-{:07d}", last_name="Nobodys", year="1984"),
            by_account("right number, wrong birthday", "NC-{:07d}", last_name="", year="1985"),
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
        from django.core.management import call_command
        from django.test import Client

        call_command("collectstatic", interactive=False, verbosity=0)
        logging.disable()
        client, number = Client(), itertools.count()
        worst = 0.0
        print(f"{tries} look-ups of each kind, in turns; median milliseconds of a request")
        for group in kinds(tries):
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
