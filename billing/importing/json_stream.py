"""JSON from a file of any size, one resource at a time: never more in memory than one may be large.

Decimals stay exact (`Decimal`), because a float would round an amount before our rule does.
"""

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, NoReturn, TextIO

from billing.importing.records import FileUnusable

LARGEST_RESOURCE = 8 * 1024 * 1024  # characters; the largest real one seen has 40 thousand
_CHUNK = 64 * 1024
_LONGEST_NUMBER = 40

Advance = Callable[[int], None]


class Malformed(ValueError):
    """Not JSON, or not JSON that we take; the message says why without quoting it."""


def _refuse_constant(_: str) -> NoReturn:
    raise Malformed("NaN and Infinity are not JSON")


def _integer(digits: str) -> int:
    if len(digits) > _LONGEST_NUMBER:
        raise Malformed("a number is too long")
    return int(digits)


def _decimal(digits: str) -> Decimal:
    if len(digits) > _LONGEST_NUMBER:
        raise Malformed("a number is too long")
    try:
        return Decimal(digits)
    except InvalidOperation:
        raise Malformed("a number is out of range") from None


_DECODER = json.JSONDecoder(parse_float=_decimal, parse_int=_integer, parse_constant=_refuse_constant)


def parse(text: str) -> Any:
    """One whole JSON text. Raises Malformed."""
    try:
        return _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise Malformed(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except RecursionError:
        raise Malformed("nested too deeply") from None


class _Scanner:
    """A window over a text file that moves forward value by value."""

    def __init__(self, file: TextIO, advance: Advance) -> None:
        self._file = file
        self._advance = advance
        self._window = ""
        self._at = 0
        self._ended = False
        self._gone = 0  # characters before the window, for messages

    def peek(self) -> str:
        """The next character that is not white space; empty at the end of the file."""
        while True:
            while self._at < len(self._window):
                if self._window[self._at] not in " \t\r\n":
                    return self._window[self._at]
                self._at += 1
            if not self._more():
                return ""

    def take(self, character: str) -> bool:
        """Move past this character if it is the next one."""
        if self.peek() != character:
            return False
        self._at += 1
        return True

    def expect(self, character: str) -> None:
        if not self.take(character):
            self.fail(f"{character!r} expected" if self.peek() else "the file ends in the middle")

    def value(self) -> Any:
        """The JSON value that begins here."""
        self.peek()
        while True:
            try:
                value, end = _DECODER.raw_decode(self._window, self._at)
            except json.JSONDecodeError as error:
                reason = error.msg
            except RecursionError:
                self.fail("nested too deeply")
            except Malformed as error:
                self.fail(str(error))
            else:
                if end < len(self._window) or not self._more():
                    self._at = end
                    return value
                continue  # a number might go on in the next chunk
            if len(self._window) - self._at > LARGEST_RESOURCE:
                self.fail(f"not JSON, or one resource has more than {LARGEST_RESOURCE:,} characters")
            if not self._more():
                self.fail(reason)

    def fail(self, reason: str) -> NoReturn:
        raise FileUnusable(f"not a FHIR bundle: {reason} (character {self._gone + self._at + 1:,})")

    def _more(self) -> bool:
        """Read on: twice as much as is waiting, so that a long value costs no more than its length."""
        if self._ended:
            return False
        waiting = len(self._window) - self._at
        try:
            chunk = self._file.read(max(_CHUNK, waiting))
        except UnicodeDecodeError:
            raise FileUnusable("not UTF-8 text") from None
        self._ended = not chunk
        self._advance(len(chunk))
        self._gone += self._at
        self._window = self._window[self._at :] + chunk
        self._at = 0
        return bool(chunk)


def bundle_entries(path: Path, advance: Advance) -> Iterator[tuple[int, Any]]:
    """The entries of a FHIR Bundle with their position from 0. Raises FileUnusable, OSError."""
    with path.open(encoding="utf-8-sig") as file:
        scanner = _Scanner(file, advance)
        if scanner.peek() != "{":
            scanner.fail("the file is empty" if not scanner.peek() else "'{' expected")
        scanner.expect("{")
        resource_type = None
        while not scanner.take("}"):
            name = scanner.value()
            scanner.expect(":")
            if name == "entry":
                yield from _array(scanner)
            elif name == "resourceType":
                resource_type = scanner.value()
            else:
                scanner.value()
            if scanner.peek() != "}":
                scanner.expect(",")
        if resource_type != "Bundle":
            scanner.fail("its resourceType is not Bundle")
        if scanner.peek():
            scanner.fail("something follows the bundle")


def _array(scanner: _Scanner) -> Iterator[tuple[int, Any]]:
    scanner.expect("[")
    position = 0
    while not scanner.take("]"):
        yield position, scanner.value()
        position += 1
        if scanner.peek() != "]":
            scanner.expect(",")


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line of NDJSON that is not one resource."""

    reason: str


def ndjson_lines(path: Path, advance: Advance) -> Iterator[tuple[int, Any | BadLine]]:
    """The resource of each line, or why it is none, with the line's number. Raises OSError."""
    with path.open("rb") as file:
        number = 0
        while line := file.readline(LARGEST_RESOURCE):
            number += 1
            advance(len(line))
            if len(line) == LARGEST_RESOURCE and not line.endswith(b"\n"):
                while (rest := file.readline(LARGEST_RESOURCE)) and not rest.endswith(b"\n"):
                    advance(len(rest))
                yield number, BadLine(f"the line has more than {LARGEST_RESOURCE:,} bytes")
                continue
            if not line.strip():
                continue
            try:
                yield number, parse(line.decode("utf-8-sig"))
            except UnicodeDecodeError:
                yield number, BadLine("not UTF-8 text")
            except Malformed as error:
                yield number, BadLine(str(error))
