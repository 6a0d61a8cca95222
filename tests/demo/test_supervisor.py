"""What of the children's logs reaches the screen, and what happens when one of them ends."""

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.supervisor import Died, Supervisor, warning_in

TALK = "import sys, time; print({!r}, flush=True); time.sleep({})"


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


@pytest.fixture
def screen() -> io.StringIO:
    return io.StringIO()


@pytest.fixture
def supervisor(tmp_path: Path, screen: io.StringIO) -> Iterator[Supervisor]:
    with Supervisor(log_folder=tmp_path, environment={}, screen=screen) as running:
        yield running


@pytest.mark.parametrize(
    ("line", "shown"),
    [
        ('{"level": "info", "event": "request_finished"}', None),
        ('{"level": "warning", "event": "slow", "seconds": 3}', "warning: slow"),
        ('{"level": "error", "event": "lost"}', "error: lost"),
        ("[2026-11-21 18:16:12 +0000] [857] [INFO] Worker exiting", None),
        ("[2026-11-21 18:16:12 +0000] [857] [ERROR] Worker failed to boot", "ERROR"),
        ("{not json at all", None),
    ],
)
def test_only_warnings_reach_the_screen(line: str, shown: str | None) -> None:
    found = warning_in(line)
    assert found is None if shown is None else shown in str(found)


def test_a_child_is_logged_in_full_and_its_warnings_are_shown(
    supervisor: Supervisor, screen: io.StringIO, tmp_path: Path
) -> None:
    supervisor.finish("step", python('print("usual"); print("[ERROR] not usual")'))
    assert (tmp_path / "step.log").read_text() == "usual\n[ERROR] not usual\n"
    assert screen.getvalue() == "step     [ERROR] not usual\n"


def test_a_step_that_fails_is_named_with_its_last_words(supervisor: Supervisor) -> None:
    with pytest.raises(Died, match=r"(?s)step ended with exit code 3\..*no such table") as failed:
        supervisor.finish("step", python('print("no such table"); raise SystemExit(3)'))
    assert failed.value.child.name == "step"


def test_while_a_step_runs_the_end_of_another_child_is_noticed(supervisor: Supervisor) -> None:
    supervisor.start("brief", python(TALK.format("here", 0)))
    with pytest.raises(Died, match="brief ended with exit code 0"):
        supervisor.finish("long", python(TALK.format("working", 60)))


def test_a_child_that_does_not_listen_is_killed(
    tmp_path: Path, screen: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("demo.supervisor.STOP_SECONDS", 0.2)
    deaf = "import signal; signal.signal(15, signal.SIG_IGN); " + TALK.format("deaf", 60)
    with Supervisor(log_folder=tmp_path, environment={}, screen=screen) as running:
        child = running.start("deaf", python(deaf))
        running.wait_until("deaf", lambda: "deaf" in child.log.read_text(), seconds=30)
    assert child.process.returncode == -9


def test_waiting_for_what_never_comes_ends(supervisor: Supervisor) -> None:
    with pytest.raises(TimeoutError, match="Nothing did not answer within 0 seconds"):
        supervisor.wait_until("Nothing", lambda: False, seconds=0)
