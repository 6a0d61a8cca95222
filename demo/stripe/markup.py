"""HTML for the Demo bank's pages. Every text that comes from outside passes through `text`."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

Markup = str  # ready to be sent; made by this module and its callers only

text = escape


def page(title: str, body: Markup, *, language: str = "en") -> Markup:
    return f"""<!doctype html>
<html lang="{language}">
<head>
  <meta charset="utf-8">
  <meta name="viewport" content="width=device-width, initial-scale=1">
  <title>{text(title)}</title>
  <link rel="stylesheet" href="/endive/frame.css">
  <link rel="stylesheet" href="/bank/bank.css">
</head>
<body>
  <main class="bank">
{body}
  </main>
</body>
</html>
"""


def notice(words: str, *, bad: bool = False) -> Markup:
    if not words:
        return ""
    kind, role = ("notice bad", "alert") if bad else ("notice", "status")
    return f'<p class="{kind}" role="{role}">{text(words)}</p>'


def facts(rows: Iterable[tuple[str, str]]) -> Markup:
    """Terms and what they are; an empty fact is left out."""
    found = "".join(f"<div><dt>{text(a)}</dt><dd>{text(b)}</dd></div>" for a, b in rows if b)
    return f"<dl>{found}</dl>"


def select(name: str, label: str, options: Iterable[str], chosen: str = "") -> Markup:
    """A labelled choice; the label is heard, not seen."""
    choices = "".join(
        f'<option value="{text(one)}"{" selected" if one == chosen else ""}>{text(one)}</option>'
        for one in options
    )
    return f'<select name="{text(name)}" aria-label="{text(label)}">{choices}</select>'


def hidden(**values: str) -> Markup:
    return "".join(
        f'<input type="hidden" name="{name}" value="{text(value)}">' for name, value in values.items()
    )


def button(words: str, about: str = "", *, quiet: bool = True) -> Markup:
    """`about` names the object for those who hear the button out of its place."""
    more = f'<span class="unseen"> {text(about)}</span>' if about else ""
    return f'<button type="submit"{"" if quiet else " class=primary"}>{text(words)}{more}</button>'


def money(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}${abs(cents) // 100:,}.{abs(cents) % 100:02d}"
