"""One running product for all stories here, and one browser (tests/conftest.py)."""

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.e2e import cast
from tests.e2e.product import Product

HERE = Path(__file__).resolve().parent
STORIES = sorted(path.stem.removeprefix("test_") for path in HERE.glob("test_*.py"))
# Looks at what nobody has used yet; ends what the others use.
FIRST, LAST = "test_axe", "test_up"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = [place for place, item in enumerate(items) if item.path.is_relative_to(HERE)]
    mine = [items[place] for place in places]
    mine.sort(key=lambda item: (item.path.stem == LAST) - (item.path.stem == FIRST))
    for place, item in zip(places, mine, strict=True):
        item.add_marker(pytest.mark.e2e)
        items[place] = item


@pytest.fixture(scope="session")
def whole_product() -> Iterator[Product]:
    """Started from nothing, in a folder of its own: far down, behind a door that only its owner may
    open, and longer than a socket's name may be.
    """
    with tempfile.TemporaryDirectory(prefix="kppay-e2e-") as folder:
        product = Product(Path(folder) / "only mine" / ("a-rather-long-name-" * 6) / "demo")
        try:
            product.start()
            yield product
        finally:
            product.end()


@pytest.fixture
def product(whole_product: Product) -> Product:
    """It, running."""
    if not whole_product.runs:
        whole_product.start()
    return whole_product


@pytest.fixture(scope="module")
def cast_of_story(request: pytest.FixtureRequest, whole_product: Product) -> list[dict[str, Any]]:
    """Sample identities that appear in this file alone."""
    story = request.path.stem.removeprefix("test_")
    number = STORIES.index(story) + 1
    if not whole_product.runs:
        whole_product.start()
    return cast.join(whole_product, story, number)


@pytest.fixture
def people(cast_of_story: list[dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Them by role; the first of each."""
    by_role: dict[str, dict[str, Any]] = {}
    for person in cast_of_story:
        by_role.setdefault(person["role"], person)
    return by_role
