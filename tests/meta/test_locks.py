"""The locks hold what pyproject.toml asks for: `make lock` was not forgotten."""

import re
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).resolve().parent.parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
EXTRAS = {
    "requirements.lock": (),
    "requirements-demo.lock": ("demo",),
    "requirements-dev.lock": ("demo", "dev"),
}


def pins(lock: str) -> dict[str, tuple[Version, int]]:
    """Name to version and number of hashes."""
    text = (ROOT / lock).read_text().replace("\\\n", " ")
    lines = (line for line in text.splitlines() if line and not line.lstrip().startswith("#"))
    found = {}
    for line in lines:
        match = re.match(r"([A-Za-z0-9._-]+)==(\S+)", line)
        assert match is not None, line
        found[canonicalize_name(match[1])] = (Version(match[2]), line.count("--hash=sha256:"))
    return found


def asked(lock: str) -> list[Requirement]:
    extras = [PROJECT["optional-dependencies"][extra] for extra in EXTRAS[lock]]
    return [Requirement(line) for line in sum(extras, PROJECT["dependencies"])]


@pytest.mark.parametrize("lock", EXTRAS)
def test_every_dependency_is_pinned_to_a_version_that_was_asked_for(lock: str) -> None:
    locked = pins(lock)
    unmet = [
        str(requirement)
        for requirement in asked(lock)
        if (pin := locked.get(canonicalize_name(requirement.name))) is None
        or not requirement.specifier.contains(pin[0])
    ]
    assert unmet == []


@pytest.mark.parametrize("lock", EXTRAS)
def test_every_pin_has_hashes_and_no_lock_an_address(lock: str) -> None:
    assert [name for name, (_, hashes) in pins(lock).items() if not hashes] == []
    assert "://" not in (ROOT / lock).read_text()


@pytest.mark.parametrize("lock", ["requirements.lock", "requirements-demo.lock"])
def test_the_tests_run_on_the_versions_that_production_and_demo_have(lock: str) -> None:
    tested = pins("requirements-dev.lock")
    assert {name: pin for name, pin in pins(lock).items() if tested.get(name) != pin} == {}
