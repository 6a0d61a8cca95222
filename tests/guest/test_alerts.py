"""Who hears of an attack: a line in the log that can be alerted on, the operations guide, the desk."""

import io
import json
import logging
import logging.config
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from accounts.roles import Role
from common.clock import now
from demo.stripe.core import Sandbox
from payments.guest import breaker, limits
from payments.services import attempts
from staff.dashboard import figures
from staff.lists import LISTS
from tests.support import guests
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.guests import DECLINED
from tests.support.staff import browser_of, text_of

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    """What the handler and formatter of production write."""
    written = io.StringIO()
    configured = logging.config.DictConfigurator(settings.LOGGING)  # type: ignore[arg-type]
    formatter = configured.configure_formatter(dict(settings.LOGGING["formatters"]["json"]))
    handler = logging.StreamHandler(written)
    handler.setFormatter(formatter)
    logging.getLogger().addHandler(handler)
    yield written
    logging.getLogger().removeHandler(handler)


def alerts(log: io.StringIO) -> list[dict[str, Any]]:
    """The lines of level "error", each of which an alert is made of."""
    lines = [json.loads(line) for line in log.getvalue().splitlines()]
    return [line for line in lines if line["level"] == "error"]


def test_cards_tried_out_are_one_structured_line_without_anything_of_a_person(
    client: Client, sandbox: Sandbox, log: io.StringIO, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "MOST_BY_GUESTS", 5)
    bill = make_invoice(make_account(make_member(last_name="Quillfeather")))
    guests.find(client, guests.by_code(bill))
    for _ in range(2):
        guests.give_amount(client, sandbox, bill, card=DECLINED)
        guests.confirm(client)

    (line,) = alerts(log)

    assert {name: line[name] for name in ("event", "level", "logger", "account", "attempts")} == {
        "event": "guest.card_testing",
        "level": "error",
        "logger": "payments.guest.paying",
        "account": bill.account_id,
        "attempts": 5,
    }
    assert line["timestamp"].endswith("Z")
    assert line["request_id"]
    written = json.dumps(line)
    for told in ("Quillfeather", str(bill.pay_code), bill.number, bill.account.account_number, "4000"):
        assert told not in written


def test_guessing_is_one_line_in_a_quarter_of_an_hour(log: io.StringIO) -> None:
    at = now()
    for number in range(limits.GUESSING + 50):
        address = f"10.{number // 250}.{number % 250}.1"
        limits.note_try(address=address, region="NCAL", reference=str(number), at=at)
    (line,) = alerts(log)
    assert (line["event"], line["failures"]) == ("guest.guessing", limits.GUESSING)


def test_the_operations_guide_says_what_to_do_about_each_alert() -> None:
    sources = [*Path("payments/guest").glob("*.py"), Path("payments/services/submission.py")]
    raised = {
        event
        for source in sources
        for event in re.findall(r'log\.(?:error|warning)\(\s*"([a-z_.]+)"', source.read_text())
        if event.startswith("guest.") or event == "payment.card_testing"
    }
    assert len(raised) == 6
    guide = Path("docs/operations.md").read_text()
    assert [event for event in sorted(raised) if f"`{event}`" not in guide] == []


def test_staff_see_refused_cards_of_guests_and_that_their_payments_are_paused(
    client: Client, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    bill = make_invoice()
    guests.pay(client, sandbox, bill, card=DECLINED)
    guests.pay(client, sandbox, bill)
    agent = browser_of(make_staff(Role.BILLING_AGENT))
    assert "Guests' cards refused in a day: 1" in text_of(agent.get("/admin/"))
    (refused,) = LISTS["guest-cards"].rows()
    assert (refused.account, refused.decline_code) == (bill.account, "generic_decline")

    monkeypatch.setattr(breaker, "FEWEST_ACCOUNTS", 1)
    monkeypatch.setattr(breaker, "REFUSED_PERCENT", 0)
    label = "Guests' cards refused in a day (payments without an account are paused)"
    assert [figure.count for figure in figures() if figure.label == label] == [1]
