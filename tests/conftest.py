"""Real PostgreSQL, real Redis. Migrations run as the owner; tests run as the role that owns nothing."""

import gc
import os
from collections.abc import Iterator
from contextlib import closing
from importlib import import_module
from pathlib import Path

import hypothesis
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connection
from django.test import TransactionTestCase
from django.utils import translation
from django.utils.module_loading import import_string
from xdist.scheduler import LoadScopeScheduling

from demo import postgres, redis
from demo.environment import redis_folder_of_tests
from tests.support import database

pytest_plugins = [
    "tests.support.stripe",
    "tests.support.browser",
    "tests.support.autopay",
    "tests.support.mail",
]

VAR = Path(__file__).resolve().parent.parent / "var" / "test"

# The suite plays the same examples every time, so that nobody's change is refused for what another
# brought; a seed of one's own (pytest --hypothesis-seed) plays others.
hypothesis.settings.register_profile("suite", derandomize=True, deadline=None)
hypothesis.settings.register_profile("others", deadline=None)


def pytest_configure(config: pytest.Config) -> None:
    others = config.getoption("--hypothesis-seed") is not None
    hypothesis.settings.load_profile("others" if others else "suite")


@pytest.fixture(autouse=True)
def _english() -> Iterator[None]:
    """A page in Spanish leaves its thread in Spanish; the next test begins in English."""
    yield
    translation.deactivate()


@pytest.fixture(scope="session")
def cluster(worker_id: str) -> postgres.Cluster:
    """The embedded PostgreSQL of this test process; it ends with it.

    Each has its own: transaction ids count across all databases of a cluster, so that a long test
    elsewhere would keep the books of this one from being sealed.
    """
    return postgres.start(VAR / f"pg-{database_name(worker_id)}", fsync=False)


def database_name(worker_id: str) -> str:
    return f"{os.environ.get('KPPAY_TEST_DB', 'kppay')}_{worker_id}"


@pytest.fixture(scope="session", autouse=True)
def redis_server() -> Iterator[str]:
    """The Redis that the settings name."""
    process = redis.start(redis_folder_of_tests())
    yield settings.CACHES["default"]["LOCATION"]
    process.terminate()
    process.wait()


@pytest.fixture(scope="session")
def django_db_modify_db_settings(cluster: postgres.Cluster, worker_id: str) -> None:
    """Each test process has its own database, made and migrated by the owner."""
    database.point_at(cluster, name=database_name(worker_id), role=postgres.OWNER)


@pytest.fixture(scope="session")
def django_db_setup(
    request: pytest.FixtureRequest,
    django_db_blocker: object,
    django_db_modify_db_settings: None,
    cluster: postgres.Cluster,
) -> Iterator[None]:
    """Migrate once as the owner, then hand the connection to the runtime role.

    Django empties tables by TRUNCATE, which our books refuse; the superuser empties them instead.
    And it closes the connection, which we renew.
    """
    with django_db_blocker.unblock():  # type: ignore[attr-defined]
        database.create_and_migrate(cluster)
        database.become(postgres.RUNTIME)

    emptier = database.Emptier(cluster, connection.settings_dict["NAME"])
    with pytest.MonkeyPatch.context() as patch, closing(emptier):
        patch.setattr(TransactionTestCase, "_fixture_teardown", lambda _: emptier())
        patch.setattr(TransactionTestCase, "_should_reload_connections", lambda _: not database.renew())
        yield


@pytest.fixture(scope="session", autouse=True)
def _sandbox_waits_for_no_disk() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("demo.stripe.store.SYNCHRONOUS", "OFF")
        yield


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    yield
    cache.clear()


@pytest.fixture(autouse=True)
def _receipts_are_left_due(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody is woken to render a receipt but in tests marked `receipts`: two PDFs cost more than the
    rest of most stories. It stays due, as it does while no worker is there.
    """
    if request.node.get_closest_marker("receipts") is None:
        monkeypatch.setattr("payments.services.booking.wake", lambda _task, _key: None)


def pytest_collection_finish() -> None:
    """What a first page would load is loaded before any test, so that none of it takes over the clock
    of the test that comes first. And what is loaded by now stays to the end: looking through it again
    and again for garbage would take an eighth of the run.
    """
    import_module(settings.ROOT_URLCONF)
    (templates,) = settings.TEMPLATES
    for path in (*settings.MIDDLEWARE, *templates["OPTIONS"]["context_processors"]):
        import_string(path)
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 100)


class OneProduct(LoadScopeScheduling):
    """Shares out single tests, but tests/e2e/ whole, and first: its stories use one running product.

    pytest-xdist's own groups do not reach the scheduler with this pytest: they are written to an
    attribute that a node no longer has.
    """

    def _split_scope(self, nodeid: str) -> str:
        return "tests/e2e" if nodeid.startswith("tests/e2e/") else nodeid


def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> OneProduct:
    return OneProduct(config, log)
