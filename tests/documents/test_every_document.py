"""Every document, long and short, in both languages: for every reader, to the cent, and looked at.

`make look-pdfs` keeps what is made here, as PDF and as pictures, for somebody to look at.
"""

import os
import re
import shutil
from pathlib import Path

import pytest
from django.conf import settings
from django.test.signals import template_rendered

from billing import pdf
from common.money import format_cents
from demo.stripe.core import Sandbox
from tests.support import pdfs
from tests.support.autopay import Calendar
from tests.support.documents import DOCUMENTS, Desk, Sample
from tests.support.spanish import english_in

pytestmark = pytest.mark.django_db

DPI = 40  # enough to see what is drawn and what is left empty
KEPT = os.environ.get("KPPAY_LOOK_PDFS", "")
KEPT_DPI = 100
# Millimeters that are left empty. Page numbers stand in the lower margin, where printers still print.
SIDES, TOP, BOTTOM = 21, 10, 6.3
BASE = '{% extends "pdf/base.html" %}'


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]


@pytest.mark.parametrize("language", ["en", "es"])
@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_document(
    name: str, language: str, sandbox: Sandbox, calendar: Calendar, tmp_path: Path
) -> None:
    used: set[str] = set()

    def note(template: object, **more: object) -> None:
        used.add(str(getattr(template, "name", "")))

    template_rendered.connect(note)
    made = DOCUMENTS[name].order(Desk(sandbox, calendar, language))
    template_rendered.disconnect(note)
    keep(made.pdf, f"{name}-{language}")

    assert DOCUMENTS[name].template in used
    assert pdfs.faults(made.pdf, title=f"{made.title} - KPPay", language=language) == []
    it_has_its_parts(made)
    it_says_what_the_database_says(made, language)
    its_pages_belong_together(made)
    it_looks_well(made, tmp_path)


def it_has_its_parts(made: Sample) -> None:
    """Headings, tables and pictures, for a reader who jumps from one to the next."""
    found = pdfs.structure(made.pdf)
    headings = [tag for tag in found.tags if tag.startswith("/H")]
    assert headings == ["/H1"] + ["/H2"] * (len(made.headings) - 1)
    tables = found.tags.count(
        "/Table"
    )  # one that goes on overleaf is another to a reader, with its heads
    assert tables == made.tables if made.pages == 1 else tables >= made.tables
    assert found.tags.count("/TH") >= found.tags.count("/TR"), "a row has no head"
    assert tuple(found.alternatives) == made.alternatives
    if made.alternatives:
        order = [found.tags.index(tag) for tag in ("/H1", "/Figure", "/Table")]
        assert order == sorted(order)
    said, at = pdfs.text(made.pdf), 0
    for heading in made.headings:
        at = said.find(heading, at)
        assert at >= 0, f"{heading!r} is not there, or not in its place"
        at += len(heading)


def it_says_what_the_database_says(made: Sample, language: str) -> None:
    said = pdfs.text(made.pdf)
    assert pdfs.amounts(said) == [format_cents(cents) for cents in made.cents]
    assert [word for word in made.words if squeezed(word) not in squeezed(said)] == []
    assert [word for word in made.hidden if squeezed(word) in squeezed(said)] == []
    if language == "es":
        assert english_in(said) == []


def squeezed(said: str) -> str:
    """However lines break."""
    return "".join(said.split())


def its_pages_belong_together(made: Sample) -> None:
    """A page that fell out of the pile says what it is of; a table's heads stand on each."""
    by_page = pdfs.text_by_page(made.pdf)
    assert (len(by_page) == 1) == (made.pages == 1)
    assert len(by_page) >= made.pages
    assert pdfs.amounts(by_page[-1]) or made.pages == 1, "the last page says nothing of its own"
    for number, said in enumerate(by_page, start=1):
        if len(by_page) > 1:
            assert f"{number} / {len(by_page)}" in said
            assert made.headings[0] in said
        if made.row and made.row in said:
            assert [head for head in made.heads if head not in said] == []
    if made.row:
        # As a word begins: the letters may stand in the middle of a payment's reference, too.
        row = re.compile(rf"(?<!\w){re.escape(made.row)}")
        assert sum(len(row.findall(said)) for said in by_page) == made.rows


def it_looks_well(made: Sample, folder: Path) -> None:
    drawn = pdfs.pictures(made.pdf, folder, dpi=DPI)
    assert len(drawn) == pdfs.pages(made.pdf)
    for picture in drawn:
        left, top, right, bottom = pdfs.margins(picture, dpi=DPI) or pytest.fail("a page is blank")
        assert min(left, right) >= SIDES
        assert top >= TOP
        assert bottom >= BOTTOM
    assert pdfs.overlaps(made.pdf) == []


def keep(made: bytes, name: str) -> None:
    """Where somebody wants to look: the document and its pages."""
    if not KEPT:
        return
    folder = Path(KEPT) / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / f"{name}.pdf").write_bytes(made)
    pdfs.pictures(made, folder, dpi=KEPT_DPI)


def test_every_template_of_a_document_is_among_them() -> None:
    templates = settings.BASE_DIR / "templates"
    found = {
        str(path.relative_to(templates))
        for path in (templates / "pdf").rglob("*.html")
        if BASE in path.read_text()
    }
    assert found == {document.template for document in DOCUMENTS.values()}


class TestTheCheckItself:
    """A document that is as bad as can be is not let through."""

    def test_finds_one_that_is_not_tagged_and_has_whole_fonts(self) -> None:
        import weasyprint

        font = (pdf.FOLDER / "fonts" / "source-sans-3-latin-400-normal.woff2").as_uri()
        face = f"@font-face {{ font-family: F; src: url({font}) }} p {{ font-family: F }}"
        bad = weasyprint.HTML(string=f"<style>{face}</style><p>Paid</p>").write_pdf(full_fonts=True)
        found = pdfs.faults(bad, title="Paid - KPPay", language="en")
        for fault in (
            "it is not marked as tagged",
            "it does not claim PDF/UA",
            "its title is ''",
            "its title is not shown",
            "its language is ''",
            "its tags begin with []",
            "text is neither content nor an artifact",
        ):
            assert fault in found
        assert any(fault.endswith("is no subset") for fault in found)

    def test_finds_another_title_and_language(self) -> None:
        made = pdf.render("pdf/base.html", {}, title="Otro", language="es")
        assert pdfs.faults(made, title="Another - KPPay", language="en") == [
            "its title is 'Otro - KPPay'",
            "its language is 'es'",
        ]

    def test_finds_words_printed_over_each_other(self) -> None:
        apart = (
            "<p style='position: absolute; top: {}mm'>Paid</p><p style='position: absolute'>Owed</p>"
        )
        for top, found in ((0, [("Owed", "Paid")]), (10, [])):
            made = pdf.from_html(f"<title>T</title><body>{apart.format(top)}</body>")
            assert [tuple(sorted(pair)) for pair in pdfs.overlaps(made)] == found

    def test_finds_what_runs_out_of_the_page(self, tmp_path: Path) -> None:
        wide = "<p style='white-space: nowrap'>" + "NC-417 " * 30
        (picture,) = pdfs.pictures(pdf.from_html(wide), tmp_path, dpi=DPI)
        left, _top, right, _bottom = pdfs.margins(picture, dpi=DPI) or pytest.fail("blank")
        assert (left >= SIDES, right >= SIDES) == (True, False)
