"""Staff answer in the chat: the queue, taking, answering, closing; auditors leave no mark."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from common.clock import now
from support import hooks, queries
from support.models import Conversation
from support.services import chat
from tests.support.chat import attach, make_conversation
from tests.support.factories import make_account, make_staff

pytestmark = pytest.mark.django_db


def signed_in(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


@pytest.fixture
def agent() -> User:
    return make_staff(Role.BILLING_AGENT)


@pytest.fixture
def watched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, str]]:
    """What the audit is told: who did what."""
    told: list[tuple[str, str]] = []

    def watch(*, by: User, act: str, conversation: Conversation) -> None:
        told.append((by.email, act))

    monkeypatch.setattr(hooks, "_watches", [watch])
    return told


def test_the_queue_has_ones_own_first_then_who_has_waited_longest(agent: User) -> None:
    at = now()
    late = make_conversation(make_account(), at=at)
    early = make_conversation(make_account(), at=at - dt.timedelta(hours=1))
    own = make_conversation(make_account(), at=at)
    closed = make_conversation(make_account(), at=at)
    chat.write_as_staff(conversation=own, by=agent, text="Hello", at=at)
    chat.close_as_staff(conversation=closed, by=agent, at=at)
    assert list(queries.queue(agent)) == [own, early, late]
    assert list(queries.closed()) == [closed]
    assert queries.waiting_count() == 2


def test_the_desk_asks_the_same_few_questions_however_many_wait(
    agent: User, django_assert_max_num_queries: object
) -> None:
    client = signed_in(agent)
    for _ in range(3):
        make_conversation(make_account())
    seen = {"seen": client.get(reverse("desk:index")).context["version"]}
    with django_assert_max_num_queries(6):  # type: ignore[operator]
        assert client.get(reverse("desk:queue"), seen).status_code == 204
    with django_assert_max_num_queries(9):  # type: ignore[operator]  # and the audit log's record
        assert client.get(reverse("desk:queue")).status_code == 200


def test_an_agent_answers_and_has_it_and_the_member_sees_a_first_name_only() -> None:
    account = make_account()
    conversation = make_conversation(account)
    agent = make_staff(Role.BILLING_AGENT)
    agent.first_name, agent.last_name = "Bela", "Agnew"
    agent.save()
    desk = signed_in(agent)
    url = reverse("desk:show", args=[conversation.pk])
    assert "My bill is wrong" in desk.get(url).content.decode()
    assert desk.post(url, {"text": "Let me look"}).status_code == 302
    conversation.refresh_from_db()
    assert (conversation.state, conversation.assigned_to) == ("assigned", agent)
    assert conversation.waiting_since is None
    member = signed_in(account.guarantor.user)
    page = member.get(reverse("chat:show", args=[conversation.pk])).content.decode()
    assert "Let me look" in page
    assert "Bela" in page
    assert "Agnew" not in page


def test_the_open_page_learns_of_a_new_message_and_of_being_read(agent: User) -> None:
    account = make_account()
    conversation = make_conversation(account)
    desk, member = signed_in(agent), signed_in(account.guarantor.user)
    url = reverse("desk:show", args=[conversation.pk])
    desk.post(url, {"text": "Hello"})
    shown = desk.get(url).context
    poll = reverse("desk:new_messages", args=[conversation.pk])
    asked = {"seen": shown["seen"], "after": shown["conversation"].last_message_id}
    assert desk.get(poll, asked, headers={"X-Poll": "1"}).status_code == 204
    member.get(reverse("chat:show", args=[conversation.pk]))
    assert "Read by the person" in desk.get(poll, asked).content.decode()
    member.post(reverse("chat:show", args=[conversation.pk]), {"text": "And now?"})
    assert "And now?" in desk.get(poll, asked).content.decode()


def test_taking_releasing_and_closing(agent: User) -> None:
    conversation, desk = make_conversation(make_account()), signed_in(agent)
    states = []
    for act in ("take", "release", "take", "close"):
        desk.post(reverse(f"desk:{act}", args=[conversation.pk]))
        conversation.refresh_from_db()
        states.append(conversation.state)
    assert states == ["assigned", "waiting", "assigned", "closed"]


def test_an_auditor_looks_marks_nothing_read_and_cannot_act() -> None:
    conversation = make_conversation(make_account())
    auditor = signed_in(make_staff(Role.AUDITOR))
    url = reverse("desk:show", args=[conversation.pk])
    page = auditor.get(url)
    assert "My bill is wrong" in page.content.decode()
    assert "<textarea" not in page.content.decode()
    conversation.refresh_from_db()
    assert conversation.staff_read_id == 0
    assert auditor.post(url, {"text": "Hi"}).status_code == 403
    for act in ("take", "release", "close", "attach"):
        assert auditor.post(reverse(f"desk:{act}", args=[conversation.pk])).status_code == 403
    assert conversation.messages.count() == 1


def test_staff_who_were_deactivated_are_out_at_the_next_request(agent: User) -> None:
    conversation, desk = make_conversation(make_account()), signed_in(agent)
    assert desk.get(reverse("desk:index")).status_code == 200
    agent.is_active = False
    agent.save()
    url = reverse("desk:show", args=[conversation.pk])
    assert desk.post(url, {"text": "Hi"}).status_code == 302
    assert conversation.messages.count() == 1


def test_looking_and_acting_is_told_to_the_audit(agent: User, watched: list[tuple[str, str]]) -> None:
    conversation, desk = make_conversation(make_account()), signed_in(agent)
    file = attach(conversation)
    url = reverse("desk:show", args=[conversation.pk])
    desk.get(url)
    desk.get(reverse("desk:file", args=[conversation.pk, file.pk]))
    desk.post(url, {"text": "Hello"})
    desk.post(reverse("desk:close", args=[conversation.pk]))
    assert watched == [(agent.email, act) for act in ("read", "file", "answered", "closed")]


def test_no_way_of_asking_shows_messages_without_the_audit_being_told(
    agent: User, watched: list[tuple[str, str]]
) -> None:
    conversation, desk = make_conversation(make_account()), signed_in(agent)
    url, poll = (reverse(f"desk:{name}", args=[conversation.pk]) for name in ("show", "new_messages"))
    all_of_it = desk.get(poll, {"seen": "x", "after": "0"})
    assert "My bill is wrong" in all_of_it.content.decode()
    assert watched == [(agent.email, "read")]
    for refused in ({}, {"text": " "}, {"text": "4242 4242 4242 4242"}):
        assert "My bill is wrong" in desk.post(url, refused).content.decode()
    assert watched == [(agent.email, "read")] * 4


def test_an_open_page_that_learns_nothing_but_a_mark_is_no_reading(
    agent: User, watched: list[tuple[str, str]]
) -> None:
    conversation, desk = make_conversation(make_account()), signed_in(agent)
    poll = reverse("desk:new_messages", args=[conversation.pk])
    after = {"seen": "x", "after": conversation.last_message_id}
    assert desk.get(poll, after).status_code == 200
    asked = {"seen": f"{conversation.version}.{conversation.person_read_id}", "after": "0"}
    assert desk.get(poll, asked).status_code == 204
    assert watched == []


def test_a_long_queue_shows_its_first_conversations_and_its_length(
    agent: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "QUEUED", 2)
    desk, at = signed_in(agent), now()
    for hours in (3, 1, 2):
        make_conversation(make_account(), subject=f"{hours} h", at=at - dt.timedelta(hours=hours))
    page = desk.get(reverse("desk:index"))
    assert [row.subject for row in page.context["queue"]] == ["3 h", "2 h"]
    assert "The first 2 of 3 open conversations." in page.content.decode()
    asked = {"seen": page.context["version"]}
    assert desk.get(reverse("desk:queue"), asked).status_code == 204
    make_conversation(make_account(), at=at)
    assert "The first 2 of 4" in desk.get(reverse("desk:queue"), asked).content.decode()


def test_a_member_has_no_desk() -> None:
    conversation = make_conversation(make_account())
    member = signed_in(make_account().guarantor.user)
    assert member.get(reverse("desk:show", args=[conversation.pk])).status_code == 403
    assert member.get(reverse("desk:index")).status_code == 403
