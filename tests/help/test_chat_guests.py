"""A guest finds the way back, nobody reads along, and PostgreSQL keeps what was said as it was."""

import datetime as dt

import pytest
from django.db import DatabaseError, connection, transaction
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from support.models import ChatState, Conversation, Message
from support.services import absence, chat, links
from tests.support.chat import GUEST, answer, make_conversation, texts
from tests.support.factories import make_account, make_staff, make_user
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def agent() -> User:
    return make_staff(Role.BILLING_AGENT)


class TestGuests:
    def test_a_guest_writes_leaves_comes_back_by_the_link_once(self, agent: User) -> None:
        browser = Client()
        url = browser.post(reverse("chat:start"), GUEST).url
        assert "I got a letter" in browser.get(url).content.decode()
        conversation = Conversation.objects.get()
        assert (conversation.region.code, conversation.user) == ("HI", None)
        answer(conversation, agent, "Which letter?")
        absence.mail_the_absent(at=now() + dt.timedelta(minutes=1))
        opened, told = mails_to("gia@example.com")
        assert "letter" not in told.message
        another = Client()
        assert another.get(url).status_code == 404
        link = link_in(told)
        assert another.get(link).status_code == 200  # a scanner opens nothing
        assert another.get(url).status_code == 404
        assert another.post(link).url == url
        assert "Which letter?" in another.get(url).content.decode()
        assert Client().post(link).status_code == 410
        assert Client().post(link_in(opened)).url == url

    def test_a_link_dies_after_a_week(self) -> None:
        conversation = make_conversation(None)
        token = links.issue(conversation=conversation, at=now() - links.LIVES).split("/")[-2]
        with pytest.raises(links.LinkDead):
            links.use(token=token, at=now())

    def test_who_asks_for_a_new_link_learns_nothing_about_the_address(self) -> None:
        make_conversation(None, email="gia@example.com")
        answers = {
            address: Client().post(reverse("chat:again"), {"email": address})
            for address in ("gia@example.com", "nobody@example.com")
        }
        assert {response.status_code for response in answers.values()} == {200}
        assert len(mails_to("gia@example.com")) == 2
        assert mails_to("nobody@example.com") == []

    def test_what_is_missing_is_named_and_nothing_is_lost(self) -> None:
        response = Client().post(reverse("chat:start"), GUEST | {"email": "gia", "region": ""})
        assert response.status_code == 422
        assert "I got a letter</textarea>" in response.content.decode()
        assert not Conversation.objects.exists()

    def test_an_address_that_is_too_long_is_refused_in_words(self) -> None:
        email = f"{'g' * 60}@{'.'.join(['h' * 60] * 3)}.{'i' * 20}.com"
        assert len(email) > 254
        response = Client().post(reverse("chat:start"), GUEST | {"email": email})
        assert (response.status_code, Conversation.objects.count()) == (422, 0)

    def test_one_address_cannot_open_conversations_without_end(self) -> None:
        statuses = [
            Client()
            .post(reverse("chat:start"), GUEST | {"email": f"guest{number}@example.com"})
            .status_code
            for number in range(11)
        ]
        assert statuses == [302] * 10 + [422]


class TestWhoseItIs:
    def test_another_member_and_a_guest_find_nothing(self, account: BillingAccount) -> None:
        conversation = make_conversation(account)
        stranger = Client()
        stranger.force_login(make_account().guarantor.user)
        for client in (stranger, Client()):
            assert client.get(reverse("chat:show", args=[conversation.pk])).status_code == 404
            posted = client.post(reverse("chat:show", args=[conversation.pk]), {"text": "Hi"})
            assert posted.status_code == 404
        assert texts(conversation) == ["My bill is wrong"]

    def test_a_guests_conversation_is_no_members(self) -> None:
        browser = Client()
        url = browser.post(reverse("chat:start"), GUEST).url
        browser.force_login(make_account().guarantor.user)
        assert browser.get(url).status_code == 404

    def test_a_log_in_without_a_member_record_is_told_to_call(self) -> None:
        client = Client()
        client.force_login(make_user())
        page = client.get(reverse("chat:start"))
        assert "please call us" in page.content.decode().lower()


class TestWhatPostgreSQLRefuses:
    @pytest.mark.parametrize(
        "statement",
        [
            "UPDATE support_message SET text = 'other'",
            "DELETE FROM support_message",
            "DELETE FROM support_conversation",
            "UPDATE support_conversation SET state = 'assigned'",  # to nobody
            "UPDATE support_conversation SET user_id = NULL",
            "UPDATE support_conversation SET guest_email = 'x@example.com'",
        ],
    )
    def test_it(self, account: BillingAccount, statement: str) -> None:
        make_conversation(account)
        with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
            cursor.execute(statement)

    def test_a_text_above_the_limit(self, account: BillingAccount) -> None:
        conversation = make_conversation(account)
        with pytest.raises(DatabaseError), transaction.atomic():
            Message.objects.create(
                conversation=conversation, author="person", text="x" * 4_001, written_at=now()
            )

    def test_every_move_that_is_not_in_the_table(self, account: BillingAccount) -> None:
        conversation = make_conversation(account)
        chat.close_as_person(conversation=conversation, at=now())
        chat.close_as_person(conversation=conversation, at=now())
        conversation.refresh_from_db()
        assert conversation.state == ChatState.CLOSED
        assert conversation.messages.filter(kind="closed").count() == 1
