"""What a charge costs in CPU time, over all processes of ours. Run by `make bench`.

A charge is: claim and commit the payment, ask Stripe (create, confirm), book the outcome. It runs as
in production: threads in one process, PostgreSQL, Redis, and the SDK over HTTP to a Stripe in another
process, whose answers take a while and whose own CPU time is not counted. A bare call of the SDK, by
the client that it comes with, is measured in the same run, so that the ratio holds on any machine.

How many statements PostgreSQL gets and how many functions Python calls does not depend on the machine.
"""

import argparse
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial

from bench import cpu
from bench.statements import watched
from bench.world import World, world

TARGET_MS = 5.0
BILL_CENTS = 120_00
WARM_UP = 30


@dataclass(frozen=True)
class Cost:
    """CPU milliseconds for one of `count`, by who spent them."""

    count: int
    python: float
    postgres: float
    redis: float
    wall_seconds: float

    @property
    def total(self) -> float:
        return self.python + self.postgres + self.redis

    @property
    def per_second(self) -> float:
        return self.count / self.wall_seconds


def measure(world: World, work: Callable[[int], object], items: Sequence[int], threads: int) -> Cost:
    """Do `work` for every item in so many threads; raises what any of them raises."""

    def spent() -> tuple[float, float, float, float]:
        return (
            time.process_time(),
            cpu.process_seconds(world.postgres),
            cpu.process_seconds(world.redis),
            time.perf_counter(),
        )

    before = spent()
    with ThreadPoolExecutor(threads) as pool:
        for _ in pool.map(work, items):
            pass
    python, database, broker, wall = (b - a for a, b in zip(before, spent(), strict=True))
    ms = 1000 / len(items)
    return Cost(len(items), python * ms, database * ms, broker * ms, wall)


def arrange(world: World, count: int) -> list[int]:
    """So many reviewed checkouts, each of its own account and bill; returns their keys."""
    import datetime as dt

    from accounts.models import Member, Region
    from billing.models import Invoice
    from billing.services import accounts, invoices
    from billing.services.invoices import LineDraft
    from demo.stripe.core import Sandbox
    from payments.models import Checkout, CheckoutItem

    region = Region.objects.get(code="NCAL")
    day = dt.date(2026, 10, 1)
    sandbox = Sandbox(world.stripe_store)
    keys = []
    for number in range(count):
        member = Member.objects.create(
            region=region,
            member_number=f"{10_000_000 + number}",
            first_name="Ada",
            last_name="Okafor",
            date_of_birth=dt.date(1984, 5, 3),
        )
        account = accounts.open_account(
            region=region, account_number=f"{50_000_000 + number}", guarantor=member
        )
        line = LineDraft(
            service_on=day,
            description="Office visit",
            charge_cents=BILL_CENTS,
            patient_cents=BILL_CENTS,
        )
        invoice = invoices.issue(
            account=account,
            patient=member,
            kind=Invoice.Kind.MEDICAL,
            number=f"B-{number:06d}",
            issued_on=day,
            due_on=day + dt.timedelta(days=30),
            service_from=day,
            service_to=day,
            lines=[line],
            source="bench",
            source_id=str(number),
        )
        checkout = Checkout.objects.create(
            account=account,
            confirmation_token=sandbox.confirmation_token("ncal"),
            method_kind="card",
            method_brand="visa",
            method_last4="4242",
        )
        CheckoutItem.objects.create(checkout=checkout, invoice=invoice, amount_cents=BILL_CENTS)
        keys.append(checkout.pk)
    sandbox.close()
    return keys


