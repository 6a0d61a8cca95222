"""A process of its own that does one thing and may be killed at a failpoint.

It has the test's database, the test's sandbox, a failpoint of its own and, where the test has moved its
clock, the same time. It is forked from a process that has loaded Django and has no connection of any
kind: `python -m tests.support.child` takes a line of JSON for each child, and says how it ended.
"""

import atexit
import datetime as dt
import json
import os
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from functools import cache
from importlib import import_module
from itertools import count
from pathlib import Path

import django

from demo import postgres

PATIENCE_SECONDS = 120.0


def run(
    store: Path,
    act: str,
    key: int,
    *,
    failpoint: str = "",
    passed: int = 0,
    shift: dt.timedelta = dt.timedelta(),
) -> int:
    """Do it in a child process; returns its exit code, -9 where it was killed.

    It is killed at the failpoint, once it has `passed` there so many times.
    """
    from django.db import connection

    config = connection.settings_dict
    cluster = postgres.Cluster(socket_dir=str(config["HOST"]))
    parent = _parent(cluster.url(str(config["USER"]), str(config["NAME"])))
    return parent.fork(
        store=str(store),
        act=act,
        key=key,
        failpoint=failpoint,
        passed=passed,
        shift=shift.total_seconds(),
    )


class _Parent:
    """The process that children are forked from."""

    def __init__(self, database_url: str) -> None:
        self._errors = tempfile.TemporaryFile()  # noqa: SIM115 -- closed with the process
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.child"],
            env={
                **os.environ,
                "DJANGO_SETTINGS_MODULE": "kppay.settings.test",
                "DATABASE_OWNER_URL": database_url,
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
        )
        atexit.register(self.close)

    def fork(self, **task: object) -> int:
        """A child for this task; returns its exit code."""
        written, answers = self._process.stdin, self._process.stdout
        assert written is not None
        assert answers is not None
        written.write(json.dumps(task).encode() + b"\n")
        written.flush()
        ready, _, _ = select.select([answers], [], [], PATIENCE_SECONDS)
        code = answers.readline() if ready else b""
        if code.strip() not in (b"0", b"%d" % -signal.SIGKILL):
            self._errors.seek(0)
            raise AssertionError(self._errors.read().decode(errors="replace"))
        return int(code)

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        self._errors.close()


@cache
def _parent(database_url: str) -> _Parent:
    return _Parent(database_url)


def _serve() -> None:
    django.setup()
    for module in (
        "autopay.services.drawing",
        "payments.services.receipts",
        "demo.stripe.client",
        "tests.support.methods",
    ):
        import_module(module)  # once, for all children
    for line in sys.stdin.buffer:
        child = os.fork()
        if child == 0:
            os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
            return _do(**json.loads(line))
        _, status = os.waitpid(child, 0)
        os.write(sys.stdout.fileno(), b"%d\n" % os.waitstatus_to_exitcode(status))
    return None


def _do(*, store: str, act: str, key: int, failpoint: str, passed: int, shift: float) -> None:
    from django.utils import timezone

    from accounts.models import Region
    from autopay.services import drawing
    from billing.models import BillingAccount
    from common import failpoints
    from common.clock import business_date
    from demo.stripe.client import SandboxHTTPClient
    from demo.stripe.core import Sandbox
    from payments import gateway
    from payments.models import Payment, PaymentEvent, Refund
    from payments.services import receipts, refunds, submission
    from tests.support import methods

    if failpoint:
        failpoints.active[failpoint] = _kill_after(passed)
    if shift:
        real, by = timezone.now, dt.timedelta(seconds=shift)
        timezone.now = lambda: real() + by
    sandbox = Sandbox(Path(store), clock=lambda: timezone.now())
    gateway.http_client = lambda: SandboxHTTPClient(sandbox)  # type: ignore[assignment]
    if act == "advance":
        submission.advance(payment_id=key, via=PaymentEvent.Via.BROWSER)
    elif act == "refund":
        refunds.request(
            payment=Payment.objects.get(pk=key),
            amount_cents=50_00,
            destination=Refund.Destination.SOURCE,
            reason="Duplicate visit",
            requested_by=None,
        )
    elif act == "save_card":
        methods.add(sandbox, BillingAccount.objects.get(pk=key))
    elif act == "render":
        receipts.render(receipt_id=key)
    elif act == "autopay":
        region = Region.objects.get(pk=key)
        today = business_date(region.time_zone)
        drawing.run(region=region, as_of=today, today=today)
    else:
        raise SystemExit(f"unknown act {act}")


def _kill_after(passed: int) -> Callable[[], None]:
    hits = count(1)

    def at_failpoint() -> None:
        if next(hits) > passed:
            os.kill(os.getpid(), signal.SIGKILL)

    return at_failpoint


if __name__ == "__main__":
    _serve()
