"""Brings the catalogues to what the code says: marked words are collected, merged and compiled.

    make messages

Writes locale/<language>/LC_MESSAGES/django.po and .mo, lists what has no translation yet, and ends
with 1 while there is any. Needs the tests' packages (Babel) and no system package
(docs/decisions/0019-spanish.md).
"""

import io
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

from babel.messages import Catalog
from babel.messages.catalog import Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).resolve().parent.parent
# Folders without a word that a reader of the portal meets.
NOT_READ = {"tests", "bench", "bin", "docs", "docker", "locale", "static", "var", "staff"}
# Staff's pages stay English; a font's licence and a migration's labels are nobody's to translate.
NOT_TRANSLATED = {
    "admin",
    "admin.py",
    "apps.py",
    "sites.py",
    "staff",
    "fonts",
    "migrations",
    "management",
}
TEMPLATE_TYPES = {".html", ".txt", ".svg"}
KEYWORDS = DEFAULT_KEYWORDS | {
    f"{name}_lazy": DEFAULT_KEYWORDS[name] for name in ("gettext", "ngettext", "pgettext", "npgettext")
} | {"gettext_noop": None}  # fmt: skip


def sources(root: Path = ROOT) -> Iterator[Path]:
    """Every file that may hold marked words, in order of its name."""
    for folder in sorted(root.iterdir()):
        if folder.is_dir() and folder.name not in NOT_READ and not folder.name.startswith("."):
            for path in sorted(folder.rglob("*")):
                parts = path.relative_to(root).parts
                if NOT_TRANSLATED.intersection(parts):
                    continue
                if path.suffix == ".py" or (path.suffix in TEMPLATE_TYPES and "templates" in parts):
                    yield path


def marked(text: str, *, is_template: bool) -> Iterator[tuple[str | tuple[str, str], str | None]]:
    """(words, context) of each mark in one file; words is (singular, plural) where it counts."""
    if is_template:
        # Python to Babel's eyes, once nothing is indented.
        text = "\n".join(line.strip() for line in templatize(text).splitlines())
    for _line, words, _comments, context in extract(
        "python", io.BytesIO(text.encode()), KEYWORDS, options={"encoding": "utf-8"}
    ):
        yield (words if isinstance(words, str) else (words[0], words[1])), context


def collect(paths: Iterable[Path], root: Path = ROOT) -> Catalog:
    """A template without translations: each message and the files that use it."""
    catalog = Catalog()
    for path in paths:
        place = path.relative_to(root).as_posix()
        for words, context in marked(path.read_text(), is_template=path.suffix != ".py"):
            python_format = path.suffix != ".py" and "%(" in "".join(words)
            catalog.add(
                words,
                locations=[(place, None)],
                context=context,
                flags=["python-format"] if python_format else (),
            )
    return catalog


def read(path: Path) -> Catalog:
    with path.open("rb") as file:
        return read_po(file, locale=path.parent.parent.name)


def compiled(catalog: Catalog) -> bytes:
    """The .mo, which depends on nothing but the translations."""
    file = io.BytesIO()
    write_mo(file, catalog)
    return file.getvalue()


def written(catalog: Catalog) -> bytes:
    """The .po, in the order of the messages. Today's date would be a change in every run."""
    catalog.creation_date = catalog.revision_date
    file = io.BytesIO()
    write_po(file, catalog, width=100, sort_output=True)
    return file.getvalue()


def merge(catalog: Catalog, template: Catalog) -> None:
    """Take in what is new, drop what is gone. Nothing is guessed: a new message has no translation."""
    catalog.update(template, no_fuzzy_matching=True)
    catalog.obsolete.clear()


def missing(catalog: Catalog) -> list[Message]:
    return [
        message
        for message in catalog
        if message.id and (message.fuzzy or not all(_forms(message.string)))
    ]


def _forms(string: str | tuple[str, ...] | None) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ("",))


def main() -> int:
    template, left = collect(sources()), 0
    for path in sorted((ROOT / "locale").glob("*/LC_MESSAGES/django.po")):
        catalog = read(path)
        merge(catalog, template)
        path.write_bytes(written(catalog))
        path.with_suffix(".mo").write_bytes(compiled(catalog))
        lacking = missing(catalog)
        for message in lacking:
            print(f"  not translated: {message.id!r} ({', '.join(p for p, _ in message.locations)})")
        print(f"{path.relative_to(ROOT)}: {len(catalog)} messages, {len(lacking)} not translated")
        left += len(lacking)
    return 1 if left else 0


if __name__ == "__main__":
    sys.exit(main())
