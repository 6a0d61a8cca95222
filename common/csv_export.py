"""CSV for people's spreadsheets: streamed row by row, and inert when opened there."""

import csv
from collections.abc import Iterable, Iterator
from typing import Any

from django.http import StreamingHttpResponse

# A spreadsheet takes a cell that begins like this for a formula
# (https://owasp.org/www-community/attacks/CSV_Injection).
_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")
_BYTE_ORDER_MARK = "\ufeff"  # tells Excel that the file is UTF-8


class _Echo:
    """A file that hands back what is written."""

    def write(self, text: str) -> str:
        return text


def safe_cell(value: object) -> str:
    """The value as text that no spreadsheet computes: a formula gets an apostrophe before it."""
    text = str(value)
    # Spreadsheets skip spaces and line breaks before a formula.
    return f"'{text}" if text.lstrip(" \n").startswith(_FORMULA_STARTS) else text


def dollars(cents: int) -> str:
    """An amount that is not negative as a spreadsheet's number: 1042.10."""
    if cents < 0:
        raise ValueError("a cell that begins with a minus sign is no number")
    return f"{cents // 100}.{cents % 100:02d}"


def signed_dollars(cents: int) -> str:
    """An amount of either sign as a spreadsheet's number, bookkeepers' way: (42.10) is below zero."""
    return f"({dollars(-cents)})" if cents < 0 else dollars(cents)


def csv_lines(header: Iterable[Any], rows: Iterable[Iterable[Any]]) -> Iterator[str]:
    """The lines of a CSV file (RFC 4180), one at a time."""
    writer = csv.writer(_Echo())
    yield _BYTE_ORDER_MARK + writer.writerow([safe_cell(cell) for cell in header])
    for row in rows:
        yield writer.writerow([safe_cell(cell) for cell in row])


def csv_response(
    *, name: str, header: Iterable[Any], rows: Iterable[Iterable[Any]]
) -> StreamingHttpResponse:
    """A download of `name` that is written while it is sent."""
    return StreamingHttpResponse(
        csv_lines(header, rows),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "no-store, private",
        },
    )
