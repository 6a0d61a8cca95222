"""What the page's script calls a typing mistake is what the server calls one."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from common import references
from payments.guest import finding
from tests.support.browser import NewPage

pytestmark = [pytest.mark.e2e, pytest.mark.django_db]

SCRIPT = Path(settings.BASE_DIR) / "static" / "js" / "guest-code.js"
# Type each code and press the button: is it sent? Nothing leaves the page.
SENT = """codes => {
    const form = document.getElementById("find-bill");
    return codes.map((code) => {
        form.elements.code.value = code;
        return form.dispatchEvent(new Event("submit", { cancelable: true }));
    });
}"""


def good_codes(count: int, length: int = 12) -> list[str]:
    """The same ones at every run."""
    dice = random.Random(417)
    bodies = ("".join(dice.choices(references.ALPHABET, k=length)) for _ in range(count))
    return [body + references.check_character(body) for body in bodies]


def mistyped(code: str) -> Iterator[str]:
    """One character wrong, dropped or doubled, or two swapped, at each place."""
    for place in range(len(code)):
        start, one, rest = code[:place], code[place], code[place + 1 :]
        other = references.ALPHABET[(references.ALPHABET.index(one) + 5) % 28]
        yield start + other + rest
        yield start + rest
        yield start + one + one + rest
        yield start + rest[:1] + one + rest[1:]


def test_script_and_server_agree_on_every_code(client: Client, new_page: NewPage) -> None:
    good = good_codes(50)
    table = [
        *good,
        *(typo for code in good for typo in mistyped(code)),
        *(code for length in range(1, 20) for code in good_codes(3, length)),
        *(references.group(code).lower() for code in good),
        *(f"  {code[:5]} {code[5:]}\t" for code in good),
        *("2", "22", "BCDF-2345", "0O1L", "ÄÖÜ", "ß" * 13, "２" * 13, "ı" * 13, "'; --"),
        *("😀" * 13, "-" * 13, "2" * 13, "BCDF 2345 GHJK\N{NO-BREAK SPACE}2"),
    ]
    expected = {code: finding.is_code(code) for code in table}
    assert sum(expected.values()) > 3 * len(good)
    assert all(references.is_valid(code) for code in good)
    page = new_page()
    page.set_content(client.get("/guest/").content.decode())
    page.add_script_tag(path=SCRIPT)

    sent: list[Any] = page.evaluate(SENT, table)

    wrong = {code: said for code, said in zip(table, sent, strict=True) if said != expected[code]}
    assert wrong == {}
    described = page.locator("#id_code").get_attribute("aria-describedby")
    assert described == "id_code_helptext code-check"


def test_a_dropped_or_doubled_character_is_always_found() -> None:
    """Its check character alone would let one in 28 through, which costs a counted look-up."""
    codes = good_codes(200)
    slips = [slip for code in codes for slip in mistyped(code) if len(slip) != len(code)]
    assert sum(references.is_valid(slip) for slip in slips) > 100
    assert not any(finding.is_code(slip) for slip in slips)
