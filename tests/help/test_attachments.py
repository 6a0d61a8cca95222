"""Only pictures and PDFs go into a chat, by what is in them; they come out as downloads."""

import datetime as dt
import io

import pytest
from django.contrib.auth.models import AnonymousUser
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client, RequestFactory
from django.urls import reverse
from PIL import Image

from accounts.roles import Role
from billing import pdf
from billing.models import BillingAccount
from common.clock import now
from support.models import MAX_ATTACHMENT_BYTES, ChatFile, Conversation, Message
from support.services import chat, links
from support.services.attachments import NotAccepted, TooLarge, look_into
from support.views import chat as views
from tests.races.test_double_submission import at_once
from tests.support.chat import attach, make_conversation, picture
from tests.support.factories import make_account, make_staff

SMALL_PDF = b"""%PDF-1.4
1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj
2 0 obj<</Type/Pages/Kids[]/Count 0>>endobj
xref
0 3
0000000000 65535 f
0000000009 00000 n
0000000052 00000 n
trailer<</Size 3/Root 1 0 R>>
startxref
96
%%EOF
"""


def two_in_one() -> bytes:
    """A JPEG of two pictures, as a telephone's camera makes it."""
    out, first = io.BytesIO(), Image.new("RGB", (8, 8), "red")
    first.save(out, "MPO", save_all=True, append_images=[Image.new("RGB", (4, 4), "blue")])
    return out.getvalue()


class TestLookingIntoAFile:
    @pytest.mark.parametrize(
        ("content", "name", "stored"),
        [
            (picture("PNG"), "photo.png", "photo.png"),
            (picture("JPEG"), "photo.png", "photo.jpg"),
            (SMALL_PDF, r"C:\letters\My letter.PDF", "My letter.pdf"),
            (picture("PNG"), "../../etc/passwd\r\nX: y", "passwd_X_ y.png"),
            (picture("PNG"), "", "file.png"),
            (two_in_one(), "IMG_0001.JPG", "IMG_0001.jpg"),
            (SMALL_PDF.replace(b"/Count 0", b"/JS%\xc3( 0"), "statement.pdf", "statement.pdf"),
            (picture("PNG"), "4242 4242 4242 4242.png", "_card number removed_.png"),
            (picture("PNG"), "my 4242~~~~4242~4242~4242", "my [card number removed].png"),
            (picture("PNG"), "4242.4242.4242.4242", "_card number removed_.png"),
        ],
    )
    def test_takes_pictures_and_pdfs_under_names_that_fit(
        self, content: bytes, name: str, stored: str
    ) -> None:
        assert look_into(name=name, content=content).name == stored

    def test_takes_a_pdf_that_we_made(self) -> None:
        made = pdf.render("pdf/base.html", {"language": "en", "title": "x"}, title="x", language="en")
        assert look_into(name="x.pdf", content=made).kind == ChatFile.Kind.PDF

    @pytest.mark.parametrize(
        "content",
        [
            b"%PDF-1.4\nthis is a program",
            SMALL_PDF.replace(b"96", b"20"),  # no cross-reference table there
            SMALL_PDF.replace(b"%%EOF", b""),
            picture("PNG")[:40],
            picture("GIF"),
            b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
            b"MZ\x90\x00 a program",
            b"",
        ],
    )
    def test_refuses_everything_else_whatever_it_is_called(self, content: bytes) -> None:
        with pytest.raises(NotAccepted):
            look_into(name="letter.pdf", content=content)

    def test_refuses_what_is_too_large_or_would_fill_the_memory(self) -> None:
        with pytest.raises(TooLarge):
            look_into(name="a.png", content=picture() + b"x" * MAX_ATTACHMENT_BYTES)
        with pytest.raises(TooLarge):
            look_into(name="a.png", content=picture(size=(10_000, 6_001)))


