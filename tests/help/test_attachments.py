"""Only pictures and PDFs go into a chat, by what is in them; they come out as downloads."""

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from billing import pdf
from billing.models import BillingAccount
from support.models import MAX_ATTACHMENT_BYTES, ChatFile, Conversation
from support.services.attachments import NotAccepted, TooLarge, look_into
from tests.support.chat import attach, make_conversation, picture
from tests.support.factories import make_account

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


class TestLookingIntoAFile:
    @pytest.mark.parametrize(
        ("content", "name", "stored"),
        [
            (picture("PNG"), "photo.png", "photo.png"),
            (picture("JPEG"), "photo.png", "photo.jpg"),
            (SMALL_PDF, r"C:\letters\My letter.PDF", "My letter.pdf"),
            (picture("PNG"), "../../etc/passwd\r\nX: y", "passwd_X_ y.png"),
            (picture("PNG"), "", "file.png"),
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
            SMALL_PDF.replace(b"/Count 0", b"/JS (app)"),
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
