"""A process of its own that does one thing and may be killed at a failpoint.

    python -m tests.support.child STORE advance PAYMENT_ID

It has the test's database (DATABASE_OWNER_URL), the test's sandbox (STORE) and KPPAY_FAILPOINTS.
"""

import os
import signal
import subprocess
import sys
from pathlib import Path

import django

from demo import postgres


def run(store: Path, act: str, key: int, *, failpoint: str = "") -> int:
    """Do it in a child process; returns its exit code, -9 where it was killed."""
    from django.db import connection

    config = connection.settings_dict
    cluster = postgres.Cluster(socket_dir=str(config["HOST"]))
    environment = {
        **os.environ,
        "DJANGO_SETTINGS_MODULE": "kppay.settings.test",
        "DATABASE_OWNER_URL": cluster.url(str(config["USER"]), str(config["NAME"])),
        "KPPAY_FAILPOINTS": f"{failpoint}=kill" if failpoint else "",
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
    from demo.stripe.client import SandboxHTTPClient
    from demo.stripe.core import Sandbox
    from payments import gateway
    from payments.models import PaymentEvent
    from payments.services import receipts, submission

    sandbox = Sandbox(Path(store))
    gateway.http_client = lambda: SandboxHTTPClient(sandbox)  # type: ignore[assignment]
    if act == "advance":
        submission.advance(payment_id=int(key), via=PaymentEvent.Via.BROWSER)
    elif act == "render":
        receipts.render(receipt_id=int(key))
    else:
        raise SystemExit(f"unknown act {act}")


if __name__ == "__main__":
    main(*sys.argv[1:])
