"""One running product for each file here, and one browser for all (tests/conftest.py)."""

import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import VAR, database_name
from tests.e2e.product import Product, prepare

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="session")
def prepared(testrun_uid: str) -> Path:
    """A product with its sample people, stopped; made once in a run, for all of its processes."""
    folder = VAR / f"product-{database_name('prepared')}"
    made_by = folder.parent / f"{folder.name}.run"
    made_by.parent.mkdir(parents=True, exist_ok=True)
    with made_by.open("a+") as mark:
        fcntl.flock(mark, fcntl.LOCK_EX)
        mark.seek(0)
        if mark.read() != testrun_uid:
            mark.truncate(0)
            shutil.rmtree(folder, ignore_errors=True)
            prepare(folder)
            mark.write(testrun_uid)
    return folder


@pytest.fixture(scope="module")
def product(prepared: Path) -> Iterator[Product]:
    """The whole of it, anew for each file: what one story does to the sample people, no other meets.

    In a folder of its own, not in pytest's, which other users may not enter.
    """
    with tempfile.TemporaryDirectory(prefix="kppay-e2e-") as folder:
        Path(folder).chmod(0o755)
        running = Product.start_copy(prepared, Path(folder) / "demo")
        yield running
        running.end()


@pytest.fixture(scope="module")
def people(product: Product) -> dict[str, dict[str, Any]]:
    """The sample identities by role; the first of each."""
    by_role: dict[str, dict[str, Any]] = {}
    for person in product.identities():
        by_role.setdefault(person["role"], person)
    return by_role
