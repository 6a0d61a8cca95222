"""The outbox: a mail leaves when its transaction commits, once, and carries no smuggled header."""

from collections.abc import Callable

import pytest
from django.core import mail as django_mail
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import connection, transaction
from post_office.models import STATUS, Email

from common import mail
from common.locks import NotInTransaction
from common.tasks import deliver_mail
from demo import postgres
from kppay.settings import base
from tests.support.mail import MailServer


@pytest.fixture(autouse=True)
def _templates(settings: object, tmp_path: object) -> None:
    """A mail of our own in both languages, on the project's layout."""
    folder = tmp_path / "mail" / "tests"  # type: ignore[operator]
    folder.mkdir(parents=True)
    (folder / "hello.subject.txt").write_text('{% translate "Change" %}: {{ name }}\n')
    (folder / "hello.txt").write_text(
        '{% extends "mail/base.txt" %}{% block body %}Dear {{ name }}{% endblock %}'
    )
    (folder / "hello.html").write_text(
        '{% extends "mail/base.html" %}{% block body %}<p>Dear {{ name }}</p>{% endblock %}'
    )
    (folder / "plain.subject.txt").write_text("Plain")
    (folder / "plain.txt").write_text("Only text")
    (templates,) = settings.TEMPLATES  # type: ignore[attr-defined]
    settings.TEMPLATES = [{**templates, "DIRS": [*templates["DIRS"], tmp_path]}]  # type: ignore[attr-defined]


def queue(**changes: object) -> Email:
    arguments = {
        "to": "ana@example.com",
        "template": "tests/hello",
        "context": {"name": "Ana"},
        "language": "en",
    }
    with transaction.atomic():
        return mail.send(**{**arguments, **changes})  # type: ignore[arg-type]


@pytest.mark.django_db
class TestAMail:
    def test_waits_in_the_outbox_until_the_worker_sends_it(self) -> None:
        email = queue()
        assert email.status == STATUS.queued
        assert django_mail.outbox == []

        deliver_mail()

        (sent,) = django_mail.outbox
        assert sent.to == ["ana@example.com"]
        assert sent.subject == "Change: Ana"
        assert sent.body.startswith("Dear Ana\n")
        assert sent.alternatives[0].content.count("<p>Dear Ana</p>") == 1
        email.refresh_from_db()
        assert email.status == STATUS.sent

    def test_says_that_a_machine_wrote_it_and_keeps_its_message_id(self) -> None:
        email = queue()
        deliver_mail()
        headers = django_mail.outbox[0].message()
        assert headers["Auto-Submitted"] == "auto-generated"
        assert headers["Message-ID"] == email.message_id

    def test_text_stays_as_it_was_written_and_html_is_escaped(self) -> None:
        email = queue(context={"name": "O'Neil <b> {{ 7|add:7 }}"})
        assert email.subject == "Change: O'Neil <b> {{ 7|add:7 }}"
        assert "Dear O'Neil <b> {{ 7|add:7 }}" in email.message
        assert "Dear O&#x27;Neil &lt;b&gt; {{ 7|add:7 }}" in email.html_message

    def test_carries_its_attachments(self) -> None:
        queue(attachments=[mail.Attachment("receipt.pdf", b"%PDF-1.7", "application/pdf")])
        deliver_mail()
        (attachment,) = django_mail.outbox[0].attachments
        assert tuple(attachment) == ("receipt.pdf", b"%PDF-1.7", "application/pdf")

    def test_needs_no_html(self) -> None:
        assert queue(template="tests/plain").html_message == ""

    def test_is_written_in_the_readers_language(self) -> None:
        email = queue(language="es")
        assert '<html lang="es">' in email.html_message

    @pytest.mark.parametrize("name", ["Ana\nBcc: all@example.com", "Ana\r\nBcc: all@example.com"])
    def test_refuses_a_line_break_in_the_subject(self, name: str) -> None:
        with pytest.raises(mail.BadHeader):
            queue(context={"name": name})
        assert Email.objects.count() == 0

    @pytest.mark.parametrize("to", ["ana@example.com\nbcc: b@example.com", "a@example.com\r"])
    def test_refuses_a_line_break_in_the_address(self, to: str) -> None:
        with pytest.raises(mail.BadHeader):
            queue(to=to)
        assert Email.objects.count() == 0

    def test_refuses_what_is_no_address(self) -> None:
        with pytest.raises(ValidationError):
            queue(to="nobody")

    def test_of_django_itself_goes_the_same_way(self, settings: object) -> None:
        """allauth's mails; a name that looks like a template is not run."""
        # pytest-django puts its own backend in the place of the one that the product uses.
        settings.EMAIL_BACKEND = base.EMAIL_BACKEND  # type: ignore[attr-defined]
        send_mail("Hello", "Dear {{ 7|add:7 }}", None, ["ana@example.com"])
        email = Email.objects.get()
        assert email.message == "Dear {{ 7|add:7 }}"
        assert email.headers == {"Auto-Submitted": "auto-generated"}
        assert email.from_email == "KPPay <billing@kppay.example>"


