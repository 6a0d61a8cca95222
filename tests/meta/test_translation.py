"""Every word that a person reads is marked for translation."""

from pathlib import Path

import pytest
from django.conf import settings

from tests.support.untranslated import untranslated

# Staff's pages stay English; a font's licence is not ours to translate.
NOT_TRANSLATED = {"admin", "fonts"}
ROOTS = [settings.BASE_DIR / "templates", settings.BASE_DIR / "demo" / "templates"]
TEMPLATES = sorted(
    path
    for root in ROOTS
    for path in root.rglob("*")
    if path.suffix in (".html", ".txt", ".svg")
    and not NOT_TRANSLATED.intersection(path.relative_to(root).parts)
)


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: str(path.relative_to(settings.BASE_DIR)))
def test_template_has_no_word_outside_a_translate_tag(path: Path) -> None:
    assert untranslated(path.read_text(), is_html=path.suffix != ".txt") == []


def test_all_templates_are_looked_at() -> None:
    assert settings.BASE_DIR / "templates" / "base.html" in TEMPLATES
    assert len(TEMPLATES) > 30


class TestTheCheckItself:
    @pytest.mark.parametrize(
        ("planted", "found"),
        [
            ("<p>Pay now</p>", ["Pay now"]),
            ("<p>{% translate 'Pay' %} now</p>", ["now"]),
            ("<p>{{ amount }} due</p>", ["due"]),
            ("<p>¿Cuánto?</p>", ["¿Cuánto?"]),
            ("<p>&Aacute;rea</p>", ["Área"]),
            ('<a aria-label="Close" href="/x/">×</a>', ["Close"]),
            ('<input placeholder="Search">', ["Search"]),
            ('<img src="a.svg" alt="Our logo">', ["Our logo"]),
            ('<abbr title="Explanation of benefits"></abbr>', ["Explanation of benefits"]),
            ('<td data-label="Amount">{{ a }}</td>', ["Amount"]),
            ('<input type="submit" value="Send">', ["Send"]),
            ('<meta name="description" content="Pay here">', ["Pay here"]),
            ("<title>Bills - KPPay</title>", ["Bills -"]),
            ('<b{% if x %} class="y"{% endif %}>Hello</b>', ["Hello"]),
            ('{% include "components/button.html" with text="Pay now" only %}', ["Pay now"]),
            ("{% blocktranslate %}Yes{% endblocktranslate %} and no", ["and no"]),
            ("<style>p { color: red }</style><p>Red</p>", ["Red"]),
        ],
    )
    def test_finds_a_planted_word(self, planted: str, found: list[str]) -> None:
        assert untranslated(planted) == found

    @pytest.mark.parametrize(
        "good",
        [
            "<p>{% translate 'Pay now' %}</p>",
            "<p>{% blocktranslate %}Pay {{ amount }} now{% endblocktranslate %}</p>",
            "{% blocktranslate count n=n %}One bill{% plural %}{{ n }} bills{% endblocktranslate %}",
            "<a class='button' href='/pay/' data-key='abc'>{{ text }}</a>",
            "<a aria-label=\"{% translate 'Close' %}\">×</a>",
            "<title>{% translate 'Bills' %} - KPPay</title>",
            "<style>p { color: red }</style>",
            '<script nonce="x">let a = "words";</script>',
            "{# a note #}{% comment %}a longer note{% endcomment %}<!-- another -->",
            '{% include "components/button.html" with text=go kind="primary" only %}',
            '<input type="text" name="amount" value="42.10">',
            "{% block main_class %}narrow{% endblock %}",
        ],
    )
    def test_lets_pass_what_is_marked_or_not_read(self, good: str) -> None:
        assert untranslated(good) == []

    def test_reads_plain_text_too(self) -> None:
        source = "{% translate 'Thank you' %}\n\nBest wishes\n{{ name }}"
        assert untranslated(source, is_html=False) == ["Best wishes"]
