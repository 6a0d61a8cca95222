"""What staff see and do of autopay and of the chat."""

import datetime as dt

import pytest
from django.urls import reverse

from accounts.roles import Role
from autopay.models import Run, RunState
from common.clock import now
from staff.models import Action, AuditRecord
from support.services import chat
from tests.support.factories import make_account, make_region, make_staff
from tests.support.staff import act, browser_of, text_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def held() -> Run:
    return Run.objects.create(
        region=make_region(),
        as_of=dt.date(2026, 11, 20),
        state=RunState.HELD,
        held_because="ten times the usual total",
        count=40,
        total_cents=9_000_00,
    )


@pytest.mark.parametrize(
    ("decision", "state", "action"),
    [
        ("release", RunState.RELEASED, Action.RUN_RELEASED),
        ("cancel", RunState.CANCELED, Action.RUN_CANCELED),
    ],
)
def test_a_supervisor_decides_about_a_held_run_once(
    held: Run, decision: str, state: str, action: str
) -> None:
    user = make_staff(Role.SUPERVISOR)
    client, url = browser_of(user), reverse("admin:desk_run", args=[held.pk])
    assert "Held autopay runs: 1" in text_of(client.get("/admin/"))
    act(client, url, {"decision": decision, "reason": "Checked with the region"})
    held.refresh_from_db()
    assert (held.state, held.decided_by) == (state, user)
    record = AuditRecord.objects.get(action=action)
    assert (record.account, record.detail["total_cents"]) == (None, 9_000_00)
    late = client.post(url, {"decision": "release", "reason": "Again"})
    assert late.status_code == 422


def test_an_agent_does_not(held: Run) -> None:
    client = browser_of(make_staff(Role.BILLING_AGENT))
    assert client.get(reverse("admin:desk_run", args=[held.pk])).status_code == 403
    assert "ten times the usual total" in text_of(client.get(reverse("admin:desk_list", args=["runs"])))


def test_who_reads_a_conversation_is_in_the_log_and_it_stands_on_the_households_page() -> None:
    account, user = make_account(), make_staff(Role.BILLING_AGENT)
    conversation = chat.open_by_user(
        user=account.guarantor.user,
        account=account,
        region=account.region,
        subject="A bill I do not know",
        text="What is it?",
        language="en",
        at=now(),
    )
    client = browser_of(user)
    page = text_of(client.get(reverse("admin:desk_account", args=[account.pk])))
    assert "A bill I do not know" in page
    assert "Chats that wait: 1" in text_of(client.get("/admin/"))
    client.get(reverse("desk:show", args=[conversation.pk]))
    record = AuditRecord.objects.get(action=Action.CHAT_READ)
    assert (record.who, record.account, record.member) == (user, account, account.guarantor)
    assert len(record.request_id) == 36