@pytest.mark.django_db(transaction=True)
class TestTheOutbox:
    def test_wakes_the_sender_when_the_transaction_commits(self) -> None:
        queue()
        assert len(django_mail.outbox) == 1

    def test_forgets_a_mail_whose_transaction_was_rolled_back(self) -> None:
        with transaction.atomic():
            queue()
            transaction.set_rollback(True)
        assert Email.objects.count() == 0
        assert django_mail.outbox == []

    def test_takes_no_mail_outside_a_transaction(self) -> None:
        with pytest.raises(NotInTransaction):
            mail.send(to="a@example.com", template="tests/plain", context={}, language="en")

    def test_has_one_sender_at_a_time(
        self, cluster: postgres.Cluster, without_waking: Callable[[], None]
    ) -> None:
        queue()
        with cluster.connect(connection.settings_dict["NAME"]) as other_machine:
            other_machine.execute("SELECT pg_advisory_lock(hashtextextended('deliver_mail', 0))")
            deliver_mail()
            assert django_mail.outbox == []
            other_machine.execute("SELECT pg_advisory_unlock_all()")
        deliver_mail()
        assert len(django_mail.outbox) == 1
        deliver_mail()
        assert len(django_mail.outbox) == 1

    def test_frees_its_lock_for_the_next_sender(
        self, cluster: postgres.Cluster, without_waking: Callable[[], None]
    ) -> None:
        queue()
        deliver_mail()
        with cluster.connect(connection.settings_dict["NAME"]) as other_machine:
            row = other_machine.execute(
                "SELECT pg_try_advisory_lock(hashtextextended('deliver_mail', 0))"
            ).fetchone()
            assert row == (True,)

    def test_sends_small_batches_so_that_a_crash_repeats_little(
        self, without_waking: Callable[[], None], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        for _ in range(12):
            queue(template="tests/plain")
        noted: list[int] = []
        send_batch = mail_module().send_queued

        def note_and_send() -> None:
            noted.append(Email.objects.filter(status=STATUS.sent).count())
            send_batch()

        monkeypatch.setattr(mail_module(), "send_queued", note_and_send)
        deliver_mail()
        assert noted == [0, 5, 10]
        assert len(django_mail.outbox) == 12

    def test_tries_again_later_when_the_mail_server_is_away(
        self, mail_server: MailServer, without_waking: Callable[[], None]
    ) -> None:
        mail_server.is_away()
        email = queue()
        deliver_mail()
        email.refresh_from_db()
        assert email.status == STATUS.requeued
        assert email.number_of_retries == 1

        mail_server.is_well()
        deliver_mail()
        assert mail_server.taken == []
        Email.objects.update(scheduled_time=email.created)
        deliver_mail()
        assert len(mail_server.taken) == 1

    @pytest.mark.parametrize(
        ("code", "text", "status"),
        [
            (550, b"5.1.1 no such mailbox", STATUS.failed),
            (550, b"5.1.10 recipient not found", STATUS.failed),
            (551, b"5.1.6 moved, no forwarding address", STATUS.failed),
            (553, b"5.1.3 bad address syntax", STATUS.failed),
            (550, b"5.2.1 mailbox disabled", STATUS.failed),
            (450, b"4.2.1 busy", STATUS.requeued),
            (451, b"greylisted", STATUS.requeued),
            # Our own fault, or nobody can tell: one wrong setting would end the whole outbox.
            (550, b"5.7.1 relaying denied", STATUS.requeued),
            (550, b"relay not permitted", STATUS.requeued),
            (553, b"no such user", STATUS.requeued),
            (550, b"5.1.8 bad sender's system address", STATUS.requeued),
            (550, b"5.1.11 not one of ours", STATUS.requeued),
            (550, b"5.4.4 unable to route", STATUS.requeued),
            (503, b"5.5.1 bad sequence of commands", STATUS.requeued),
            (554, b"5.1.1 no SMTP service here", STATUS.requeued),
            (550, b"203.0.113.7 is listed at zen.example", STATUS.requeued),
            # A full mailbox is emptied some day.
            (552, b"5.2.2 mailbox full", STATUS.requeued),
        ],
    )
    def test_gives_an_address_up_at_once_only_where_the_server_refuses_it_for_good(
        self,
        mail_server: MailServer,
        without_waking: Callable[[], None],
        code: int,
        text: bytes,
        status: int,
    ) -> None:
        mail_server.answers(code, text)
        email = queue()
        deliver_mail()
        email.refresh_from_db()
        assert email.status == status

    def test_tries_an_address_again_that_staff_had_sent_to_once_more(
        self, mail_server: MailServer, without_waking: Callable[[], None]
    ) -> None:
        """Refused for good last week; now the server is away: that is no refusal."""
        email = queue()
        Email.objects.update(status=STATUS.failed)
        email.logs.create(status=STATUS.failed, message="550", exception_type="RefusedForGood")
        email.refresh_from_db()
        mail.send_again(email)
        mail_server.is_away()
        deliver_mail()
        email.refresh_from_db()
        assert email.status == STATUS.requeued


@pytest.fixture
def without_waking(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mail, "_wake", lambda: None)


def mail_module() -> object:
    from post_office import mail as post_office

    return post_office
