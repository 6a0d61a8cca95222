"""`make run` from the outside: what it says, what it starts, and that nothing of it stays behind."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import psutil
import psycopg
import pytest
from psycopg import sql

from demo import postgres
from tests.e2e.product import Product, free_port


@pytest.fixture
def deep_folder(tmp_path: Path) -> Path:
    """Far down, behind a door that only its owner may open, and longer than a socket's name may be."""
    closed = tmp_path / "only mine"
    closed.mkdir(mode=0o700)
    return closed / ("a-rather-long-name-" * 6) / "demo"


@pytest.fixture
def running(prepared: Path, deep_folder: Path) -> Iterator[Product]:
    product = Product.start_copy(prepared, deep_folder)
    yield product
    if product.process.poll() is None:
        product.stop()


def processes_of(product: Product) -> list[psutil.Process]:
    """All that this run has started, the database server included."""
    found = psutil.Process(product.process.pid).children(recursive=True)
    pid_file = product.folder / "pg" / "postmaster.pid"
    if pid_file.exists():
        found.append(psutil.Process(int(pid_file.read_text().split()[0])))
    return found


def still_there(processes: list[psutil.Process]) -> list[str]:
    _gone, alive = psutil.wait_procs(processes, timeout=15)
    return [process.name() for process in alive if process.status() != psutil.STATUS_ZOMBIE]


def names_of(processes: list[psutil.Process]) -> str:
    lines = []
    for process in processes:
        with suppress(psutil.NoSuchProcess):  # a helper that has ended since
            lines.append(" ".join(process.cmdline()))
    return "\n".join(lines)


def test_a_taken_port_is_one_clear_line_and_nothing_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        product = Product(tmp_path / "demo", port, None, tmp_path / "out")  # type: ignore[arg-type]
        result = product.run("-m", "demo.up", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr == (
        f"Port {port} is taken. Stop what listens there, or choose another port: "
        f"make run PORT={port + 1}\n"
    )
    assert not product.folder.exists()


def test_a_child_that_dies_is_named_and_the_others_end(running: Product) -> None:
    again = running.run("-m", "demo.up", "--port", str(free_port()))
    assert again.returncode == 1
    assert "runs already" in again.stderr

    processes = processes_of(running)
    for part in ("redis-server", "demo.stripe", "gunicorn", "worker", "beat"):
        assert part in names_of(processes)
    beat = next(process for process in processes if "beat" in names_of([process]))
    beat.kill()
    assert running.process.wait(60) == 1
    assert "beat was killed by SIGKILL" in running.output.read_text()
    assert still_there(processes) == []


def test_started_again_it_has_kept_its_data_and_a_signal_ends_all_of_it(running: Product) -> None:
    before = running.manage("demo_logins", "--json")
    running.stop()

    again = Product.start(running.folder, port=running.port)
    assert "sample people" not in again.output.read_text()
    assert again.manage("demo_logins", "--json") == before
    processes = processes_of(again)
    assert again.stop(signal.SIGTERM) == 0
    assert still_there(processes) == []
    assert not (running.folder / "env").exists()


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux ends children with their parent")
def test_killed_outright_its_children_end_and_it_can_start_again(running: Product) -> None:
    children = psutil.Process(running.process.pid).children(recursive=True)
    running.process.kill()
    running.process.wait()
    assert still_there(children) == []

    again = Product.start(running.folder, port=running.port)
    processes = processes_of(again)
    assert again.stop() == 0
    assert still_there(processes) == []


def test_services_that_a_person_brings_are_used(
    cluster: postgres.Cluster, redis_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = f"brought_{os.environ.get('KPPAY_TEST_DB', 'kppay')}"
    with cluster.connect() as connection:
        connection.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )
    postgres.create_database(cluster, name)
    product = Product.start(
        tmp_path / "demo",
        DATABASE_URL=cluster.url(postgres.RUNTIME, name),
        DATABASE_OWNER_URL=cluster.url(postgres.OWNER, name),
        REDIS_URL=redis_server,
        STRIPE_SECRET_KEY="sk_test_brought",
        STRIPE_PUBLISHABLE_KEY="pk_test_brought",
    )
    try:
        started = names_of(processes_of(product))
    finally:
        code = product.stop()
    assert code == 0

    assert "gunicorn" in started
    assert "redis-server" not in started
    assert "demo.stripe" not in started
    assert not (product.folder / "pg").exists()
    with psycopg.connect(cluster.url(postgres.RUNTIME, name)) as connection:
        row = connection.execute("SELECT count(*) FROM accounts_member").fetchone()
    assert row == (7,)
