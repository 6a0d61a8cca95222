"""PDFs as their readers meet them: the eye, the screen reader, the archive."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from io import BytesIO
from itertools import pairwise
from pathlib import Path

import pikepdf
import pytest
from PIL import Image, ImageOps
from pypdf import PdfReader

MM_PER_INCH = 25.4
ONE_PAGE_BYTES = 25_000  # a page opens on a phone (design: performance)
WHOLE_FONT_BYTES = 20_000  # the smallest of ours has twice as many, what a document needs of it half


def pages(pdf: bytes) -> int:
    return len(PdfReader(BytesIO(pdf)).pages)


def text(pdf: bytes) -> str:
    """All words in the order in which they are drawn, on one line."""
    return " ".join(text_by_page(pdf))


@lru_cache(maxsize=2)  # several questions about one document read it once
def text_by_page(pdf: bytes) -> list[str]:
    """The same, page by page."""
    reader = PdfReader(BytesIO(pdf))
    return [" ".join(page.extract_text().split()) for page in reader.pages]


def fonts(pdf: bytes) -> dict[str, int]:
    """Each font's name, and how many bytes of it travel with the document; 0 where it is only named."""
    with pikepdf.open(BytesIO(pdf)) as document:
        return {
            str(item["/FontName"]): sum(
                len(item[kept].read_bytes())
                for kept in ("/FontFile", "/FontFile2", "/FontFile3")
                if kept in item
            )
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
    # (page, mark) of each piece of content, in reading order; and of those, what pictures are made of.
    content: list[tuple[int, int]] = field(default_factory=list)
    pictured: set[tuple[int, int]] = field(default_factory=set)
    alternatives: list[str] = field(default_factory=list)  # the words for each picture
    marks_drawn: set[tuple[int, int]] = field(default_factory=set)


@lru_cache(maxsize=2)
def structure(pdf: bytes) -> Structure:
    """What a screen reader is given."""
    with pikepdf.open(BytesIO(pdf)) as document:
        root = document.Root
        with document.open_metadata() as metadata:
            claims_ua = str(metadata.get("pdfuaid:part"))
        found = Structure(
            language=str(root.get("/Lang", "")),
            title=str(document.docinfo.get("/Title", "")),
            shows_title=bool(root.get("/ViewerPreferences", {}).get("/DisplayDocTitle", False)),
            marked=bool(root.get("/MarkInfo", {}).get("/Marked", False)),
            claims_ua=claims_ua,
        )
        numbers = {page.objgen: number for number, page in enumerate(document.pages)}
        for tag, page, mark in _walk(root.get("/StructTreeRoot", {}).get("/K"), None):
            if mark is None:
                found.tags.append(tag)
            elif page is not None:
                found.content.append(drawn := (numbers[page.objgen], mark))
                if tag == "/Figure":
                    found.pictured.add(drawn)
        found.alternatives += [
            str(item.get("/Alt", ""))
            for item in document.objects
            if isinstance(item, pikepdf.Dictionary) and item.get("/S") == "/Figure"
        ]
        for number, page in enumerate(document.pages):
            found.marks_drawn |= {(number, mark) for mark in _marks(page)}
    return found


def _walk(
    item: object, page: pikepdf.Object | None, tag: str = ""
) -> Iterator[tuple[str, pikepdf.Object | None, int | None]]:
    if isinstance(item, pikepdf.Array):
        for child in item:
            yield from _walk(child, page, tag)
    elif isinstance(item, pikepdf.Dictionary) and "/S" in item:
        page, tag = item.get("/Pg", page), str(item.S)
        yield tag, page, None
        yield from _walk(item.get("/K", pikepdf.Array()), page, tag)
    elif isinstance(item, int):
        yield tag, page, item


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


def printed_code(pdf: bytes, folder: Path, *, modules: int) -> list[list[bool]]:
    """The dark and light fields of the QR code of a bill, so many a side, read from a picture of it.

    Where the style sheet puts it: 26 mm wide, at the right margin of the first page.
    """
    dpi, side = 300, 26
    page = pictures(pdf, folder, dpi=dpi)[0]
    around = (page.width * MM_PER_INCH / dpi - 22 - side - 2, 11 + 14.5 - 2)
    left, top = (int(mm / MM_PER_INCH * dpi) for mm in around)
    size = int((side + 3) / MM_PER_INCH * dpi)  # not as far as the words below
    cut = page.crop((left, top, left + size, top + size))
    box = ImageOps.invert(cut).point(lambda ink: 255 if ink > 128 else 0).getbbox()
    assert box is not None, "no code is printed"
    code = cut.crop(box)
    field = code.width / modules
    assert abs(code.width - code.height) <= 2, (code.width, code.height)
    middles = [int((number + 0.5) * field) for number in range(modules)]
    return [[code.getpixel((x, y)) < 128 for x in middles] for y in middles]


def faults(pdf: bytes, *, title: str, language: str) -> list[str]:
    """What keeps a document from being PDF/UA, or small; empty for a good one.

    Tagged through and through, with the claim, its title shown, its language, its content read as it
    is drawn, fonts that travel with it as subsets, and at most 25 KB a page.
    """
    found = structure(pdf)
    # A picture beside the text, and the words below it, are drawn last and read where they stand.
    beside = set(found.pictured)
    beside |= {below for above, below in pairwise(found.content) if above in found.pictured}
    in_order = [drawn for drawn in found.content if drawn not in beside]
    ok = {
        "it is not marked as tagged": found.marked,
        "it does not claim PDF/UA": found.claims_ua == "1",
        f"its title is {found.title!r}": found.title == title,
        "its title is not shown": found.shows_title,
        f"its language is {found.language!r}": found.language == language,
        f"its tags begin with {found.tags[:1]}": found.tags[:1] == ["/Document"],
        "it is not read as it is drawn": in_order == sorted(in_order),
        "something is read twice": len(found.content) == len(set(found.content)),
        "something drawn is not in the tag tree": set(found.content) == found.marks_drawn,
        "text is neither content nor an artifact": untagged_text(pdf) == 0,
        "it has no fonts": bool(embedded := fonts(pdf)),
        f"its {len(pdf)} bytes are too many": len(pdf) <= ONE_PAGE_BYTES * pages(pdf),
    }
    for name, size in embedded.items():
        ok[f"{name} is not embedded"] = size > 0
        named_so = re.match(r"/[A-Z]{6}\+", name) is not None
        ok[f"{name} is no subset"] = named_so and size < WHOLE_FONT_BYTES
    return [what for what, holds in ok.items() if not holds]


def pictures(pdf: bytes, folder: Path, *, dpi: int) -> list[Image.Image]:
    """Its pages in gray, as a printer draws them, from files that stay in `folder`."""
    _poppler("pdftoppm", "-r", str(dpi), "-gray", "-png", "-", str(folder / "page"), pdf=pdf)
    drawn = []
    for file in sorted(folder.glob("page-*.png")):
        with Image.open(file) as picture:
            drawn.append(picture.convert("L"))
    return drawn


def margins(picture: Image.Image, *, dpi: int) -> tuple[float, float, float, float] | None:
    """How many mm are empty left, above, right and below of what is drawn; None for a blank page."""
    box = ImageOps.invert(picture).getbbox()
    if box is None:
        return None
    left, top, right, bottom = box
    pixels = (left, top, picture.width - right, picture.height - bottom)
    return tuple(each * MM_PER_INCH / dpi for each in pixels)  # type: ignore[return-value]


_WORD = re.compile(
    r'<word xMin="([\d.-]+)" yMin="([\d.-]+)" xMax="([\d.-]+)" yMax="([\d.-]+)">(.*?)</word>'
)


def overlaps(pdf: bytes) -> list[tuple[str, str]]:
    """Pairs of words that are printed over each other."""
    found: list[tuple[str, str]] = []
    for page in _poppler("pdftotext", "-bbox", "-", "-", pdf=pdf).decode().split("<page ")[1:]:
        words = []
        for left, top, right, bottom, word in _WORD.findall(page):
            height = float(bottom) - float(top)  # ascent and descent: lines may touch, letters not
            words.append(
                (float(top) + height / 4, float(bottom) - height / 4, float(left), float(right), word)
            )
        words.sort()
        for index, (_, bottom, left, right, word) in enumerate(words):
            for top2, _, left2, right2, other in words[index + 1 :]:
                if top2 >= bottom:
                    break
                if left2 < right - 0.5 and left < right2 - 0.5:
                    found.append((word, other))
    return found


def _poppler(program: str, *arguments: str, pdf: bytes) -> bytes:
    if shutil.which(program) is None:
        stop = pytest.fail if os.environ.get("CI") else pytest.skip
        stop(f"{program} is missing: apt install poppler-utils")
    done = subprocess.run([program, *arguments], input=pdf, capture_output=True, check=True)
    assert done.stderr == b"", done.stderr
    return done.stdout
