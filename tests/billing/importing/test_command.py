"""The command tells the shell what happened, one import at a time, and survives being killed."""

import io
from pathlib import Path

import psycopg
import pytest
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import OutputWrapper
from django.db import connection

from accounts.models import Member
from billing.importing import apply, csv_format, run
from billing.importing.progress import Bar, Lines, choose
from billing.models import Invoice, JournalEntry
from common import failpoints
from tests.support.importing import bundle, import_bills, patient, row, write_csv, write_json

SAMPLE = settings.BASE_DIR / "demo" / "samples" / "bills.csv"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "bills.csv", [row(bill_number=f"B-{n}") for n in range(1, 6)])


@pytest.fixture
def stop_after_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "BATCH", 2)
    monkeypatch.setitem(failpoints.active, "importing.after_batch", "raise")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("target", "options", "words"),
    [
        ("nowhere.csv", {}, "nowhere.csv does not exist"),
        (".", {"format_name": "fhir", "region": "NCAL"}, "contains no .json or .ndjson file"),
        ("bills.csv", {"region": "XX"}, "no region with this code; the regions are NCAL, SCAL"),
        ("bills.csv", {"region": ""}, "no region with this code"),
        ("bills.csv", {"format_name": "fhir"}, "give one with --region"),
        ("bills.csv", {"format_name": "fhir", "region": "NCAL"}, "nothing of this could be used"),
    ],
)
def test_unusable_input_ends_with_2(
    path: Path, target: str, options: dict[str, str], words: str
) -> None:
    outcome = import_bills(path.parent / target, **options)
    assert outcome.code == 2
    assert words in outcome.err
    assert not Member.objects.exists()


@pytest.mark.django_db
def test_a_folder_in_place_of_a_file_is_read_and_a_device_is_not(tmp_path: Path, path: Path) -> None:
    assert import_bills(tmp_path).code == 0
    outcome = import_bills(Path("/dev/null"))
    assert outcome.code == 2
    assert "/dev/null is neither a file nor a folder" in outcome.err


@pytest.mark.django_db
def test_a_dry_run_finds_the_same_errors_and_effects_and_writes_nothing(path: Path) -> None:
    write_csv(path, [row(), row(bill_number="B-2", charge="x"), row(bill_number="B-3")])
    dry = import_bills(path, dry_run=True)
    assert dry.code == 1
    assert not Member.objects.exists()
    assert not Invoice.objects.exists()
    wet = import_bills(path)
    assert wet.errors == dry.errors
    assert (
        wet.summary("Bills") == dry.summary("Bills") == "2 new ($80.00), 0 unchanged ($0.00), "
        "0 in conflict ($0.00)"
    )
    assert dry.summary("Changes:") == "0 made, 4 would be"
    assert wet.summary("Changes:") == "4"


@pytest.mark.django_db
def test_what_memory_forgets_is_looked_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(apply, "REMEMBERED", 0)
    monkeypatch.setattr(run, "BATCH", 1)
    first, second = import_bills(SAMPLE), import_bills(SAMPLE)
    assert first.summary("Members") == "5 new, 0 changed, 0 unchanged"
    assert first.summary("Accounts") == "3 new, 0 unchanged"
    assert (first.summary("Changes:"), second.summary("Changes:")) == ("13", "0")


@pytest.mark.django_db
def test_the_documentation_shows_what_the_sample_gives() -> None:
    documentation = (settings.BASE_DIR / "docs" / "import.md").read_text()
    said = import_bills(SAMPLE).out.splitlines()
    assert len(said) == 7
    for line in said[1:]:
        assert f"{line}\n" in documentation
    for column in (*csv_format.REQUIRED, *csv_format.OPTIONAL):
        assert f"`{column}`" in documentation


