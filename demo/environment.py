"""Where the demo's and the tests' services are. Variables that are already set always win."""

import os
from pathlib import Path

from demo import redis

ROOT = Path(__file__).resolve().parent.parent
DATABASE = "kppay"


def demo_folder() -> Path:
    """Everything the demo keeps; `make reset` deletes it."""
    return Path(os.environ.get("KPPAY_DEMO_DIR", ROOT / "var" / "demo"))


def load_demo_environment() -> None:
    """Fill in what is not set: the embedded PostgreSQL (started, or joined), Redis, the sandbox."""
    folder = demo_folder()
    _read_env_file(folder / "env")
    if "DATABASE_URL" not in os.environ:
        from demo import postgres

        cluster = postgres.start(folder / "pg")
        os.environ["DATABASE_URL"] = cluster.url(postgres.RUNTIME, DATABASE)
        os.environ["DATABASE_OWNER_URL"] = cluster.url(postgres.OWNER, DATABASE)
    os.environ.setdefault("REDIS_URL", redis.url(folder / "redis"))


def load_test_environment() -> None:
    """Placeholders; tests/conftest.py starts the services and puts the real addresses in."""
    os.environ.setdefault("DATABASE_OWNER_URL", "postgres://kppay_owner@localhost/kppay")
    os.environ["REDIS_URL"] = redis.url(redis_folder_of_tests())


def redis_folder_of_tests() -> Path:
    """Each test process has its own Redis, so that wiping one disturbs nobody."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "main")
    return ROOT / "var" / "test" / f"redis-{os.environ.get('KPPAY_TEST_DB', 'kppay')}-{worker}"


def _read_env_file(path: Path) -> None:
    if not path.exists():
        return
    for line in path.read_text().splitlines():
        name, separator, value = line.partition("=")
        if separator:
            os.environ.setdefault(name, value)
