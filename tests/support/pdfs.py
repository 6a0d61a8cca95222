"""PDFs as their readers meet them: the eye, the screen reader, the archive."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO

import pikepdf
from pypdf import PdfReader


def pages(pdf: bytes) -> int:
    return len(PdfReader(BytesIO(pdf)).pages)


def text(pdf: bytes) -> str:
    """All words in the order in which they are drawn, on one line."""
    return " ".join(text_by_page(pdf))


def text_by_page(pdf: bytes) -> list[str]:
    """The same, page by page."""
    reader = PdfReader(BytesIO(pdf))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def fonts(pdf: bytes) -> dict[str, bool]:
    """Each font's name, and whether it is embedded."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return {
            str(item["/FontName"]): any(f"/FontFile{kind}" in item for kind in ("", "2", "3"))
            for item in document.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == "/FontDescriptor"
        }


@dataclass
class Structure:
    """The tag tree, read from its root."""

    language: str
    title: str
    shows_title: bool
    marked: bool
    claims_ua: str
    tags: list[str] = field(default_factory=list)  # in reading order
    # (page, mark) of each piece of content, in reading order.
    content: list[tuple[int, int]] = field(default_factory=list)
    marks_drawn: set[tuple[int, int]] = field(default_factory=set)


def structure(pdf: bytes) -> Structure:
    """What a screen reader is given."""
    with pikepdf.open(BytesIO(pdf)) as document:
        root = document.Root
        with document.open_metadata() as metadata:
            claims_ua = str(metadata.get("pdfuaid:part"))
        found = Structure(
            language=str(root.Lang),
            title=str(document.docinfo.get("/Title")),
            shows_title=bool(root.ViewerPreferences.DisplayDocTitle),
            marked=bool(root.MarkInfo.Marked),
            claims_ua=claims_ua,
        )
        numbers = {page.objgen: number for number, page in enumerate(document.pages)}
        for tag, page, mark in _walk(root.StructTreeRoot.K, None):
            if mark is None:
                found.tags.append(tag)
            elif page is not None:
                found.content.append((numbers[page.objgen], mark))
        for number, page in enumerate(document.pages):
            found.marks_drawn |= {(number, mark) for mark in _marks(page)}
    return found


def _walk(
    item: object, page: pikepdf.Object | None
) -> Iterator[tuple[str, pikepdf.Object | None, int | None]]:
    if isinstance(item, pikepdf.Array):
        for child in item:
            yield from _walk(child, page)
    elif isinstance(item, pikepdf.Dictionary) and "/S" in item:
        page = item.get("/Pg", page)
        yield str(item.S), page, None
        yield from _walk(item.get("/K", pikepdf.Array()), page)
    elif isinstance(item, int):
        yield "", page, item


def _marks(page: pikepdf.Page) -> Iterator[int]:
    for operands, operator in pikepdf.parse_content_stream(page):
        if str(operator) == "BDC" and "/MCID" in operands[1]:
            yield int(operands[1].MCID)


def untagged_text(pdf: bytes) -> int:
    """How many times text is drawn outside any mark: neither content nor an artifact."""
    loose = 0
    with pikepdf.open(BytesIO(pdf)) as document:
        for page in document.pages:
            depth = 0
            for _, operator in pikepdf.parse_content_stream(page):
                name = str(operator)
                depth += (name in ("BDC", "BMC")) - (name == "EMC")
                loose += name in ("Tj", "TJ") and depth == 0
    return loose


def amounts(words: str) -> list[str]:
    """The amounts of money in a text, in order."""
    return re.findall(r"\$[\d,]+\.\d\d", words)
