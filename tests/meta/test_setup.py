"""What `make run` and `make test` do to a bare machine, and say where they may not."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.fixture
def setup(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """bin/setup.py, working in an empty folder that has the project's locks."""
    spec = importlib.util.spec_from_file_location("kppay_setup", ROOT / "bin" / "setup.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ROOT", tmp_path)
    monkeypatch.setattr(module, "VENV", tmp_path / ".venv")
    monkeypatch.setattr(module, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    for lock in module.LOCKS.values():
        (tmp_path / lock).write_text(f"content of {lock}")
    return module


def missing(module: ModuleType, **changes: Any) -> Any:
    """Something that this machine does not have."""
    need = module.Need("Pango", ("libpango-1.0-0", "fonts"), "receipts are not rendered", lambda: False)
    return need._replace(**changes)


def installed(setup: ModuleType, purpose: str) -> None:
    """As after a successful installation."""
    setup.PYTHON.parent.mkdir(parents=True, exist_ok=True)
    setup.PYTHON.touch()
    setup.stamp(purpose).write_text(setup.lock_hash(purpose))


def test_without_the_right_to_install_it_names_the_packages_and_goes_on(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "NEEDS_TO_RUN", (missing(setup),))
    monkeypatch.setattr(setup, "may_install", lambda: False)
    setup.install_system_packages("run")
    said = capsys.readouterr().out
    assert "Missing: Pango. Without it receipts are not rendered." in said
    assert "apt install libpango-1.0-0 fonts" in said


def test_with_the_right_it_refreshes_the_lists_first_and_installs_what_is_missing(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[tuple[str, ...]] = []
    monkeypatch.setattr(setup, "NEEDS_TO_RUN", (missing(setup), missing(setup, present=lambda: True)))
    monkeypatch.setattr(setup, "may_install", lambda: True)
    monkeypatch.setattr(setup, "apt_get", lambda *words: calls.append(words))
    setup.install_system_packages("run")
    assert [words[0] for words in calls] == ["update", "install", "install"]
    assert [words[-1] for words in calls[1:]] == ["libpango-1.0-0", "fonts"]


def test_what_is_there_is_not_asked_for(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "NEEDS_TO_RUN", (missing(setup, present=lambda: True),))
    monkeypatch.setattr(setup, "apt_get", lambda *words: pytest.fail(f"called {words}"))
    setup.install_system_packages("run")
    assert capsys.readouterr().out == ""


def test_what_nothing_works_without_stops_it(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(setup, "NEEDS_TO_RUN", (missing(setup, vital=True),))
    monkeypatch.setattr(setup, "may_install", lambda: False)
    with pytest.raises(SystemExit) as stopped:
        setup.install_system_packages("run")
    assert stopped.value.code == 1


def test_only_the_tests_ask_for_a_browser(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup, "NEEDS_TO_RUN", ())
    monkeypatch.setattr(setup, "NEEDS_TO_TEST", (missing(setup, name="Chromium"),))
    monkeypatch.setattr(setup, "may_install", lambda: False)
    setup.install_system_packages("run")
    assert capsys.readouterr().out == ""
    setup.install_system_packages("test")
    assert "Missing: Chromium" in capsys.readouterr().out


def test_packages_are_installed_again_only_when_the_lock_changes(setup: ModuleType) -> None:
    assert not setup.ready("run")
    installed(setup, "run")
    assert setup.ready("run")
    (setup.ROOT / setup.LOCKS["run"]).write_text("another version")
    assert not setup.ready("run")


def test_the_product_runs_from_the_tests_packages_but_not_the_other_way(setup: ModuleType) -> None:
    installed(setup, "test")
    assert setup.ready("run")
    setup.stamp("test").unlink()
    installed(setup, "run")
    assert not setup.ready("test")


def test_an_installation_that_failed_counts_for_nothing(
    setup: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    installed(setup, "run")
    (setup.ROOT / setup.LOCKS["run"]).write_text("another version")

    def fail(command: list[str], **_: Any) -> None:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(subprocess, "run", fail)
    with pytest.raises(subprocess.CalledProcessError):
        setup.install_python_packages("run")
    assert not setup.stamp("run").exists()


def test_an_old_python_is_refused_in_words(tmp_path: Path) -> None:
    old = tmp_path / "python2"
    old.write_text("#!/bin/sh\nexit 1\n")
    old.chmod(0o755)
    result = subprocess.run(
        ["sh", ROOT / "bin" / "python"],
        env={"PYTHON": str(old), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 1
    assert result.stderr.startswith("KPPay needs Python 3.11 or newer, and found none here.")


def test_the_python_that_is_found_is_new_enough() -> None:
    result = subprocess.run(
        ["sh", ROOT / "bin" / "python"],
        env={"PYTHON": sys.executable, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert result.stdout.strip() == sys.executable


def test_continuous_integration_runs_what_the_readme_says() -> None:
    assert "\nmake test" in (ROOT / "README.md").read_text()
    assert (ROOT / ".ci" / "run").read_text().splitlines()[-1] == "make test"


def test_help_lists_every_target_that_a_person_may_make() -> None:
    said = subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    listed = {line.split()[1] for line in said.splitlines() if line.startswith("  make ")}
    assert {"run", "test", "lint", "reset", "lock", "help", "e2e", "format"} <= listed
