"""docs/money-flow.md draws the moves that PostgreSQL allows, and names every kind of entry."""

import re
from pathlib import Path

from billing.models import EntryKind
from payments.models import MOVES

PAGE = Path("docs/money-flow.md").read_text()


def test_every_drawn_move_is_allowed_and_every_state_is_drawn() -> None:
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+)", PAGE, re.M))
    allowed = {(str(old), str(new)) for old, news in MOVES.items() for new in news}
    assert drawn <= allowed, drawn - allowed
    assert {state for move in drawn for state in move} == {str(state) for state in MOVES}


def test_until_the_money_has_arrived_every_allowed_move_is_drawn() -> None:
    drawn = set(re.findall(r"^\s+(\w+) --> (\w+)", PAGE, re.M))
    first_half = ("created", "submitted", "requires_action", "unknown", "processing")
    allowed = {(str(old), str(new)) for old in first_half for new in MOVES[old]}
    assert allowed <= drawn, allowed - drawn


def test_every_kind_of_entry_has_its_row() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ")]
    table = " ".join(row.split("|")[1].strip().lower() for row in rows)
    for kind in EntryKind:
        first_words = str(kind.label).lower().split(" or ")[0]
        assert first_words in table, kind
