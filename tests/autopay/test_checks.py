"""What refuses to start: a breaker without its figures, a run without threads."""

from typing import Any

import pytest

from autopay.checks import ceilings, threads


def test_the_settings_as_they_come_are_in_order() -> None:
    assert ceilings() == []
    assert threads() == []


@pytest.mark.parametrize("change", [{"run_cents": 0}, {"draw_cents": -1}, {"run_count": None}])
def test_a_ceiling_that_is_missing_or_not_above_zero_is_refused(
    settings: Any, change: dict[str, int | None]
) -> None:
    given = {**settings.AUTOPAY_CEILINGS, **change}
    settings.AUTOPAY_CEILINGS = {name: value for name, value in given.items() if value is not None}
    assert [message.id for message in ceilings()] == ["autopay.E001"]


def test_no_thread_would_draw_nothing(settings: Any) -> None:
    settings.AUTOPAY_THREADS = 0
    assert [message.id for message in threads()] == ["autopay.E002"]
