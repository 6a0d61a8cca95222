"""`make run`: the whole product on one machine, until Ctrl-C.

    python -m demo.up --port 8000

Starts what the person does not bring (DATABASE_URL, REDIS_URL, STRIPE_*): the embedded PostgreSQL and
Redis and the Stripe sandbox; prepares database, static files and sample data; then runs web, worker and
beat. When one of them ends, all end and the exit code is 1.
"""

import argparse
import os
import signal
import socket
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable
from pathlib import Path

import psycopg

from demo import environment, postgres, redis
from demo.people import log_ins
from demo.supervisor import Died, Stopped, Supervisor

HOST = "127.0.0.1"
START_SECONDS = 60.0


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def remembered_port(file: Path) -> int:
    """The sandbox's port: the last start's where it is still free, so that open pages go on working."""
    if file.exists() and is_free(int(file.read_text())):
        return int(file.read_text())
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port = int(probe.getsockname()[1])
    file.write_text(str(port))
    return port


def answers(url: str) -> Callable[[], bool]:
    """Whether a page is there: tells what is ready by what a browser would see."""

    def ask() -> bool:
        try:
            with urllib.request.urlopen(url, timeout=10) as response:
                return bool(response.status == 200)
        except (OSError, urllib.error.URLError):
            return False

    return ask


class Demo:
    """One run of the demo in one folder."""

    def __init__(self, *, folder: Path, port: int) -> None:
        self.folder = folder
        self.port = port
        self.url = f"http://{HOST}:{port}"
        self.brings_database = environment.brings_database()
        self.brings_redis = environment.brings_redis()
        self.brings_stripe = environment.brings_stripe()
        self.variables = {"SITE_URL": self.url}

    def run(self) -> None:
        """Until a signal (Stopped) or a child's end (Died); leaves nothing running."""
        began = time.monotonic()
        started_postgres = False
        supervisor = Supervisor(
            log_folder=self.folder / "logs",
            environment=os.environ
            | {
                "DJANGO_SETTINGS_MODULE": "kppay.settings.demo",
                "KPPAY_DEMO_DIR": str(self.folder),
                "PYTHONUNBUFFERED": "1",
            },
            screen=sys.stderr,
        )
        try:
            with supervisor:
                if not self.brings_database:
                    started_postgres = True
                    self.start_postgres()
                if not self.brings_redis:
                    self.start_redis(supervisor)
                if not self.brings_stripe:
                    self.start_sandbox(supervisor)
                supervisor.environment |= self.variables
                self.prepare(supervisor)
                environment.write_environment(self.folder, self.variables)
                self.start_product(supervisor)
                self.say_ready(time.monotonic() - began)
                supervisor.watch()
        finally:
            (self.folder / "env").unlink(missing_ok=True)
            if started_postgres:
                signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave it behind
                postgres.stop(self.folder / "pg")

    def start_postgres(self) -> None:
        cluster = postgres.start(self.folder / "pg")
        self.variables |= environment.database_variables(cluster)

    def start_redis(self, supervisor: Supervisor) -> None:
        folder = self.folder / "redis"
        address = redis.url(folder)
        supervisor.start("redis", redis.command(folder))
        supervisor.wait_until("Redis", lambda: redis.answers(address), seconds=START_SECONDS)
        self.variables["REDIS_URL"] = address

    def start_sandbox(self, supervisor: Supervisor) -> None:
        folder = self.folder / "stripe"
        folder.mkdir(exist_ok=True)
        port = remembered_port(folder / "port")
        supervisor.start(
            "stripe",
            [
                sys.executable, "-m", "demo.stripe",
                "--port", str(port),
                "--store", str(folder / "stripe.sqlite"),
                "--webhook-base", self.url,
            ],
        )  # fmt: skip
        self.variables |= environment.sandbox_variables(f"http://{HOST}:{port}")

    def prepare(self, supervisor: Supervisor) -> None:
        """Schema, static files, sample data; each only where it is missing."""
        variables = supervisor.environment
        print("Preparing the database and the pages ...", flush=True)
        supervisor.environment = variables | {"KPPAY_DB_ROLE": "owner"}
        supervisor.finish("prepare", [sys.executable, "-m", "demo.prepare"])
        supervisor.environment = variables
        with psycopg.connect(variables["DATABASE_URL"]) as connection:
            row = connection.execute("SELECT EXISTS (SELECT FROM accounts_user)").fetchone()
        if row != (True,):
            print("Putting in the sample people and their bills ...", flush=True)
            supervisor.finish("seed", [sys.executable, "manage.py", "seed_demo"])

    def start_product(self, supervisor: Supervisor) -> None:
        python = sys.executable
        supervisor.start(
            "web",
            [
                python, "-m", "gunicorn", "kppay.wsgi",
                "--bind", f"{HOST}:{self.port}",
                "--worker-class", "gthread", "--workers", "1", "--threads", "8",
                "--graceful-timeout", "5",
                "--no-control-socket",
            ],
        )  # fmt: skip
        supervisor.start(
            "worker",
            [
                python, "-m", "celery", "--app", "kppay", "worker",
                "--pool", "threads", "--concurrency", "4",
                "--without-gossip", "--without-mingle",
                "--loglevel", "INFO",
            ],
        )  # fmt: skip
        supervisor.start(
            "beat",
            [
                python, "-m", "celery", "--app", "kppay", "beat",
                "--schedule", str(self.folder / "beat"),
                "--pidfile", "",
                "--loglevel", "INFO",
            ],
        )  # fmt: skip
        supervisor.wait_until("The web server", answers(self.url), seconds=START_SECONDS)

    def say_ready(self, seconds: float) -> None:
        print(f"\nKPPay is ready at {self.url}   (started in {seconds:.1f} s)\n")
        print(f"  Mail that it sends   {self.url}/demo/mail/")
        if not self.brings_stripe:
            print("  Payments             the Stripe sandbox; pay with card 4242 4242 4242 4242")
        print(f"  Logs                 {self.folder / 'logs'}\n")
        print(log_ins())
        print("\nCtrl-C stops everything.", flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m demo.up", description="Run the demo.")
    parser.add_argument("--port", type=int, default=8000, help="where the portal listens")
    port = parser.parse_args().port
    if not is_free(port):
        print(
            f"Port {port} is taken. Stop what listens there, or choose another port: "
            f"make run PORT={port + 1}",
            file=sys.stderr,
        )
        return 1
    folder = environment.demo_folder()
    claim = environment.hold_demo(folder)
    if claim is None:
        print("The demo of this folder runs already. Stop it first (Ctrl-C).", file=sys.stderr)
        return 1
    try:
        Demo(folder=folder, port=port).run()
    except Stopped:
        print("\nStopped.")
    except (Died, TimeoutError) as problem:
        print(f"\n{problem}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
