"""A process of its own that does one thing and may be killed at a failpoint.

    python -m tests.support.child STORE advance PAYMENT_ID

It has the test's database (DATABASE_OWNER_URL), the test's sandbox (STORE), KPPAY_FAILPOINTS and, where
the test has moved its clock, the same time (KPPAY_CLOCK_SHIFT, in seconds).
"""

import datetime as dt
import os
import signal
import subprocess
import sys
from pathlib import Path

import django

from demo import postgres


def run(
    store: Path, act: str, key: int, *, failpoint: str = "", shift: dt.timedelta = dt.timedelta()
) -> int:
    """Do it in a child process; returns its exit code, -9 where it was killed."""
    from django.db import connection

    config = connection.settings_dict
    cluster = postgres.Cluster(socket_dir=str(config["HOST"]))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "kppay.settings.test",
        "DATABASE_OWNER_URL": cluster.url(str(config["USER"]), str(config["NAME"])),
        "KPPAY_FAILPOINTS": f"{failpoint}=kill" if failpoint else "",
        "KPPAY_CLOCK_SHIFT": str(shift.total_seconds()),
    }
    done = subprocess.run(
        [sys.executable, "-m", "tests.support.child", str(store), act, str(key)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    if done.returncode not in (0, -signal.SIGKILL):
        raise AssertionError(done.stderr)
    return done.returncode


def main(store: str, act: str, key: str) -> None:
    django.setup()
    from django.utils import timezone

    from accounts.models import Region
    from autopay.services import drawing
    from common.clock import business_date
    from demo.stripe.client import SandboxHTTPClient
    from demo.stripe.core import Sandbox
    from payments import gateway
    from payments.models import PaymentEvent
    from payments.services import receipts, submission

    shift = dt.timedelta(seconds=float(os.environ["KPPAY_CLOCK_SHIFT"]))
    if shift:
        real = timezone.now
        timezone.now = lambda: real() + shift
    sandbox = Sandbox(Path(store), clock=lambda: timezone.now())
    gateway.http_client = lambda: SandboxHTTPClient(sandbox)  # type: ignore[assignment]
    if act == "advance":
        submission.advance(payment_id=int(key), via=PaymentEvent.Via.BROWSER)
    elif act == "render":
        receipts.render(receipt_id=int(key))
    elif act == "autopay":
        region = Region.objects.get(pk=int(key))
        today = business_date(region.time_zone)
        drawing.run(region=region, as_of=today, today=today)
    else:
        raise SystemExit(f"unknown act {act}")


if __name__ == "__main__":
    main(*sys.argv[1:])
