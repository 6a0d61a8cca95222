"""Background work keeps to our rate at Stripe; a member who is paying never waits for it."""

import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from redis import Redis

from demo import redis as embedded
from demo.stripe.core import Sandbox
from kppay.settings import base
from payments import checks, gateway, ratelimit, tasks
from payments.models import Payment, State
from payments.ratelimit import Bucket, Gate, NoToken
from payments.services import reconcile
from tests.support import paying
from tests.support.factories import make_invoice
from tests.support.stripe import charged

NOWHERE = "unix:///nonexistent/redis.sock"


@pytest.fixture
def redis(redis_server: str) -> Iterator[Redis]:
    """The real Redis of this test process, empty."""
    client = Redis.from_url(redis_server)
    client.flushall()
    yield client
    client.close()


class Clock:
    """A time that passes only when told, or when somebody sleeps."""

    def __init__(self, at: float = 1_800_000_000.0) -> None:
        self.at = at

    def __call__(self) -> float:
        return self.at

    def sleep(self, seconds: float) -> None:
        self.at += seconds


def bucket_at(clock: Clock, redis: Redis, *, per_second: float = 20, burst: int = 1) -> Bucket:
    return Bucket("ncal", redis, per_second, burst, clock=clock, sleep=clock.sleep)


def most_in_a_second(times: list[float]) -> int:
    """The most moments that any window of one second holds."""
    times = sorted(times)
    return max(sum(start <= time < start + 1 for time in times[i:]) for i, start in enumerate(times))


class TestTheRate:
    @pytest.mark.parametrize(("per_second", "burst"), [(20, 1), (20, 5), (20, 20), (3, 2), (100, 1)])
    def test_is_never_exceeded_in_any_second_however_the_requests_come(
        self, redis: Redis, per_second: int, burst: int
    ) -> None:
        clock, luck = Clock(), random.Random(f"{per_second}/{burst}")
        bucket = bucket_at(clock, redis, per_second=per_second, burst=burst)
        sent = []
        for _ in range(per_second * 15):
            if luck.random() < 0.05:  # a pause, so that the bucket fills up
                clock.at += luck.uniform(0, 3)
            bucket.take()
            sent.append(clock.at)
        assert most_in_a_second(sent) <= per_second

    def test_is_used_to_at_least_95_percent_when_there_is_work(self, redis: Redis) -> None:
        clock = Clock()
        bucket, began = bucket_at(clock, redis), clock.at
        for _ in range(1000):
            bucket.take()
        assert 0.95 * 20 <= 1000 / (clock.at - began) <= 20

    def test_a_full_bucket_gives_its_burst_at_once_and_then_one_at_a_time(self, redis: Redis) -> None:
        bucket = bucket_at(Clock(), redis, per_second=20, burst=5)
        waits = [bucket.take() for _ in range(7)]
        interval = bucket.interval_seconds
        assert waits == pytest.approx([0, 0, 0, 0, 0, interval, interval], abs=1e-5)

    def test_35_milliseconds_of_jitter_on_the_way_do_not_exceed_it(self, redis: Redis) -> None:
        clock, luck = Clock(), random.Random(20)
        bucket, arrived = bucket_at(clock, redis), []
        for _ in range(400):
            bucket.take()
            arrived.append(clock.at + luck.uniform(0, 0.035))
        assert most_in_a_second(arrived) <= 20

    def test_each_account_has_its_own(self, redis: Redis) -> None:
        clock = Clock()
        ncal, co = (
            Bucket(name, redis, 1, clock=clock, sleep=clock.sleep, patience_seconds=0)
            for name in ("ncal", "co")
        )
        assert (ncal.take(), co.take()) == (0, 0)
        with pytest.raises(NoToken):
            ncal.take()

    def test_without_a_clock_of_ours_it_is_redis_time_that_counts(self, redis: Redis) -> None:
        slept: list[float] = []
        bucket = Bucket("ncal", redis, 2, sleep=slept.append)
        assert bucket.take() == 0
        assert 0 < bucket.take() <= bucket.interval_seconds
        assert len(slept) == 1

    def test_a_queue_longer_than_our_patience_is_refused_and_does_not_grow_by_it(
        self, redis: Redis
    ) -> None:
        clock = Clock()
        bucket = Bucket("ncal", redis, 1, clock=clock, sleep=lambda _: None, patience_seconds=3)
        assert [bucket.take() for _ in range(3)] == pytest.approx([0, 1.035, 2.07])
        for _ in range(5):
            with pytest.raises(NoToken):
                bucket.take()
        clock.at += 3.105
        assert bucket.take() == 0

    def test_a_clock_that_is_set_back_does_not_shut_the_bucket(self, redis: Redis) -> None:
        clock = Clock()
        bucket = bucket_at(clock, redis)
        bucket.take()
        clock.at -= 3600
        assert bucket.take() == 0
        assert bucket.take() == pytest.approx(bucket.interval_seconds, abs=1e-5)

    def test_wiped_in_between_it_starts_anew(self, redis: Redis) -> None:
        bucket = bucket_at(Clock(), redis)
        bucket.take()
        redis.flushall()
        assert bucket.take() == 0