def run(world: World, count: int, threads: int) -> None:
    import django
    import stripe

    django.setup()
    from django.conf import settings
    from django.db import connection, connections

    from payments import gateway
    from payments.models import Checkout, Payment, PaymentEvent, State
    from payments.services import checkout as checkouts
    from payments.services import submission

    print(f"Arranging {count} bills ...", flush=True)
    counted, profiled, *keys = arrange(world, 2 + count + WARM_UP)

    def claim(key: object) -> None:
        checkout = Checkout.objects.select_related("account").get(pk=key)
        checkouts.confirm(
            checkout=checkout,
            reviewed=checkout.method_key,
            payer=Payment.Payer.MEMBER,
            paid_by=None,
            agreement=None,
        )
        connection.close()

    def settle(payment_id: int) -> None:
        submission.advance(payment_id=payment_id, via=PaymentEvent.Via.BROWSER)
        connection.close()

    as_it_comes = stripe.StripeClient(
        gateway.keys("ncal")["secret_key"],
        stripe_version=settings.STRIPE_API_VERSION,
        base_addresses={"api": settings.STRIPE_API_BASE},
    )

    def bare(number: int) -> None:
        as_it_comes.v1.payment_intents.create({"amount": BILL_CENTS, "currency": "usd"})

    def ours(number: int) -> None:
        with gateway.calling("ncal") as client:
            client.v1.payment_intents.create({"amount": BILL_CENTS, "currency": "usd"})

    def payments() -> list[int]:
        return list(
            Payment.objects.filter(state=State.CREATED).order_by("pk").values_list("pk", flat=True)
        )

    def statements(work: Callable[[], object]) -> int:
        """How often the database is asked: the one figure that no neighbour on the machine disturbs."""
        with watched() as watch:
            work()
        return len(watch.sent)

    # The first of each pays for imports, connections and prepared caches.
    measure(world, claim, keys[:WARM_UP], threads)
    measure(world, settle, payments(), threads)
    measure(world, bare, range(WARM_UP), threads)
    measure(world, ours, range(WARM_UP), threads)

    sdk = measure(world, bare, range(count), threads)
    call = measure(world, ours, range(count), threads)
    claimed = measure(world, claim, keys[WARM_UP:], threads)
    settled = measure(world, settle, payments(), threads)
    paid = Payment.objects.filter(state=State.SUCCEEDED).count()
    connections.close_all()
    if paid != count + WARM_UP:
        raise SystemExit(f"only {paid} of {count + WARM_UP} payments settled")
    asked = (statements(lambda: claim(counted)), statements(partial(settle, payments()[0])))
    called = (
        cpu.function_calls(lambda: bare(0)),
        cpu.function_calls(lambda: claim(profiled)),
        cpu.function_calls(partial(settle, payments()[0])),
    )
    report(sdk, call, claimed, settled, statements=asked, calls=called)


def report(
    sdk: Cost,
    call: Cost,
    claimed: Cost,
    settled: Cost,
    *,
    statements: tuple[int, int],
    calls: tuple[int, int, int],
) -> None:
    """CPU milliseconds each; times differ from machine to machine, the ratio hardly."""
    print(f"\n{'CPU ms each':<28}{'Python':>9}{'Postgres':>10}{'Redis':>8}{'total':>8}{'per s':>8}")
    for name, cost in (
        ("bare SDK call", sdk),
        ("the same by our transport", call),
        ("claim and commit", claimed),
        ("ask Stripe twice, and book", settled),
    ):
        print(
            f"{name:<28}{cost.python:>9.2f}{cost.postgres:>10.2f}{cost.redis:>8.2f}"
            f"{cost.total:>8.2f}{cost.per_second:>8.0f}"
        )
    charge = claimed.total + settled.total
    print(f"\nA charge: {charge:.2f} ms, {charge / sdk.total:.1f} bare SDK calls.")
    print(f"Statements: {statements[0]} to claim and commit, {statements[1]} to ask and book.")
    print(f"Function calls: {calls[1]} and {calls[2]}; a bare SDK call makes {calls[0]}.")
    print(f"Target: {TARGET_MS:.0f} ms. {'Met' if charge <= TARGET_MS else 'Missed'}.")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.charge", description=__doc__)
    parser.add_argument("--count", type=int, default=500)
    parser.add_argument("--threads", type=int, default=12)
    parser.add_argument("--latency", type=float, default=0.1, help="seconds until Stripe answers")
    given = parser.parse_args()
    with world(latency_seconds=given.latency) as made:
        run(made, given.count, given.threads)


if __name__ == "__main__":
    main()
