"""One running product for each file here, and one browser for all (tests/conftest.py)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.product import Product

HERE = Path(__file__).resolve().parent


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if item.path.is_relative_to(HERE):
            item.add_marker(pytest.mark.e2e)


@pytest.fixture(scope="module")
def product() -> Iterator[Product]:
    """The whole of it, anew for each file: what one story does to the sample people, no other meets.

    In a folder of its own, not in pytest's, which other users may not enter.
    """
    with tempfile.TemporaryDirectory(prefix="kppay-e2e-") as folder:
        Path(folder).chmod(0o755)
        running = Product.start(Path(folder) / "demo")
        yield running
        assert running.stop() == 0, running.output.read_text()


@pytest.fixture(scope="module")
def people(product: Product) -> dict[str, dict[str, Any]]:
    """The sample identities by role; the first of each."""
    by_role: dict[str, dict[str, Any]] = {}
    for person in product.identities():
        by_role.setdefault(person["role"], person)
    return by_role
