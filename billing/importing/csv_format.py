"""The CSV that docs/import.md describes: one row a line of a bill.

A file is read to its end first, its rows set aside on disk under their bill, and only then do bills
go out: a bill's rows need not be adjacent, and a bad row keeps its whole bill out, never a part.
"""

import csv
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from billing.importing.csv_rows import (
    OF_THE_BILL,
    OF_THE_LINE,
    OPTIONAL,
    BadRow,
    Context,
    Row,
    bill_of,
    household_of,
    is_household,
    key_of,
)
from billing.importing.progress import Progress
from billing.importing.records import FileRefused, FileUnusable, Record, Rejected
from billing.importing.spool import Spool

REQUIRED = (*OF_THE_BILL, *OF_THE_LINE)
EXTENSIONS = (".csv",)
LONGEST_LINE = 64 * 1024  # bytes; a real row has a few hundred
LONGEST_CELL = 4 * 1024  # characters; longer than any column may be

# What a file begins with when it is not text, and what to say about it.
NOT_CSV = {
    b"PK\x03\x04": "a spreadsheet or an archive; save it as CSV (UTF-8)",
    b"\x1f\x8b": "compressed; unpack it first",
    b"%PDF": "a PDF",
    b"\xff\xfe": "UTF-16 text; save it as CSV (UTF-8)",
    b"\xfe\xff": "UTF-16 text; save it as CSV (UTF-8)",
}


def read(files: Sequence[Path], *, context: Context, progress: Progress) -> Iterator[Record]:
    """The records of the files, errors among them. Raises nothing about their content."""
    for path in files:
        yield from _read_file(path, context, progress)


def _read_file(path: Path, context: Context, progress: Progress) -> Iterator[Record]:
    with Spool() as spool:
        try:
            with path.open("rb") as file:
                progress.step(f"Reading {path.name}", path.stat().st_size, "bytes")
                yield from _set_aside(file, path.name, spool, context, progress)
        except (FileUnusable, OSError) as error:
            yield FileRefused(path.name, getattr(error, "strerror", None) or str(error))
            return
        progress.step(f"Importing {path.name}", len(spool), "records")
        for group in spool.groups():
            yield from _records(group, path.name, context)
            progress.advance(1)


def _records(group: Sequence[str], name: str, context: Context) -> Iterator[Record]:
    """The bill, or the people, that one group of rows makes."""
    rows = [Row(line, cells) for line, cells in map(json.loads, group)]
    where = f"{name}:{rows[0].line}"
    try:
        if is_household(rows):
            yield household_of(rows[0], where, context)
        else:
            yield bill_of(rows, where, context)
    except BadRow as error:
        rest = f" (its bill has {len(rows)} rows; all are left out)" if len(rows) > 1 else ""
        yield Rejected(f"{name}:{error.line}", f"{error}{rest}")


def _set_aside(
    file: BinaryIO, name: str, spool: Spool, context: Context, progress: Progress
) -> Iterator[Record]:
    """Put every row under its bill; yields the rows that cannot even be assigned."""
    reader = csv.reader(_lines(file, progress), strict=True)
    header = _header(reader, context)
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            yield Rejected(f"{name}:{reader.line_num}", f"not CSV: {error}")
            continue
        if cells is None:
            return
        if not any(cells):
            continue
        if len(cells) != len(header):
            yield Rejected(
                f"{name}:{reader.line_num}", f"{len(cells)} cells, but the header has {len(header)}"
            )
            continue
        if max(map(len, cells)) > LONGEST_CELL:
            yield Rejected(
                f"{name}:{reader.line_num}", f"a cell is longer than {LONGEST_CELL} characters"
            )
            continue
        row = Row(reader.line_num, dict(zip(header, cells, strict=True)))
        spool.add(key_of(row), json.dumps([row.line, row.cells]))


def _lines(file: BinaryIO, progress: Progress) -> Iterator[str]:
    """The file's lines, none longer than memory allows; bytes that are not UTF-8 stay visible as
    surrogates, so that the cell they are in is refused and not the file."""
    start = file.read(4)
    for mark, what in NOT_CSV.items():
        if start.startswith(mark):
            raise FileUnusable(f"this is {what}")
    file.seek(3 if start.startswith(b"\xef\xbb\xbf") else 0)
    number = 0
    while line := file.readline(LONGEST_LINE + 1):
        number += 1
        if len(line) > LONGEST_LINE:
            raise FileUnusable(
                f"line {number} is longer than {LONGEST_LINE:,} bytes: this is not the CSV"
            )
        if b"\0" in line:
            raise FileUnusable(f"line {number} contains a zero byte: this is not text")
        progress.advance(len(line))
        yield line.decode("utf-8", errors="surrogateescape")


def _header(reader: Iterator[list[str]], context: Context) -> list[str]:
    """The first line, checked: every required column once, nothing unknown."""
    try:
        header = [cell.strip().lower() for cell in next(reader, [])]
    except csv.Error as error:
        raise FileUnusable(f"the first line is not CSV: {error}") from None
    if not header:
        raise FileUnusable("the file is empty")
    if len(header) == 1 and any(mark in header[0] for mark in ";\t|"):
        raise FileUnusable("the columns are not separated by commas")
    problems = {
        "missing": [column for column in REQUIRED if column not in header],
        "unknown": [repr(c[:40]) for c in header if c not in (*REQUIRED, *OPTIONAL)],
        "given twice": sorted({column for column in header if header.count(column) > 1}),
    }
    found = [f"{what}: {', '.join(columns[:30])}" for what, columns in problems.items() if columns]
    if found:
        raise FileUnusable(f"the columns do not fit; {'; '.join(found)}")
    if "region" not in header and context.default_region is None:
        raise FileUnusable("there is no region column, and no --region was given")
    return header
