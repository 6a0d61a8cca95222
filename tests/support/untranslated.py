"""Finds words in a template that a person reads and that no translate tag covers."""

import re
from html.parser import HTMLParser

from django.template.base import Lexer, Token, TokenType

# Names, not words.
NAMES = ("KPPay",)
READ_ATTRIBUTES = {
    "alt", "aria-description", "aria-label", "aria-placeholder", "aria-roledescription",
    "aria-valuetext", "data-label", "label", "placeholder", "title",
}  # fmt: skip
BLOCKS = {"blocktranslate": "endblocktranslate", "blocktrans": "endblocktrans", "comment": "endcomment"}
# Blocks of base.html that fill an attribute.
ATTRIBUTE_BLOCKS = ("main_class",)
# Parameters of our partials that people read; their values come from {% translate ... as name %}.
READ_PARAMETERS = re.compile(r"\b(?:text|title|label|action)=([\"'])(.+?)\1")

_LETTER = re.compile(r"[^\W\d_]")
_SPACE = re.compile(r"\s+")
_HOLE = "\ue000"  # stands where the template puts something in


def untranslated(source: str, *, is_html: bool = True) -> list[str]:
    """The offending texts of a template, in order; empty for a good one."""
    markup, literals = _without_tags(Lexer(source).tokenize())
    if not is_html:
        return [text for text in map(_words, markup.split(_HOLE)) if text] + literals
    reader = _Reader()
    reader.feed(markup)
    reader.close()
    return [text for text in map(_words, reader.texts) if text] + literals


def _without_tags(tokens: list[Token]) -> tuple[str, list[str]]:
    """The template's own text with holes for its tags, and the literals given to partials."""
    markup, literals, until = [], [], ""
    for token in tokens:
        words = token.contents.split()
        name = words[0] if token.token_type == TokenType.BLOCK and words else ""
        if until:
            until = "" if name == until else until
        elif name in BLOCKS:
            until = BLOCKS[name]
            markup.append(_HOLE)
        elif name == "block" and words[1] in ATTRIBUTE_BLOCKS:
            until = "endblock"
        elif token.token_type == TokenType.TEXT:
            markup.append(token.contents)
        elif token.token_type != TokenType.COMMENT:
            markup.append(_HOLE)
            if name == "include":
                found = (match[2] for match in READ_PARAMETERS.finditer(token.contents))
                literals += [text for text in map(_words, found) if text]
    return "".join(markup), literals


def _words(text: str) -> str:
    """What remains when names and holes are taken away, if it has a letter."""
    for name in NAMES:
        text = text.replace(name, "")
    text = _SPACE.sub(" ", text.replace(_HOLE, "")).strip()
    return text if _LETTER.search(text) else ""


class _Reader(HTMLParser):
    """Collects what a person reads, or hears: text, and the attributes that are read out."""

    CDATA = ("script", "style")

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.texts: list[str] = []
        self._inside: str = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._inside = tag if tag in self.CDATA else ""
        given = {name: value or "" for name, value in attrs}
        self.texts += [value for name, value in given.items() if name in READ_ATTRIBUTES]
        if tag == "input" and given.get("type") in ("submit", "button", "reset"):
            self.texts.append(given.get("value", ""))
        if tag == "meta" and given.get("name") == "description":
            self.texts.append(given.get("content", ""))

    def handle_endtag(self, tag: str) -> None:
        self._inside = ""

    def handle_data(self, data: str) -> None:
        if not self._inside:
            self.texts.append(data)
