"""FHIR R4: bundles (*.json), each a world of its own, and NDJSON (*.ndjson), one world together.

A world is read twice: first for its people and names, then for its explanations of benefits, because
a bundle may speak of a patient before it introduces them. Why the reader is ours: docs/decisions/.
"""

from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from billing.importing.csv_rows import Context
from billing.importing.fhir_bills import read_explanation
from billing.importing.fhir_directory import Directory, Found
from billing.importing.fhir_values import Resource, child, shortened, text
from billing.importing.json_stream import Advance, BadLine, bundle_entries, ndjson_lines
from billing.importing.progress import Progress
from billing.importing.records import (
    FileRefused,
    FileUnusable,
    HouseholdRecord,
    Record,
    Rejected,
    Unacceptable,
)
from billing.importing.spool import Spool

EXTENSIONS = (".json", ".ndjson")

Reader = Callable[[Path, Advance], Iterator[Found | Rejected]]


def read(files: Sequence[Path], *, context: Context, progress: Progress) -> Iterator[Record]:
    """The records of the files, errors among them. Raises nothing about their content."""
    for path in files:
        if path.suffix.lower() != ".ndjson":
            yield from _read_world([path], _of_bundle, context, progress)
    if lines := [path for path in files if path.suffix.lower() == ".ndjson"]:
        yield from _read_world(lines, _of_lines, context, progress)


def _read_world(
    files: Sequence[Path], reader: Reader, context: Context, progress: Progress
) -> Iterator[Record]:
    with Spool() as spool:
        directory, usable = Directory(spool, context), list[Path]()

        def advance(units: int) -> None:
            progress.advance(units / 2)

        _begin(files, progress)
        for path in files:
            try:
                _introduce(reader(path, advance), directory)
            except (FileUnusable, OSError) as error:
                yield FileRefused(path.name, getattr(error, "strerror", None) or str(error))
            else:
                usable.append(path)
        for path in usable:
            if not directory.has_patients:
                yield FileRefused(path.name, "there is no Patient in it")
                continue
            try:
                for found in reader(path, advance):
                    yield from _records(found, directory)
            except (FileUnusable, OSError):
                yield Rejected(path.name, "the file changed while it was read; import it again")


def _begin(files: Sequence[Path], progress: Progress) -> None:
    """One step for both readings; each counts for half."""
    name = files[0].name if len(files) == 1 else f"{len(files)} NDJSON files"
    progress.step(f"Importing {name}", sum(path.stat().st_size for path in files), "bytes")


def _introduce(entries: Iterator[Found | Rejected], directory: Directory) -> None:
    for found in entries:
        if isinstance(found, Found):
            try:
                directory.introduce(found)
            except Unacceptable:
                continue  # no id: said when its turn comes


def _records(found: Found | Rejected, directory: Directory) -> Iterator[Record]:
    """What comes of one entry or line."""
    if isinstance(found, Rejected):
        yield found
        return
    if found.kind not in ("Patient", "ExplanationOfBenefit"):
        return
    try:
        if not directory.is_first(found):
            yield Rejected(found.where, "its id occurs twice; the second one is left out")
        elif found.kind == "Patient":
            account = directory.account(f"Patient/{found.resource['id']}")
            yield HouseholdRecord(found.where, account, account.guarantor)
        else:
            yield _bill(found, directory)
    except Unacceptable as error:
        yield Rejected(found.where, str(error))


def _bill(found: Found, directory: Directory) -> Record:
    explanation = found.resource
    patient = child(explanation, "patient", "ExplanationOfBenefit")
    try:
        account = directory.account(text(patient, "reference", "patient"))
    except Unacceptable as error:
        raise Unacceptable(f"no bill without its patient: {error}") from None
    return read_explanation(
        explanation,
        account=account,
        where=found.where,
        provider=_named(explanation, "provider", directory),
        facility=_named(explanation, "facility", directory),
    )


def _named(explanation: Resource, element: str, directory: Directory) -> str:
    """The name behind a reference, or the words that stand with it."""
    reference = child(explanation, element, "ExplanationOfBenefit")
    known = directory.name(text(reference, "reference", element))
    return known or text(reference, "display", element)


def _of_bundle(path: Path, advance: Advance) -> Iterator[Found | Rejected]:
    for position, entry in bundle_entries(path, advance):
        where = f"{path.name} entry[{position}]"
        if not isinstance(entry, dict):
            yield Rejected(where, "not an object")
        elif "resource" in entry:
            yield _found(path.name, where, entry["resource"], entry.get("fullUrl"))


def _of_lines(path: Path, advance: Advance) -> Iterator[Found | Rejected]:
    for number, resource in ndjson_lines(path, advance):
        where = f"{path.name}:{number}"
        if isinstance(resource, BadLine):
            yield Rejected(where, resource.reason)
        else:
            yield _found(where, where, resource, None)


def _found(prefix: str, where: str, resource: Any, full_url: Any) -> Found | Rejected:
    """A resource with where it stands: by type and id where it has them, else by its place."""
    if not isinstance(resource, dict) or not isinstance(resource.get("resourceType"), str):
        return Rejected(where, "not a FHIR resource")
    if isinstance(resource.get("id"), str):
        where = f"{prefix} {shortened(resource['resourceType'], 40)}/{shortened(resource['id'], 64)}"
    return Found(where, resource, full_url if isinstance(full_url, str) else "")
