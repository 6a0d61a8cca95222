"""Where the demo's and the tests' services are. Variables that a person has set always win.

While `make run` runs, it holds var/demo/lock and var/demo/env tells other terminals where it listens.
"""

import fcntl
import os
import time
from collections.abc import Mapping
from pathlib import Path
from typing import IO, TYPE_CHECKING

from demo import redis

if TYPE_CHECKING:
    from demo import postgres

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "kppay"


def demo_folder() -> Path:
    """Everything the demo keeps; `make reset` deletes it."""
    return Path(os.environ.get("KPPAY_DEMO_DIR", ROOT / "var" / "demo")).absolute()


# --- What a person brings -------------------------------------------------------------------------


def brings_database() -> bool:
    return "DATABASE_URL" in os.environ


def brings_redis() -> bool:
    return "REDIS_URL" in os.environ


def brings_stripe() -> bool:
    """A key or an address of Stripe is set, so the sandbox is not wanted."""
    return any(
        name.startswith(("STRIPE_SECRET_KEY", "STRIPE_PUBLISHABLE_KEY", "STRIPE_API_BASE"))
        for name in os.environ
    )


# Names in Region.stripe_account.
STRIPE_ACCOUNTS = ("ncal", "scal", "co", "ga", "hi", "mas", "nw", "wa")


def sandbox_variables(address: str) -> dict[str, str]:
    """What makes the portal use the Stripe sandbox at this address: its keys are made of the names."""
    variables = {"STRIPE_API_BASE": address, "STRIPE_JS_URL": f"{address}/endive/stripe.js"}
    for account in STRIPE_ACCOUNTS:
        suffix = account.upper()
        variables[f"STRIPE_SECRET_KEY_{suffix}"] = f"sk_test_demo_{account}"
        variables[f"STRIPE_PUBLISHABLE_KEY_{suffix}"] = f"pk_test_demo_{account}"
        variables[f"STRIPE_WEBHOOK_SECRET_{suffix}"] = f"whsec_demo_{account}"
    return variables


# --- What the running demo tells ------------------------------------------------------------------


def hold_demo(folder: Path, *, wait_seconds: float = 0.5) -> IO[str] | None:
    """Claim the folder for this process; the claim ends with it. None where another process has it."""
    folder.mkdir(parents=True, exist_ok=True)
    file = (folder / "lock").open("a+")
    deadline = time.monotonic() + wait_seconds
    while not _lock(file, fcntl.LOCK_EX):
        if time.monotonic() > deadline:  # longer than any look of demo_is_running
            file.close()
            return None
        time.sleep(0.02)
    return file


def demo_is_running(folder: Path) -> bool:
    if not (folder / "lock").exists():
        return False
    with (folder / "lock").open("a+") as file:
        return not _lock(file, fcntl.LOCK_SH)


def _lock(file: IO[str], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def write_environment(folder: Path, variables: Mapping[str, str]) -> None:
    """For manage.py in another terminal. Readable by this user alone."""
    path = folder / "env"
    path.touch(mode=0o600)
    path.write_text("".join(f"{name}={value}\n" for name, value in sorted(variables.items())))


def read_environment(folder: Path) -> dict[str, str]:
    """What the running demo wrote; nothing when it does not run."""
    path = folder / "env"
    if not path.exists() or not demo_is_running(folder):
        return {}
    pairs = (line.partition("=") for line in path.read_text().splitlines())
    return {name: value for name, separator, value in pairs if separator}


def load_demo_environment() -> None:
    """Fill in what is not set: the embedded PostgreSQL (started, or joined), Redis, the sandbox.

    A service that the person brings is taken whole: no variable of the demo's own is mixed in.
    """
    folder = demo_folder()
    brought = {"DATABASE": brings_database(), "REDIS": brings_redis(), "STRIPE": brings_stripe()}
    for name, value in read_environment(folder).items():
        if not brought.get(name.partition("_")[0], False):
            os.environ.setdefault(name, value)
    if "DATABASE_URL" not in os.environ:
        from demo import postgres

        os.environ.update(database_variables(postgres.start(folder / "pg")))
    os.environ.setdefault("REDIS_URL", redis.url(folder / "redis"))


def database_variables(cluster: "postgres.Cluster") -> dict[str, str]:
    """The addresses of the demo's database in a running cluster; makes the database if need be."""
    from demo import postgres

    postgres.create_database(cluster, DATABASE)
    return {
        "DATABASE_URL": cluster.url(postgres.RUNTIME, DATABASE),
        "DATABASE_OWNER_URL": cluster.url(postgres.OWNER, DATABASE),
    }


# --- Tests ----------------------------------------------------------------------------------------


def load_test_environment() -> None:
    """Placeholders; tests/conftest.py starts the services and puts the real addresses in."""
    os.environ.setdefault("DATABASE_OWNER_URL", "postgres://kppay_owner@localhost/kppay")
    os.environ["REDIS_URL"] = redis.url(redis_folder_of_tests())


def redis_folder_of_tests() -> Path:
    """Each test process has its own Redis, so that wiping one disturbs nobody."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return ROOT / "var" / "test" / f"redis-{os.environ.get('KPPAY_TEST_DB', 'kppay')}-{worker}"