class TestLateForATurn:
    """A busy process sends later than its turn; what it sends next would come too close."""

    def test_what_leaves_late_keeps_its_distance_from_the_request_a_second_on(self) -> None:
        clock, luck = Clock(), random.Random(7)
        gate, left = Gate(20, 0.04, clock.sleep), []
        for number in range(400):
            turn = number * 1.035 / 20
            late = luck.choice([0, 0, 0, luck.uniform(0, 0.3)])
            clock.at = max(clock.at, 1_800_000_000 + turn + late)
            with gate.passing(clock):
                left.append(clock.at)
        assert most_in_a_second(left) <= 20
        assert min(after - before for before, after in pairwise(left)) >= 0.04 - 1e-6
        assert 400 / (left[-1] - left[0]) >= 0.95 * 20  # being late costs no turns

    def test_one_that_failed_to_leave_counts(self) -> None:
        clock = Clock()
        gate = Gate(1, sleep=clock.sleep)
        with pytest.raises(OSError, match="cut"), gate.passing(clock):
            raise OSError("cut")
        began = clock.at
        with gate.passing(clock):
            assert clock.at == pytest.approx(began + ratelimit.GATE_SECONDS)

    def test_many_threads_pass_one_at_a_time_and_at_the_rate(self, redis: Redis) -> None:
        """By the real clock: a burst of threads is spread over the second by the time they leave."""
        bucket, left = Bucket("a-fast-one", redis, 200), []

        def work() -> None:
            for _ in range(5):
                with bucket.turn():
                    left.append(time.monotonic())

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(left) == 40
        assert max(left) - min(left) >= 0.9 * 39 * bucket.interval_seconds


