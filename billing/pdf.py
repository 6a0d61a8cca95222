"""PDFs: the one module that knows WeasyPrint.

Documents are tagged (PDF/UA-1), carry a title and a language, and embed subsets of the fonts in
templates/pdf/fonts. The renderer reads that folder and nothing else: no network, no other file, no
data: URL, whatever a name or a provider on a bill may contain (design: security, the PDF renderer).

A FontConfiguration is costly and leaks when it is made for every document, so a process has one, and
one parsed style sheet. WeasyPrint shares them across documents but not across threads: one document
at a time. Templates keep to blocks and tables of fixed width; flex and grid cost half as much again.
"""

import atexit
import mimetypes
import threading
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit
from urllib.request import url2pathname

from django.conf import settings
from django.template.loader import render_to_string
from django.utils import translation

FOLDER = Path(settings.BASE_DIR) / "templates" / "pdf"
_one_at_a_time = threading.Lock()


class PdfUnavailable(RuntimeError):
    """This machine lacks Pango or HarfBuzz (README: what PDFs need)."""


class OutsideFolder(ValueError):
    """A document asked for something that is not in the PDF folder; it is left out."""


class _Engine(NamedTuple):
    html: Any
    url_fetcher: Any
    font_config: Any
    stylesheet: Any


def render(template: str, context: Mapping[str, Any], *, title: str, language: str) -> bytes:
    """A tagged PDF from a template of the PDF folder, in a language ("en").

    `title` is in that language and says which document this is ("Bill NC-417"); a reader's window
    shows it, and whose it is. The template gets `title` and `language` besides the context. Raises
    PdfUnavailable.
    """
    named = {"title": f"{title} - KPPay", "language": language}
    with translation.override(language):
        html = render_to_string(template, {**context, **named})
    return from_html(html)


def from_html(html: str) -> bytes:
    """A tagged PDF from a whole HTML document, which names its language and title itself."""
    with _one_at_a_time:
        engine = _engine()
        document = engine.html(string=html, base_url=_base_url(), url_fetcher=engine.url_fetcher)
        pdf: bytes = document.write_pdf(
            font_config=engine.font_config,
            stylesheets=[engine.stylesheet],
            pdf_variant="pdf/ua-1",
            finisher=_margins_are_artifacts,
        )
    return pdf


def _margins_are_artifacts(_document: Any, made: Any) -> None:
    """Page numbers are no content: a screen reader must not read them in the middle of a table.

    WeasyPrint marks the text of page margins as content and then leaves it out of the tag tree, which
    PDF/UA forbids (ISO 14289-1, 7.1: content is either tagged or an artifact). `made` is a pydyf.PDF.
    """

    def at(reference: bytes) -> Any:
        return made.objects[int(reference.split()[0])]

    held: set[tuple[bytes, int]] = set()
    elements = list(at(made.catalog["StructTreeRoot"])["K"])
    while elements:
        element = at(elements.pop())
        for kid in element.get("K", ()):
            if isinstance(kid, int):
                held.add((element["Pg"], kid))
            else:
                elements.append(kid)
    for page in made.page_references:
        drawn = at(at(page)["Contents"]).stream
        for index in range(2, len(drawn)):
            marks = drawn[index - 1]
            if drawn[index] == b"BDC" and isinstance(marks, dict) and (page, marks["MCID"]) not in held:
                drawn[index - 2 : index + 1] = ["/Artifact", b"BMC", b""]


def warm() -> None:
    """Load WeasyPrint and the fonts now rather than with the first document of a process."""
    with _one_at_a_time:
        _engine()


def _base_url() -> str:
    return f"{FOLDER.as_uri()}/"


def read_from_folder(url: str) -> tuple[bytes, str]:
    """The bytes and media type of a file:// URL inside the PDF folder. Raises OutsideFolder."""
    parts = urlsplit(url)
    path = Path(url2pathname(parts.path)).resolve()
    if parts.scheme != "file" or parts.netloc or not path.is_relative_to(FOLDER.resolve()):
        raise OutsideFolder(url[:200])
    return path.read_bytes(), mimetypes.guess_type(path.name)[0] or "application/octet-stream"


@lru_cache(maxsize=1)
def _engine() -> _Engine:
    # Not at the top: web processes import this module and seldom render; without Pango they serve
    # everything else.
    try:
        import weasyprint
        from weasyprint.text.fonts import FontConfiguration
        from weasyprint.urls import URLFetcher, URLFetcherResponse
    except OSError as error:
        raise PdfUnavailable(str(error)) from error

    class FolderFetcher(URLFetcher):
        def fetch(self, url: str, headers: object = None) -> Any:
            content, media_type = read_from_folder(url)
            return URLFetcherResponse(url, content, {"Content-Type": media_type})

    fetcher, fonts = FolderFetcher(), FontConfiguration()
    stylesheet = weasyprint.CSS(
        filename=FOLDER / "pdf.css", base_url=_base_url(), url_fetcher=fetcher, font_config=fonts
    )
    return _Engine(weasyprint.HTML, fetcher, fonts, stylesheet)


# The fonts are unpacked into a temporary folder, which goes with the engine; later it is too late.
atexit.register(_engine.cache_clear)
