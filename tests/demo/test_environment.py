"""Whose services the demo uses: its own, those of a running demo, or those that a person brings."""

import os
from pathlib import Path

import pytest

from demo import environment

TOLD = {
    "DATABASE_URL": "postgres://demo",
    "DATABASE_OWNER_URL": "postgres://demo-owner",
    "REDIS_URL": "unix:///demo.sock",
    "STRIPE_SECRET_KEY_NCAL": "sk_test_demo_ncal",
    "STRIPE_API_BASE": "http://127.0.0.1:9",
    "SITE_URL": "http://127.0.0.1:8000",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A demo's folder, seen from another terminal with a bare environment."""
    for name in list(os.environ):
        if name.startswith(("DATABASE_", "REDIS_", "STRIPE_", "SITE_")):
            monkeypatch.delenv(name)
    # Undone after the test, whatever it sets.
    monkeypatch.setattr(os, "environ", os.environ | {"KPPAY_DEMO_DIR": str(tmp_path)})
    environment.write_environment(tmp_path, TOLD)
    return tmp_path


def test_another_terminal_finds_the_running_demo(folder: Path) -> None:
    claim = environment.hold_demo(folder)
    assert claim is not None
    with claim:
        environment.load_demo_environment()
    assert {name: os.environ[name] for name in TOLD} == TOLD


def test_what_a_demo_wrote_that_has_ended_is_not_believed(folder: Path) -> None:
    environment.hold_demo(folder).close()  # type: ignore[union-attr]
    assert environment.read_environment(folder) == {}


def test_only_one_demo_runs_in_a_folder(folder: Path) -> None:
    first = environment.hold_demo(folder)
    assert first is not None
    assert environment.hold_demo(folder, wait_seconds=0) is None
    first.close()
    again = environment.hold_demo(folder, wait_seconds=0)
    assert again is not None
    again.close()


@pytest.mark.parametrize(
    ("brought", "left_out"),
    [
        ({"DATABASE_URL": "postgres://mine"}, {"DATABASE_OWNER_URL"}),
        ({"STRIPE_SECRET_KEY": "sk_test_mine"}, {"STRIPE_SECRET_KEY_NCAL", "STRIPE_API_BASE"}),
        ({"REDIS_URL": "redis://mine"}, set()),
    ],
)
def test_a_service_that_is_brought_is_not_mixed_with_the_demos(
    folder: Path, brought: dict[str, str], left_out: set[str]
) -> None:
    os.environ.update(brought)
    claim = environment.hold_demo(folder)
    assert claim is not None
    with claim:
        environment.load_demo_environment()
    assert {name: os.environ[name] for name in brought} == brought
    assert left_out & set(os.environ) == set()
    kept = set(TOLD) - left_out - set(brought)
    assert {name: os.environ[name] for name in kept} == {name: TOLD[name] for name in kept}


def test_the_file_that_names_the_services_is_the_owners_alone(folder: Path) -> None:
    assert (folder / "env").stat().st_mode & 0o077 == 0


def test_every_region_has_its_own_demo_account() -> None:
    variables = environment.sandbox_variables("http://127.0.0.1:9")
    assert variables["STRIPE_JS_URL"] == "http://127.0.0.1:9/endive/stripe.js"
    keys = {name: value for name, value in variables.items() if name.startswith("STRIPE_SECRET_KEY_")}
    assert len(set(keys.values())) == len(environment.STRIPE_ACCOUNTS) == 8