@pytest.mark.django_db
class TestSendingOne:
    @pytest.fixture
    def account(self) -> BillingAccount:
        return make_account()

    @pytest.fixture
    def conversation(self, account: BillingAccount) -> Conversation:
        return make_conversation(account)

    @pytest.fixture
    def ada(self, account: BillingAccount) -> Client:
        client = Client()
        client.force_login(account.guarantor.user)
        return client

    def test_it_arrives_and_is_served_as_a_download_only(
        self, ada: Client, conversation: Conversation
    ) -> None:
        url = reverse("chat:attach", args=[conversation.pk])
        sent = SimpleUploadedFile("bill.html", SMALL_PDF, content_type="text/html")
        assert ada.post(url, {"file": sent}).status_code == 302
        file = ChatFile.objects.get()
        page = ada.get(reverse("chat:show", args=[conversation.pk])).content.decode()
        link = reverse("chat:file", args=[conversation.pk, file.pk])
        assert link in page
        response = ada.get(link)
        assert response.content == SMALL_PDF
        assert response.headers["Content-Type"] == "application/pdf"
        assert response.headers["Content-Disposition"] == 'attachment; filename="bill.pdf"'
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Cache-Control"] == "no-store, private"

    def test_a_pdf_that_is_not_one_is_refused_with_what_to_do(
        self, ada: Client, conversation: Conversation
    ) -> None:
        url = reverse("chat:attach", args=[conversation.pk])
        response = ada.post(url, {"file": SimpleUploadedFile("a.pdf", b"%PDF-1.7 no")})
        assert response.status_code == 422
        assert "not a picture or PDF" in response.content.decode()
        assert not ChatFile.objects.exists()

    def test_more_than_five_megabytes_are_refused(
        self, ada: Client, conversation: Conversation
    ) -> None:
        url = reverse("chat:attach", args=[conversation.pk])
        large = SimpleUploadedFile("a.png", b"x" * (MAX_ATTACHMENT_BYTES + 1))
        assert ada.post(url, {"file": large}).status_code == 422
        huge = SimpleUploadedFile("a.png", b"x" * (MAX_ATTACHMENT_BYTES + 100_000))
        response = ada.post(url, {"file": huge})
        assert response.status_code == 413
        assert "larger than 5 MB" in response.content.decode()
        assert not ChatFile.objects.exists()

    @pytest.mark.parametrize(
        ("limits", "taken"),
        [
            (chat.FileLimits(count=2, size=10_000), 2),
            (chat.FileLimits(count=9, size=3 * len(SMALL_PDF)), 3),
        ],
    )
    @pytest.mark.parametrize("guest", [True, False])
    def test_one_conversation_takes_so_many_files_and_bytes_a_day(
        self, monkeypatch: pytest.MonkeyPatch, guest: bool, limits: chat.FileLimits, taken: int
    ) -> None:
        monkeypatch.setattr(chat, "FILES_OF_GUESTS" if guest else "FILES_OF_MEMBERS", limits)
        conversation = make_conversation(None if guest else make_account())
        file, at = look_into(name="a.pdf", content=SMALL_PDF), now()
        for _ in range(taken):
            chat.write_as_person(conversation=conversation, text="", file=file, at=at)
        with pytest.raises(chat.TooManyFiles):
            chat.write_as_person(conversation=conversation, text="", file=file, at=at)
        assert ChatFile.objects.count() == taken
        # Words are still taken, our files are not counted, and tomorrow is another day.
        chat.write_as_person(conversation=conversation, text="So I write", at=at)
        agent = make_staff(Role.BILLING_AGENT)
        chat.write_as_staff(conversation=conversation, by=agent, text="", file=file, at=at)
        tomorrow = at + dt.timedelta(days=1)
        chat.write_as_person(conversation=conversation, text="", file=file, at=tomorrow)
        assert ChatFile.objects.count() == taken + 2

    def test_guests_are_given_less_than_members(self) -> None:
        guests, members = chat.FILES_OF_GUESTS, chat.FILES_OF_MEMBERS
        assert (guests.count, guests.size) < (members.count, members.size)

    @pytest.mark.parametrize(("guest", "most"), [(True, 10), (False, 30)])
    def test_one_address_sends_only_so_many_an_hour_and_is_told(self, guest: bool, most: int) -> None:
        client, account = Client(), None if guest else make_account()
        if account is not None:
            client.force_login(account.guarantor.user)
        conversation = make_conversation(account)
        request = RequestFactory().post("/")
        request.user = AnonymousUser() if account is None else account.guarantor.user
        for _ in range(most):
            views._count_upload(request)
        if account is None:
            client.post(links.issue(conversation=conversation, at=now()))
        url = reverse("chat:attach", args=[conversation.pk])
        response = client.post(url, {"file": SimpleUploadedFile("a.pdf", SMALL_PDF)})
        assert response.status_code == 422
        assert "We take no more files for now" in response.content.decode()
        assert not ChatFile.objects.exists()

    def test_nobody_else_gets_it_not_even_through_a_conversation_of_their_own(
        self, conversation: Conversation
    ) -> None:
        file = attach(conversation)
        other = make_account()
        client = Client()
        client.force_login(other.guarantor.user)
        own = make_conversation(other)
        for pk in (conversation.pk, own.pk):
            assert client.get(reverse("chat:file", args=[pk, file.pk])).status_code == 404


@pytest.mark.django_db(transaction=True)
def test_uploads_at_once_are_counted_one_after_the_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "FILES_OF_GUESTS", chat.FileLimits(count=2, size=10_000))
    conversation, file = make_conversation(None), look_into(name="a.pdf", content=SMALL_PDF)

    def send(_: int) -> Message:
        return chat.write_as_person(conversation=conversation, text="", file=file, at=now())

    ended = at_once(5, send)
    assert sum(isinstance(end, Message) for end in ended) == 2
    assert sum(isinstance(end, chat.TooManyFiles) for end in ended) == 3
    assert ChatFile.objects.count() == 2
