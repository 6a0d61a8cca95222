"""What a benchmark runs against: PostgreSQL, Redis and a distant Stripe, fresh each time."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from demo import environment, postgres, redis

FOLDER = environment.ROOT / "var" / "bench"


@dataclass(frozen=True)
class World:
    """Process ids of what works for us, and the file of the Stripe that does not."""

    postgres: int
    redis: int
    stripe_store: Path


@contextmanager
def world(*, latency_seconds: float, folder: Path = FOLDER, fsync: bool = True) -> Iterator[World]:
    """Start everything, migrate, and point Django's settings at it; afterwards nothing runs on."""
    shutil.rmtree(folder, ignore_errors=True)
    store = folder / "stripe.sqlite"
    cluster = postgres.start(folder / "pg", fsync=fsync)
    redis_process = _start_redis(folder / "redis")
    stripe = subprocess.Popen(
        [sys.executable, "-m", "bench.stripe_stub", str(store), str(latency_seconds)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert stripe.stdout is not None
        os.environ.update(
            environment.database_variables(cluster)
            | environment.sandbox_variables(stripe.stdout.readline().strip())
            | {
                "DJANGO_SETTINGS_MODULE": "kppay.settings.demo",
                "KPPAY_DEMO_DIR": str(folder),
                "REDIS_URL": redis.url(folder / "redis"),
                "LOG_LEVEL": "ERROR",
            }
        )
        subprocess.run(
            [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
            env=os.environ | {"KPPAY_DB_ROLE": "owner"},
            check=True,
        )
        postmaster = int((folder / "pg" / "postmaster.pid").read_text().split()[0])
        yield World(postmaster, redis_process.pid, store)
    finally:
        stripe.communicate(timeout=30)
        redis_process.terminate()
        redis_process.wait()
        postgres.stop(folder / "pg")


def _start_redis(folder: Path) -> "subprocess.Popen[bytes]":
    """As demo.redis does, without its words on the screen."""
    process = subprocess.Popen(redis.command(folder), stdout=subprocess.DEVNULL)
    while not redis.answers(redis.url(folder)):
        if process.poll() is not None:
            raise RuntimeError("Redis did not start")
        time.sleep(0.05)
    return process
