"""The PDF renderer: it reads its own folder and nothing else, from any thread."""

import builtins
import socket
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pikepdf
import pytest

from billing import pdf
from tests.support import pdfs

SECRET = "root-of-all-secrets"
_opened: list[str] = []


def _note_secrets(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open" and SECRET in str(arguments[0]):
        _opened.append(str(arguments[0]))


sys.addaudithook(_note_secrets)  # Python tells of every file that is opened, by whomever


def document(body: str, head: str = "") -> str:
    return (
        f'<!doctype html><html lang="en"><head><title>T</title>{head}</head><body>{body}</body></html>'
    )


class Trap:
    """A web server that serves nothing and counts who came."""

    def __init__(self) -> None:
        self.visits = 0
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.address = f"127.0.0.1:{self._socket.getsockname()[1]}"
        threading.Thread(target=self._count, daemon=True).start()

    def _count(self) -> None:
        while True:
            try:
                visitor, _ = self._socket.accept()
            except OSError:
                return
            self.visits += 1
            visitor.close()

    def visit(self) -> None:
        with socket.create_connection(self.address.split(":")) as visitor:
            visitor.recv(1)

    def close(self) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


@pytest.fixture
def trap() -> Iterator[Trap]:
    made = Trap()
    yield made
    made.close()


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A file that no document may show: as text, and as a style sheet that would show the text."""
    path = tmp_path / f"{SECRET}.css"
    path.write_text(f"body::before {{ content: '{SECRET}' }}")
    _opened.clear()
    return path


WAYS_OUT = {
    "an image": '<img alt="x" src="{url}">',
    "a background": '<p style="background: url({url})">x</p>',
    "a style sheet": '<link rel="stylesheet" href="{url}">',
    "an import": "<style>@import url({url});</style>",
    "a font": "<style>@font-face {{ font-family: F; src: url({url}) }} p {{ font-family: F }}</style>",
    "an object": '<object data="{url}">x</object>',
    "an embed": '<embed src="{url}">',
    "an attachment": '<link rel="attachment" href="{url}">',
    "a picture in a picture": '<svg xmlns="http://www.w3.org/2000/svg"><image href="{url}"/></svg>',
    "another base": '<base href="{url}"><img alt="x" src="{url}">',
}


@pytest.mark.parametrize("way", WAYS_OUT)
def test_nothing_is_fetched_from_the_network(way: str, trap: Trap) -> None:
    planted = WAYS_OUT[way].format(url=f"http://{trap.address}/x.css")

    made = pdf.from_html(document(f"<p>All is well</p>{planted}", head=planted))

    assert "All is well" in pdfs.text(made)
    assert trap.visits == 0
    trap.visit()
    assert trap.visits == 1, "the trap would have noticed"


@pytest.mark.parametrize("way", WAYS_OUT)
def test_no_file_outside_the_folder_is_read(way: str, secret: Path) -> None:
    planted = WAYS_OUT[way].format(url=secret.as_uri())

    made = pdf.from_html(document(f"<p>All is well</p>{planted}", head=planted))

    assert "All is well" in pdfs.text(made)
    assert _opened == []
    secret.read_bytes()
    assert _opened == [str(secret)], "it would have been noticed"
    assert SECRET not in pdfs.text(made)
    with pikepdf.open(BytesIO(made)) as opened:
        assert len(opened.attachments) == 0
        streams = [item for item in opened.objects if isinstance(item, pikepdf.Stream)]
        assert not any(SECRET.encode() in stream.read_bytes() for stream in streams)


class TestTheFolder:
    def test_its_fonts_are_read(self) -> None:
        url = (pdf.FOLDER / "fonts" / "source-sans-3-latin-400-normal.woff2").as_uri()
        content, media_type = pdf.read_from_folder(url)
        assert content.startswith(b"wOF2")
        assert media_type == "font/woff2"

    @pytest.mark.parametrize(
        "url",
        [
            "file:///etc/passwd",
            f"{pdf.FOLDER.as_uri()}/../base.html",
            f"{pdf.FOLDER.as_uri()}/%2e%2e/base.html",
            f"{pdf.FOLDER.as_uri()}/fonts/../../base.html",
            f"{pdf.FOLDER.as_uri()}-of-mine/x.css",
            f"file://elsewhere{pdf.FOLDER}/pdf.css",
            "http://127.0.0.1/pdf.css",
            "ftp://127.0.0.1/pdf.css",
            "data:text/css,p{}",
            "pdf.css",
        ],
    )
    def test_what_is_not_in_it_is_refused(self, url: str) -> None:
        with pytest.raises(pdf.OutsideFolder):
            pdf.read_from_folder(url)

    def test_a_link_that_leads_out_of_it_is_refused(
        self, secret: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        folder = tmp_path / "pdf"
        folder.mkdir()
        (folder / "inside.css").symlink_to(secret)
        monkeypatch.setattr(pdf, "FOLDER", folder)
        with pytest.raises(pdf.OutsideFolder):
            pdf.read_from_folder((folder / "inside.css").as_uri())


def test_documents_rendered_in_many_threads_at_once_are_each_whole() -> None:
    def words(number: int) -> str:
        return pdfs.text(pdf.from_html(document(f"<h1>Receipt {number}</h1><p>José {number * 7}</p>")))

    with ThreadPoolExecutor(max_workers=8) as pool:
        made = list(pool.map(words, range(40)))
    # The heading stands at the foot of the page too, beside its number.
    assert made == [f"Receipt {n} José {n * 7} Receipt {n} 1 / 1" for n in range(40)]


def test_one_set_of_fonts_and_one_style_sheet_serve_a_whole_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pdf.warm()
    import weasyprint
    from weasyprint.text import fonts

    class SecondOne(AssertionError):
        pass

    def refuse(*args: object, **kwargs: object) -> None:
        raise SecondOne

    monkeypatch.setattr(fonts.FontConfiguration, "__init__", refuse)
    monkeypatch.setattr(weasyprint.CSS, "__init__", refuse)
    for number in range(3):
        assert pdfs.text(pdf.from_html(document(f"<p>Number {number}</p>"))) == f"Number {number} 1 / 1"
    with pytest.raises(SecondOne):
        pdf.from_html(document("<p>x</p>", head="<style>p { color: red }</style>"))


def test_without_pango_the_module_loads_and_says_what_is_missing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    real_import = builtins.__import__

    def without_pango(name: str, *args: object, **kwargs: object) -> object:
        if name.partition(".")[0] == "weasyprint":
            raise OSError("cannot load library 'libpango-1.0-0'")
        return real_import(name, *args, **kwargs)  # type: ignore[arg-type]

    # A cache of its own: what is loaded stays loaded for the other tests.
    monkeypatch.setattr(pdf, "_engine", pdf._engine.__wrapped__)
    monkeypatch.setattr(builtins, "__import__", without_pango)
    with pytest.raises(pdf.PdfUnavailable, match="libpango"):
        pdf.from_html(document("<p>x</p>"))
