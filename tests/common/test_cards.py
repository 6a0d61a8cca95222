"""Card numbers are found however they are typed, and other numbers are let be."""

import pytest
from django.core.exceptions import ValidationError

from common.cards import HIDDEN, has_card_number, hide_card_numbers, refuse_card_number


@pytest.mark.parametrize(
    "text",
    [
        "4242424242424242",
        "paid with 4242 4242 4242 4242 today",
        "4242-4242-4242-4242, 12/27, 123",
        "Visa 4242.4242.4242.4242 12/27",
        "4 2 4 2 4 2 4 2 4 2 4 2 4 2 4 2",
        "amex 3782 822463 10005",
        "14 digits: 3056 930902 5904",
        "19 digits: 6205500000000000004",
        "４２４２４２４２４２４２４２４２",
        "call 510-555-0100, card 5555 5555 5555 4444",
    ],
)
def test_a_card_number_is_refused_and_hidden(text: str) -> None:
    assert has_card_number(text)
    with pytest.raises(ValidationError, match="card number"):
        refuse_card_number(text)
    assert HIDDEN in hide_card_numbers(text)
    assert not has_card_number(hide_card_numbers(text))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "4242 4242 4242 4241",  # one digit off
        "member 110042017, account NC-204-7718, bill B-000123",
        "call 866-278-9502 or 800-731-4661",
        "check 1042 of 11/21/2026",
        "0000000000000000",
        "KP-BCDF-GHJK-MNPQ",
        "42424242424242424242424242",  # longer than any card number, in one piece
    ],
)
def test_other_numbers_are_let_be(text: str) -> None:
    refuse_card_number(text)
    assert hide_card_numbers(text) == text


def test_what_stands_around_a_number_stays() -> None:
    assert hide_card_numbers("a 4242 4242 4242 4242 b") == f"a {HIDDEN} b"
