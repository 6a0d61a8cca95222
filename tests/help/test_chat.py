"""A member and support talk; no word is lost, and none is kept that must not be."""

import datetime as dt
from urllib.parse import quote

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import User
from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from demo.stripe.core import Sandbox
from support.models import Conversation
from support.oversized import MAX_FORM_BYTES
from support.services import absence, chat
from tests.support import paying
from tests.support.chat import GUEST, answer, make_conversation, texts
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def ada(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


@pytest.fixture
def agent() -> User:
    return make_staff(Role.BILLING_AGENT)


class TestTalking:
    def test_a_member_starts_from_a_payment_and_the_chat_names_it(
        self, sandbox: Sandbox, account: BillingAccount, ada: Client
    ) -> None:
        payment = paying.pay(sandbox, make_invoice(account), card="pm_card_visa_chargeDeclined")
        page = ada.get(reverse("payments:show", args=[payment.reference])).content.decode()
        assert f"{reverse('help')}?payment={payment.reference}" in page
        help_page = ada.get(reverse("help"), {"payment": payment.reference}).content.decode()
        start = f"{reverse('chat:start')}?payment={payment.reference}"
        assert start in help_page
        form = ada.get(start).context["form"]
        response = ada.post(
            reverse("chat:start"),
            {"subject": form["subject"].value(), "text": "Why?", "payment": payment.reference},
        )
        conversation = Conversation.objects.get()
        assert response.url == reverse("chat:show", args=[conversation.pk])
        assert conversation.payment == payment
        assert conversation.account == account
        assert payment.reference in conversation.subject
        # Coming again by the same link goes on where it was.
        assert ada.get(start).url == reverse("chat:show", args=[conversation.pk])

    def test_somebody_elses_payment_is_never_named(self, sandbox: Sandbox, ada: Client) -> None:
        payment = paying.pay(sandbox, make_invoice())
        page = ada.get(reverse("chat:start"), {"payment": payment.reference})
        assert page.context["payment"] is None
        assert not page.context["form"]["subject"].value()
        given = {"subject": "A", "text": "B", "payment": payment.reference}
        ada.post(reverse("chat:start"), given)
        assert Conversation.objects.get().payment is None

    def test_it_waits_is_taken_answered_closed_and_opened_again_by_writing(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation = make_conversation(account)
        url = reverse("chat:show", args=[conversation.pk])
        seen = [conversation.state]
        answer(conversation, agent)
        for _act in (
            lambda: ada.post(url, {"text": "Thank you"}),
            lambda: ada.post(reverse("chat:close", args=[conversation.pk])),
            lambda: ada.post(url, {"text": "One more thing"}),
        ):
            conversation.refresh_from_db()
            seen.append(conversation.state)
            _act()
        conversation.refresh_from_db()
        assert [*seen, conversation.state] == ["waiting", "assigned", "assigned", "closed", "waiting"]
        assert conversation.assigned_to is None
        kinds = list(conversation.messages.order_by("pk").values_list("kind", flat=True))
        assert kinds == ["text", "taken", "text", "text", "closed", "reopened", "text"]

    def test_the_open_page_gets_only_what_is_new_and_nothing_while_nothing_is(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation = make_conversation(account, "the first words")
        page = ada.get(reverse("chat:show", args=[conversation.pk]))
        poll = reverse("chat:new_messages", args=[conversation.pk])
        asked = {"seen": conversation.version, "after": conversation.last_message_id}
        headers = {"X-Poll": "1"}
        assert f"{poll}?seen={conversation.version}" in page.content.decode()
        assert ada.get(poll, asked, headers=headers).status_code == 204
        answer(conversation, agent, "an answer")
        news = ada.get(poll, asked, headers=headers)
        assert news.status_code == 200
        assert "an answer" in news.content.decode()
        assert "the first words" not in news.content.decode()
        assert "textarea" not in news.content.decode()
        assert 'hx-swap-oob="true"' in news.content.decode()
        assert news.headers["Cache-Control"] == "no-store, private"

    def test_asking_for_news_is_cheap_and_does_not_count_as_activity(
        self, account: BillingAccount, ada: Client, django_assert_num_queries: object
    ) -> None:
        conversation = make_conversation(account)
        ada.get(reverse("chat:show", args=[conversation.pk]))
        seen_at = ada.session["seen_at"]
        session = ada.session
        session["seen_at"] = seen_at - 300
        session.save()
        with django_assert_num_queries(2):  # type: ignore[operator]  # the person, the conversation
            response = ada.get(
                reverse("chat:new_messages", args=[conversation.pk]),
                {"seen": conversation.version},
                headers={"X-Poll": "1"},
            )
        assert response.status_code == 204
        assert ada.session["seen_at"] == seen_at - 300

    def test_html_in_a_message_is_shown_as_text(self, account: BillingAccount, ada: Client) -> None:
        text = "<script>alert(1)</script><img src=x onerror=alert(1)>"
        conversation = make_conversation(account, text)
        page = ada.get(reverse("chat:show", args=[conversation.pk])).content.decode()
        assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        transcript = ada.get(reverse("chat:transcript", args=[conversation.pk]))
        assert text in transcript.content.decode()
        assert transcript.headers["Content-Type"] == "text/plain; charset=utf-8"
        assert transcript.headers["Content-Disposition"].startswith("attachment")

    def test_unread_answers_are_counted_until_they_are_read(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation = make_conversation(account)
        answer(conversation, agent)
        answer(conversation, agent, "And more")
        assert "2 new answers" in ada.get(reverse("chat:index")).content.decode()
        ada.get(reverse("chat:show", args=[conversation.pk]))
        assert "new answer" not in ada.get(reverse("chat:index")).content.decode()


class TestTooMuch:
    def test_a_long_message_is_refused_and_stays_in_the_box(
        self, account: BillingAccount, ada: Client
    ) -> None:
        conversation = make_conversation(account)
        text = "é" * 4_001
        response = ada.post(reverse("chat:show", args=[conversation.pk]), {"text": text})
        assert response.status_code == 422
        assert text in response.content.decode()
        assert "4,001 characters" in response.content.decode()
        assert texts(conversation) == ["My bill is wrong"]
        ada.post(reverse("chat:show", args=[conversation.pk]), {"text": "é" * 4_000})
        assert len(texts(conversation)[-1]) == 4_000

    @pytest.mark.parametrize("started", [True, False])
    def test_ten_megabytes_are_refused_and_the_first_characters_stay(
        self, account: BillingAccount, ada: Client, started: bool
    ) -> None:
        conversation = make_conversation(account)
        url = reverse("chat:show", args=[conversation.pk]) if started else reverse("chat:start")
        body = "text=" + quote("¿Qué? ") * 500 + "x" * 10 * 1024 * 1024
        response = ada.post(url, body, content_type="application/x-www-form-urlencoded")
        assert response.status_code == 413
        page = response.content.decode()
        assert "¿Qué? " * 500 + "x" * 1_000 + "</textarea>" in page
        assert "Nothing was sent" in page
        assert texts(conversation) == ["My bill is wrong"]
        assert Conversation.objects.count() == 1

    def test_the_forms_token_is_still_asked_for(self, account: BillingAccount) -> None:
        strict = Client(enforce_csrf_checks=True)
        strict.force_login(account.guarantor.user)
        conversation = make_conversation(account)
        url = reverse("chat:show", args=[conversation.pk])
        assert strict.post(url, {"text": "Hi"}).status_code == 403
        assert strict.post(url, {"text": "x" * MAX_FORM_BYTES}).status_code == 413
        assert texts(conversation) == ["My bill is wrong"]

    def test_nobody_types_twelve_messages_a_minute(self, account: BillingAccount, ada: Client) -> None:
        conversation = make_conversation(account)
        for _ in range(chat.MESSAGES_A_MINUTE - 1):
            chat.write_as_person(conversation=conversation, text="Hello?", at=now())
        response = ada.post(reverse("chat:show", args=[conversation.pk]), {"text": "the last one"})
        assert response.status_code == 422
        assert "the last one</textarea>" in response.content.decode()
        assert len(texts(conversation)) == chat.MESSAGES_A_MINUTE
        later = now() + dt.timedelta(minutes=2)
        chat.write_as_person(conversation=conversation, text="Now?", at=later)

    def test_nobody_has_six_open_conversations(self, account: BillingAccount, ada: Client) -> None:
        for _ in range(chat.OPEN_AT_ONCE):
            make_conversation(account)
        response = ada.post(reverse("chat:start"), {"subject": "A", "text": "B"})
        assert response.status_code == 422
        assert Conversation.objects.count() == chat.OPEN_AT_ONCE

    def test_an_empty_message_is_not_sent(self, account: BillingAccount, ada: Client) -> None:
        conversation = make_conversation(account)
        url = reverse("chat:show", args=[conversation.pk])
        assert ada.post(url, {"text": " \n "}).status_code == 422
        with pytest.raises(chat.NothingWritten):
            chat.write_as_person(conversation=conversation, text="\x00 ", at=now())
        assert texts(conversation) == ["My bill is wrong"]


class TestCardNumbers:
    CARD = "4242 4242 4242 4242"

    def test_are_refused_wherever_they_are_written_and_never_kept(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation = make_conversation(account)
        desk = Client()
        desk.force_login(agent)
        for client, url, given in (
            (ada, reverse("chat:show", args=[conversation.pk]), {"text": f"It is {self.CARD}."}),
            (ada, reverse("chat:start"), {"subject": self.CARD, "text": "Hi"}),
            (desk, reverse("desk:show", args=[conversation.pk]), {"text": self.CARD}),
            (Client(), reverse("chat:start"), GUEST | {"name": self.CARD}),
            (
                Client(),
                reverse("chat:start"),
                GUEST | {"email": "4242424242424242@example.com"},
            ),
            (
                Client(),
                reverse("chat:start"),
                GUEST | {"subject": "Mine: 4242 4242", "name": "4242 4242"},
            ),
        ):
            response = client.post(url, given)
            assert response.status_code == 422
            assert "This looks like a card number" in response.content.decode()
        with pytest.raises(chat.CardNumberWritten):
            make_conversation(make_account(), subject=self.CARD)
        assert texts(conversation) == ["My bill is wrong"]
        assert Conversation.objects.count() == 1


class TestAway:
    def test_one_mail_for_each_absence_and_nothing_of_the_answer_in_it(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation, at = make_conversation(account), now()
        address = account.guarantor.user.email
        answer(conversation, agent, "Your hernia bill was wrong")
        assert absence.mail_the_absent(at=at + dt.timedelta(seconds=5)) == 0
        assert absence.mail_the_absent(at=at + dt.timedelta(seconds=30)) == 1
        answer(conversation, agent, "And there is more")
        assert absence.mail_the_absent(at=at + dt.timedelta(minutes=5)) == 0
        (mail,) = mails_to(address)
        assert "hernia" not in mail.subject + mail.message + mail.html_message
        assert link_in(mail) == reverse("chat:show", args=[conversation.pk])
        ada.get(link_in(mail))  # back: the absence is over
        answer(conversation, agent, "Still here?", minutes=6)
        assert absence.mail_the_absent(at=at + dt.timedelta(minutes=8)) == 1
        assert len(mails_to(address)) == 2

    def test_no_mail_to_who_has_the_page_open(
        self, account: BillingAccount, ada: Client, agent: User
    ) -> None:
        conversation = make_conversation(account)
        answer(conversation, agent)
        ada.get(
            reverse("chat:new_messages", args=[conversation.pk]),
            {"seen": conversation.version},
            headers={"X-Poll": "1"},
        )
        assert absence.mail_the_absent(at=now() + dt.timedelta(hours=1)) == 0

    def test_the_mail_speaks_the_members_language(self, account: BillingAccount, agent: User) -> None:
        user = account.guarantor.user
        user.language = "es"
        user.save()
        answer(make_conversation(account), agent)
        absence.mail_the_absent(at=now() + dt.timedelta(minutes=1))
        (mail,) = mails_to(user.email)
        assert 'lang="es"' in mail.html_message