class TestManyAtOnce:
    """At a clock that stands still, every token taken waits one interval longer than the one before."""

    def expected(self, count: int, bucket: Bucket) -> list[Any]:
        return [pytest.approx(i * bucket.interval_seconds, abs=1e-4) for i in range(count)]

    def test_eight_threads_never_get_the_same_token(self, redis: Redis) -> None:
        bucket = Bucket("ncal", redis, 100, clock=Clock(), sleep=lambda _: None)
        waits: list[float] = []

        def work() -> None:
            waits.extend(bucket.take() for _ in range(25))

        threads = [threading.Thread(target=work) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(waits) == self.expected(200, bucket)

    def test_two_processes_never_get_the_same_token(self, redis: Redis, redis_server: str) -> None:
        program = (
            "import json, sys; from redis import Redis; from payments.ratelimit import Bucket;"
            "bucket = Bucket('ncal', Redis.from_url(sys.argv[1]), 100,"
            " clock=lambda: 1.8e9, sleep=lambda _: None);"
            "print(json.dumps([bucket.take() for _ in range(150)]))"
        )
        command = [sys.executable, "-c", program, redis_server]
        both = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
        waits = [wait for process in both for wait in json.loads(process.communicate(timeout=60)[0])]
        bucket = Bucket("ncal", redis, 100)
        assert sorted(waits) == self.expected(300, bucket)


class TestRedisAway:
    def test_a_redis_that_is_killed_gives_no_token(self, tmp_path: Path) -> None:
        process = embedded.start(tmp_path)
        bucket = Bucket("ncal", ratelimit.connect(embedded.url(tmp_path)), 20)
        assert bucket.take() == 0
        process.kill()
        process.wait()
        with pytest.raises(NoToken):
            bucket.take()

    def test_and_one_that_is_back_gives_them_again(self, tmp_path: Path) -> None:
        bucket = Bucket("ncal", ratelimit.connect(embedded.url(tmp_path)), 20)
        for _ in range(2):
            process = embedded.start(tmp_path)
            assert bucket.take() == 0
            process.kill()
            process.wait()


@pytest.fixture
def without_redis(settings: Any, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Redis is away, as far as Stripe's rate is concerned; `undo()` brings it back."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(settings.CACHES["default"], "LOCATION", NOWHERE)
        yield patch


def asked_for_money(sandbox: Sandbox) -> Payment:
    """A payment whose answer is missing: its process died after Pay, before Stripe was asked."""
    return paying.confirm(paying.start_checkout(sandbox, make_invoice(total_cents=120_00)))


@pytest.mark.django_db(transaction=True)
class TestWhoMayDoWithout:
    def test_a_member_pays_while_redis_is_away(self, sandbox: Sandbox, without_redis: Any) -> None:
        payment = paying.pay(sandbox, make_invoice(total_cents=120_00))
        assert payment.state == State.SUCCEEDED
        assert charged(sandbox) == {payment.reference: 120_00}

    def test_the_reconciler_waits_for_redis_and_then_settles(
        self, sandbox: Sandbox, without_redis: Any
    ) -> None:
        payment = asked_for_money(sandbox)

        with gateway.background():
            reconcile.reconcile_unsettled(at=paying.later(minutes=2))
        payment.refresh_from_db()
        assert payment.state == State.SUBMITTED  # nothing is known to have gone wrong
        assert sandbox.charges() == []

        without_redis.undo()
        with gateway.background():
            reconcile.reconcile_unsettled(at=paying.later(minutes=5))
        payment.refresh_from_db()
        assert payment.state == State.SUCCEEDED
        paying.assert_invariants(sandbox)

    def test_every_task_of_a_worker_is_background_work(
        self, sandbox: Sandbox, without_redis: Any
    ) -> None:
        payment = asked_for_money(sandbox)
        Payment.objects.filter(pk=payment.pk).update(next_check_at=payment.created_at)

        tasks.reconcile_unsettled.delay()

        payment.refresh_from_db()
        assert payment.state == State.SUBMITTED
        assert sandbox.charges() == []

    def test_the_token_of_another_try_missing_the_first_try_may_have_acted(
        self, sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.STRIPE_NETWORK_RETRIES = 2
        tokens = iter([0.0])

        def take(self: Bucket) -> float:
            for token in tokens:
                return token
            raise NoToken("exhausted")

        monkeypatch.setattr(Bucket, "take", take)
        sandbox.faults.add("POST /v1/payment_intents", "act_then_stall")
        region = make_invoice().account.region
        with gateway.background(), pytest.raises(gateway.OutcomeUnknown):
            gateway.create_intent(region=region, reference="KP-TEST", amount_cents=1_00)

    def test_an_exhausted_rate_is_like_stripes_own_429(
        self, sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        settings.STRIPE_RATES = {"default": 1.0}
        monkeypatch.setattr(ratelimit, "PATIENCE_SECONDS", 0)
        region = make_invoice().account.region
        with gateway.background():
            gateway.create_intent(region=region, reference="KP-ONE", amount_cents=1_00)
            with pytest.raises(gateway.Busy):
                gateway.create_intent(region=region, reference="KP-TWO", amount_cents=1_00)
        gateway.create_intent(region=region, reference="KP-SIX", amount_cents=1_00)
        assert len(sandbox.requests()) == 2


class TestSettings:
    def test_one_rate_for_every_account_and_others_by_name(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        assert base.stripe_rates() == {"default": 20.0}
        monkeypatch.setenv("STRIPE_RATE_PER_SECOND", "15")
        monkeypatch.setenv("STRIPE_RATE_PER_SECOND_NCAL", "80")
        assert base.stripe_rates() == {"default": 15.0, "ncal": 80.0}

    def test_accounts_that_share_keys_share_a_bucket(self, settings: Any) -> None:
        settings.STRIPE_ACCOUNTS = {
            "default": {"secret_key": "sk_test_1"},
            "co": {"secret_key": "sk_2"},
        }
        names = [gateway.key_name(account) for account in ("ncal", "scal", "co")]
        assert names == ["default", "default", "co"]

    @pytest.mark.parametrize(("rate", "burst", "ok"), [(20, 1, True), (5, 5, True), (4, 5, False)])
    def test_a_burst_above_the_rate_stops_the_start(
        self, settings: Any, rate: int, burst: int, ok: bool
    ) -> None:
        settings.STRIPE_RATES, settings.STRIPE_RATE_BURST = {"default": rate}, burst
        assert [message.id for message in checks.stripe_rate()] == ([] if ok else ["payments.E003"])
