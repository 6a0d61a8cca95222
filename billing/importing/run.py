"""One import from beginning to end: which files, which transactions, one at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import chain, islice
from pathlib import Path

from django.db import connection, transaction

from accounts.models import Region
from billing.importing import csv_format, fhir_format
from billing.importing.apply import Writer
from billing.importing.csv_rows import Context
from billing.importing.progress import Progress
from billing.importing.records import Record
from billing.importing.report import Report
from billing.importing.spool import Spool
from common.clock import business_date
from common.failpoints import failpoint

BATCH = 100  # records a transaction: what a killed import loses at most, and does again next time

ADVISORY_LOCK = 0x4B50_5041_494D  # any number; PostgreSQL's advisory lock of imports


class UnusableInput(RuntimeError):
    """The command cannot even start: the message says why."""


def find_region(code: str) -> Region:
    """The region with this code, in whatever case. Raises UnusableInput."""
    region = Region.objects.filter(code__iexact=code.strip()).first()
    if region is None:
        known = ", ".join(Region.objects.values_list("code", flat=True))
        raise UnusableInput(f"there is no region with this code; the regions are {known}")
    return region


def find_files(path: Path, extensions: Sequence[str]) -> list[Path]:
    """The file itself, or the folder's files of the format by name. Raises UnusableInput."""
    try:
        if path.is_file():
            return [path]
        if not path.exists():
            raise UnusableInput(f"{path} does not exist")
        if not path.is_dir():
            raise UnusableInput(f"{path} is neither a file nor a folder")
        files = sorted(file for file in path.iterdir() if _is_ours(file, extensions))
    except OSError as error:
        raise UnusableInput(f"{path} cannot be read: {error.strerror}") from None
    if not files:
        raise UnusableInput(f"{path} contains no {' or '.join(extensions)} file")
    return files


def _is_ours(file: Path, extensions: Sequence[str]) -> bool:
    return file.suffix.lower() in extensions and not file.name.startswith(".") and file.is_file()


def import_bills(
    path: Path,
    *,
    format_name: str,
    region: Region | None,
    dry_run: bool,
    strict: bool,
    progress: Progress,
    error: Callable[[str], None],
    detail: Callable[[str], None],
    note: Callable[[str], None],
) -> Report:
    """Import a file or a folder; returns what changed, or would have.

    `error` gets a line for each error, `detail` one for each member and account, `note` one for each
    bill whose amounts do not add up.

    A dry run does everything and takes it back. A strict import takes everything back if there was
    one error. Raises UnusableInput.
    """
    regions = {region.code: region for region in Region.objects.all()}
    context = Context(
        region_codes=frozenset(regions),
        default_region=region.code if region else None,
        # Nobody is born later than today; in UTC it is tomorrow first, for every region.
        today=business_date("UTC"),
    )
    if format_name == "fhir" and region is None:
        raise UnusableInput("FHIR bundles name no region of ours: give one with --region")
    reader = csv_format if format_name == "csv" else fhir_format
    files = find_files(path, reader.EXTENSIONS)
    with one_at_a_time(), Spool() as seen:
        writer = Writer(regions=regions, spool=seen, error=error, detail=detail, note=note)
        writer.report.files = len(files)
        # Closed here, whatever happens: a reader left half way holds a file and a spool.
        with closing(reader.read(files, context=context, progress=progress)) as records:
            if dry_run or strict:
                _apply_as_one(records, writer, undo=lambda: dry_run or writer.report.errors > 0)
            else:
                _apply_in_batches(records, writer)
        progress.end()
        return writer.report


def _apply_in_batches(records: Iterator[Record], writer: Writer) -> None:
    while batch := list(islice(records, BATCH)):
        with transaction.atomic():
            writer.apply(batch)
        failpoint("importing.after_batch")


def _apply_as_one(records: Iterator[Record], writer: Writer, *, undo: Callable[[], bool]) -> None:
    """All in one transaction, undone at the end where `undo` says so."""
    first: Iterable[Record] = list(islice(records, BATCH))  # before a transaction waits for a file
    with transaction.atomic():
        with connection.cursor() as cursor:
            # Reading a large file takes longer than a request may leave a transaction idle.
            cursor.execute("SET LOCAL idle_in_transaction_session_timeout = 0")
        _apply_in_batches(chain(first, records), writer)
        if undo():
            transaction.set_rollback(True)


@contextmanager
def one_at_a_time() -> Iterator[None]:
    """Two imports at once would only wait for each other. Raises UnusableInput."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_try_advisory_lock(%s)", [ADVISORY_LOCK])
        if not cursor.fetchone()[0]:
            raise UnusableInput("another import is running; start this one when it is done")
    try:
        yield
    finally:
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_unlock(%s)", [ADVISORY_LOCK])
