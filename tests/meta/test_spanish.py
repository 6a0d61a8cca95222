"""Spanish is whole: every word that is marked has its translation, and the compiled file holds it.

`make messages` brings both files to what the code says and lists what is left to translate.
"""

import importlib.util
import re
from collections import Counter
from functools import cache
from pathlib import Path
from types import ModuleType

import pytest
from babel.messages import Catalog
from babel.messages.catalog import Message
from django.conf import settings
from django.utils import translation

ROOT = Path(settings.BASE_DIR)
SPANISH = ROOT / "locale" / "es" / "LC_MESSAGES" / "django.po"

PLACEHOLDER = re.compile(r"%\(\w+\)[a-z]|(?<!%)%[sd]|\{\w*\}|</?\w[^>]*>")


@cache
def tool() -> ModuleType:
    spec = importlib.util.spec_from_file_location("messages", ROOT / "bin" / "messages.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def spanish() -> Catalog:
    catalog: Catalog = tool().read(SPANISH)
    return catalog


def words(message: Message) -> tuple[str, ...]:
    return message.id if isinstance(message.id, tuple) else (message.id,)


def forms(message: Message) -> tuple[str, ...]:
    return message.string if isinstance(message.string, tuple) else (message.string or "",)


def differences(message: Message) -> list[str]:
    """Placeholders and tags that only one side has; spaces at the edges of one side."""
    found = []
    for said, meant in zip(forms(message), words(message), strict=True):
        there, wanted = Counter(PLACEHOLDER.findall(said)), Counter(PLACEHOLDER.findall(meant))
        found += [f"{only} only in Spanish: {said!r}" for only in (there - wanted).elements()]
        found += [f"{only} not in Spanish: {said!r}" for only in (wanted - there).elements()]
        if [said[:1].isspace(), said[-1:].isspace()] != [meant[:1].isspace(), meant[-1:].isspace()]:
            found.append(f"spaces at the edges: {said!r}")
    return found


def test_every_marked_word_is_translated(spanish: Catalog) -> None:
    tool().merge(spanish, tool().collect(tool().sources()))
    lacking = [f"{m.id!r}  ({m.locations[0][0]})" for m in tool().missing(spanish)]
    assert not lacking, "\n".join(
        ["Run `make messages` and translate in locale/es (docs/spanish.md):", *lacking]
    )


def test_no_translation_loses_or_invents_a_placeholder_or_a_tag(spanish: Catalog) -> None:
    translated = [message for message in spanish if message.id and all(forms(message))]
    assert len(translated) > 1000
    assert [line for message in translated for line in differences(message)] == []


def test_the_compiled_file_is_what_the_readable_one_says(spanish: Catalog) -> None:
    assert SPANISH.with_suffix(".mo").read_bytes() == tool().compiled(spanish), "run `make messages`"


def test_the_product_speaks_it() -> None:
    with translation.override("es"):
        assert translation.gettext("Account balance") == "Saldo a favor"
        assert translation.pgettext("bill", "Open") == "Pendiente"
        assert translation.ngettext("%(count)d dollar", "%(count)d dollars", 1) == "%(count)d dólar"


class TestTheCheckItself:
    """Shown what it must find."""

    @pytest.mark.parametrize(
        ("name", "source", "found"),
        [
            ("a.py", 'x = _("Pay")', [("Pay", None)]),
            ("a.py", 'x = gettext_lazy("Pay")', [("Pay", None)]),
            ("a.py", 'x = pgettext_lazy("bill", "Open")', [("Open", "bill")]),
            ("a.py", 'x = ngettext("%(n)d a", "%(n)d b", n)', [(("%(n)d a", "%(n)d b"), None)]),
            ("a.html", '{% translate "Pay" as pay %}', [("Pay", None)]),
            ("a.html", ' {% if a %}\n  {% translate "Open" context "bill" %}', [("Open", "bill")]),
            (
                "a.html",
                "{% blocktranslate trimmed with a=b %}\n  Pay\n  {{ a }}\n{% endblocktranslate %}",
                [("Pay %(a)s", None)],
            ),
            (
                "a.html",
                "{% blocktranslate count n=n %}A{% plural %}{{ n }} b{% endblocktranslate %}",
                [(("A", "%(n)s b"), None)],
            ),
            ("a.html", "<p>it's {{ a|default:_('nobody') }}</p>", [("nobody", None)]),
        ],
    )  # fmt: skip
    def test_reads_each_way_of_marking(
        self, name: str, source: str, found: list[tuple[object, str | None]]
    ) -> None:
        assert list(tool().marked(source, is_template=not name.endswith(".py"))) == found

    def test_finds_what_is_new_and_what_was_only_guessed(self) -> None:
        catalog = Catalog(locale="es")
        catalog.add("Pay", "Pagar")
        catalog.add("Paid", "Pagado", flags=["fuzzy"])
        catalog.add(("%(n)s bill", "%(n)s bills"), ("%(n)s factura", ""))
        assert [m.id for m in tool().missing(catalog)] == ["Paid", ("%(n)s bill", "%(n)s bills")]
        template = Catalog()
        template.add("Pay today")
        tool().merge(catalog, template)
        assert [m.id for m in tool().missing(catalog)] == ["Pay today"]

    @pytest.mark.parametrize(
        ("meant", "said"),
        [
            ("Pay %(amount)s", "Pague %(monto)s"),
            ("Pay {amount}", "Pague"),
            ("<b>Pay</b>", "Pague"),
            ("Pay ", "Pague"),
        ],
    )
    def test_finds_a_lost_placeholder(self, meant: str, said: str) -> None:
        assert differences(Message(meant, said)) != []