@pytest.mark.django_db
def test_strict_takes_a_conflict_for_an_error_too(path: Path) -> None:
    import_bills(path)
    write_csv(path, [row(bill_number="B-9"), row(bill_number="B-1", description="Other")])
    outcome = import_bills(path, strict=True)
    assert outcome.code == 1
    assert outcome.summary("Changes:") == "0 made, 1 without the errors"
    assert not Invoice.objects.filter(number="B-9").exists()
    assert import_bills(path).summary("Changes:") == "1"


@pytest.mark.django_db(transaction=True)
def test_a_killed_import_is_simply_repeated(path: Path, stop_after_batch: None) -> None:
    with pytest.raises(failpoints.FailpointReached):
        import_bills(path)
    assert Invoice.objects.count() == JournalEntry.objects.count() == 2

    failpoints.active.clear()
    outcome = import_bills(path)
    assert outcome.code == 0
    assert outcome.summary("Bills").startswith("3 new ($120.00), 2 unchanged ($80.00)")
    assert Invoice.objects.count() == JournalEntry.objects.count() == 5
    call_command("verify_ledger")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("option", ["strict", "dry_run"])
def test_a_killed_strict_or_dry_run_leaves_nothing(
    path: Path, stop_after_batch: None, option: str
) -> None:
    with pytest.raises(failpoints.FailpointReached):
        import_bills(path, **{option: True})
    assert not Member.objects.exists()
    assert not Invoice.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_ctrl_c_says_what_is_in(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(name: str) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(run, "BATCH", 2)
    monkeypatch.setattr(run, "failpoint", interrupt)
    outcome = import_bills(path)
    assert outcome.code == 130
    assert "interrupted; finished bills are in" in outcome.err
    assert Invoice.objects.count() == 2
    assert "nothing was written" in import_bills(path, strict=True).err


@pytest.mark.django_db(transaction=True)
def test_only_one_import_runs_at_a_time(path: Path) -> None:
    here = connection.settings_dict
    with psycopg.connect(
        host=here["HOST"], dbname=here["NAME"], user=here["USER"], autocommit=True
    ) as other:
        other.execute("SELECT pg_advisory_lock(%s)", [run.ADVISORY_LOCK])
        outcome = import_bills(path)
        assert outcome.code == 2
        assert "another import is running" in outcome.err
        assert not Invoice.objects.exists()
        other.execute("SELECT pg_advisory_unlock(%s)", [run.ADVISORY_LOCK])
    assert import_bills(path).code == 0
    assert import_bills(path).code == 0  # the lock was given back


@pytest.mark.django_db
def test_where_there_is_no_terminal_each_file_is_a_line_and_no_bar(path: Path) -> None:
    outcome = import_bills(path)
    assert "Importing bills.csv (5 records)" in outcome.err
    assert "%|" not in outcome.err
    assert "Importing" not in import_bills(path, progress=False).err


@pytest.mark.django_db
def test_a_bar_is_drawn_where_it_is_wanted(path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    outcome = import_bills(path, progress=True)
    assert outcome.code == 0
    assert "%|" in capfd.readouterr().err
    assert outcome.summary("Changes:") == "7"


def test_a_person_on_a_terminal_gets_a_bar_unless_not_wanted() -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    terminal = OutputWrapper(Terminal())
    assert isinstance(choose(terminal, wanted=None), Bar)
    assert isinstance(choose(terminal, wanted=False), Lines)
    assert isinstance(choose(OutputWrapper(io.StringIO()), wanted=None), Lines)


@pytest.mark.django_db
def test_a_file_name_cannot_steer_the_terminal(tmp_path: Path) -> None:
    path = write_json(tmp_path / "a\x1b[2Jb.json", bundle(patient(id="bo\x1b[2J")))
    outcome = import_bills(path, "fhir", region="NCAL", verbosity=3)
    assert outcome.code == 1
    assert "\x1b" not in outcome.out + outcome.err


@pytest.mark.django_db
def test_silence_at_verbosity_0_except_for_errors(path: Path) -> None:
    outcome = import_bills(path, verbosity=0, progress=False)
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "")
