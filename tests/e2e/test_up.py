"""`make run` from the outside: what it says, what it starts, and that nothing of it stays behind."""

import os
import shutil
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
from tests.support import database


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


def log_ins(product: Product) -> str:
    """The sample identities with their pay codes, as a person in another terminal sees them."""
    told = product.run("manage.py", "demo_logins", "--json")
    assert told.returncode == 0, told.stderr
    return told.stdout


def test_a_taken_port_is_one_clear_line_and_nothing_starts(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        product = Product(tmp_path / "demo", port=port)
        result = product.run("-m", "demo.up", "--port", str(port))
    assert result.returncode == 1
    assert result.stderr == (
        f"Port {port} is taken. Stop what listens there, or choose another port: "
        f"make run PORT={port + 1}\n"
    )
    assert not product.folder.exists()


def test_a_signal_ends_all_of_it_and_started_again_it_has_kept_its_data(product: Product) -> None:
    assert "sample people" in product.said(0)
    before = log_ins(product)
    processes = processes_of(product)
    assert product.stop(signal.SIGTERM) == 0
    assert still_there(processes) == []
    assert not (product.folder / "env").exists()

    product.start()
    assert "sample people" not in product.said()
    assert log_ins(product) == before


@pytest.mark.skipif(os.uname().sysname != "Linux", reason="only Linux ends children with their parent")
def test_killed_outright_its_children_end(product: Product) -> None:
    children = psutil.Process(product.process.pid).children(recursive=True)
    product.process.kill()
    product.process.wait()
    assert still_there(children) == []


def test_a_child_that_dies_is_named_and_the_others_end(product: Product) -> None:
    """Started again, also where it was killed before."""
    again = product.run("-m", "demo.up", "--port", str(free_port()))
    assert again.returncode == 1
    assert "runs already" in again.stderr

    processes = processes_of(product)
    for part in ("redis-server", "demo.stripe", "gunicorn", "worker", "beat"):
        assert part in names_of(processes)
    beat = next(process for process in processes if "beat" in names_of([process]))
    beat.kill()
    assert product.process.wait(60) == 1
    assert "beat was killed by SIGKILL" in product.said()
    assert still_there(processes) == []


@pytest.fixture
def database_brought(whole_product: Product) -> Iterator[tuple[postgres.Cluster, str]]:
    """A person's own, at the newest migration and empty."""
    whole_product.end()
    data, name = whole_product.folder / "pg", "brought"
    cluster = postgres.start(data)
    with cluster.connect() as connection:
        connection.execute(
            sql.SQL("CREATE DATABASE {} TEMPLATE kppay OWNER {}").format(
                sql.Identifier(name), sql.Identifier(postgres.OWNER)
            )
        )
    database.empty_tables(cluster, name)
    yield cluster, name
    postgres.stop(data)


def test_services_that_a_person_brings_are_used(
    database_brought: tuple[postgres.Cluster, str],
    whole_product: Product,
    redis_server: str,
    tmp_path: Path,
) -> None:
    cluster, name = database_brought
    product = Product(
        tmp_path / "demo",
        DATABASE_URL=cluster.url(postgres.RUNTIME, name),
        DATABASE_OWNER_URL=cluster.url(postgres.OWNER, name),
        REDIS_URL=redis_server,
        STRIPE_SECRET_KEY="sk_test_brought",
        STRIPE_PUBLISHABLE_KEY="pk_test_brought",
    )
    shutil.copytree(whole_product.folder / "static", product.folder / "static")
    product.start()
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
    assert row == (9,)
