"""One receipt, stored and mailed exactly once, whatever dies, races or fails on the way."""

import datetime as dt
import errno
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
from django.core import mail as mailbox
from django.core.files.storage import FileSystemStorage
from django.db import connection
from post_office.models import Email

from billing import pdf
from common.clock import now
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from payments.models import Receipt
from payments.services import receipts
from payments.tasks import render_due_receipts, render_receipt
from tests.support import child, paying, pdfs
from tests.support.factories import make_invoice
from tests.support.receipts import editions

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.MEDIA_ROOT = tmp_path / "media"  # type: ignore[attr-defined]
    monkeypatch.setenv("MEDIA_ROOT", str(tmp_path / "media"))  # for child processes


@pytest.fixture
def due(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> Callable[[], Receipt]:
    """Settled payments whose renderer was never woken."""

    def settle() -> Receipt:
        with monkeypatch.context() as patch:
            patch.setattr(render_receipt, "delay", lambda receipt_id: None)
            payment = paying.pay(sandbox, make_invoice())
        return Receipt.objects.get(payment=payment)

    return settle


def later(**delta: float) -> dt.datetime:
    return now() + dt.timedelta(**delta)


def assert_done_once(receipt: Receipt) -> None:
    receipt.refresh_from_db()
    assert receipt.rendered_at is not None
    mail = Email.objects.get()
    assert (receipt.mail_id, mail.to) == (mail.pk, [receipt.email])
    assert mail.attachments.count() == 1
    for document in editions(receipt):
        assert "$120.00" in pdfs.text(document)


@pytest.mark.receipts
def test_settling_wakes_the_renderer_and_the_mail_reaches_the_payer(sandbox: Sandbox) -> None:
    payment = paying.pay(sandbox, make_invoice())

    assert_done_once(Receipt.objects.get(payment=payment))
    (mail,) = mailbox.outbox
    assert mail.to == [payment.paid_by.email]
    ((name, content, mimetype),) = mail.attachments
    assert (name, mimetype) == (f"receipt-{payment.reference}.pdf", "application/pdf")
    assert payment.reference in pdfs.text(content)


def test_a_receipt_that_nobody_was_woken_for_is_found(due: Callable[[], Receipt]) -> None:
    receipt = due()
    assert mailbox.outbox == []

    render_due_receipts()

    assert_done_once(receipt)


def test_running_it_again_changes_nothing(due: Callable[[], Receipt]) -> None:
    receipt = due()
    assert receipts.render(receipt_id=receipt.pk) is True
    receipt.refresh_from_db()
    first = (receipt.pdf, receipt.rendered_at, receipt.mail_id)

    for _ in range(3):
        assert receipts.render(receipt_id=receipt.pk, at=later(days=1)) is False
        assert receipts.render_due(at=later(days=1)) == 0
        deliver_mail()

    receipt.refresh_from_db()
    assert (receipt.pdf, receipt.rendered_at, receipt.mail_id) == first
    assert_done_once(receipt)
    assert len(mailbox.outbox) == 1


def test_two_renderers_at_the_same_moment_make_one(due: Callable[[], Receipt]) -> None:
    receipt = due()
    together = threading.Barrier(2)
    results: list[bool] = []

    def work() -> None:
        try:
            together.wait(timeout=60)
            results.append(receipts.render(receipt_id=receipt.pk))
        finally:
            connection.close()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)

    assert sorted(results) == [False, True]
    assert_done_once(receipt)


def test_a_slow_renderer_whose_claim_ran_out_gives_way_to_the_faster_one(
    due: Callable[[], Receipt], monkeypatch: pytest.MonkeyPatch
) -> None:
    receipt = due()
    overtaken: list[bool] = []

    def at_failpoint(name: str) -> None:
        if name == "payments.receipt_rendered" and not overtaken:
            overtaken.append(True)
            overtaken.append(receipts.render(receipt_id=receipt.pk, at=later(minutes=5)))

    monkeypatch.setattr(receipts, "failpoint", at_failpoint)
    assert receipts.render(receipt_id=receipt.pk) is False
    assert overtaken == [True, True]
    assert_done_once(receipt)


@pytest.mark.parametrize(
    "failpoint",
    [
        "payments.receipt_claimed",
        "payments.receipt_rendered",
        "payments.receipt_before_commit",
    ],
)
def test_killed_at_any_line_it_is_done_by_the_next(
    failpoint: str, due: Callable[[], Receipt], tmp_path: Path
) -> None:
    receipt = due()
    store = tmp_path / "stripe.sqlite"

    assert child.run(store, "render", receipt.pk, failpoint=failpoint) == -9
    receipt.refresh_from_db()
    assert (receipt.rendered_at, receipt.mailed_at, Email.objects.count()) == (None, None, 0)

    # For a minute it looks as if somebody was at it; the sweep after that does it.
    assert receipts.render_due() == 0
    assert receipts.render_due(at=later(minutes=1)) == 1
    assert_done_once(receipt)


class TestWhenItCannotBeDone:
    def test_a_full_disk_leaves_payment_and_receipt_as_they_were_and_is_tried_again(
        self, due: Callable[[], Receipt], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receipt = due()

        def full(self: object, name: str, content: object) -> str:
            raise OSError(errno.ENOSPC, "No space left on device")

        with monkeypatch.context() as patch:
            patch.setattr(FileSystemStorage, "_save", full)
            with pytest.raises(OSError, match="No space left"):
                receipts.render(receipt_id=receipt.pk)

        receipt.refresh_from_db()
        assert (receipt.rendered_at, receipt.pdf, Email.objects.count()) == (None, None, 0)
        assert receipt.payment.state == "succeeded"
        assert receipts.render_due(at=later(minutes=1)) == 1
        assert_done_once(receipt)

    def test_without_the_pdf_engine_it_waits_longer_each_time_and_is_never_given_up(
        self, due: Callable[[], Receipt], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        receipt = due()
        at, waits = now(), []

        def missing(*args: object, **kwargs: object) -> bytes:
            raise pdf.PdfUnavailable("no Pango")

        with monkeypatch.context() as patch:
            patch.setattr(pdf, "render", missing)
            for _ in range(12):
                with pytest.raises(pdf.PdfUnavailable):
                    receipts.render(receipt_id=receipt.pk, at=at)
                receipt.refresh_from_db()
                waits.append(int((receipt.claimed_until - at).total_seconds() / 60))
                assert receipts.render(receipt_id=receipt.pk, at=at) is False
                at = receipt.claimed_until

        assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 240, 240, 240, 240]
        assert receipts.render(receipt_id=receipt.pk, at=at) is True
        assert_done_once(receipt)

    def test_one_that_fails_keeps_no_other_waiting(
        self, due: Callable[[], Receipt], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        broken, fine = due(), due()
        real = receipts.content_of

        def fails_for_one(payment: object) -> object:
            if payment == broken.payment:
                raise ZeroDivisionError("a bug in one receipt")
            return real(payment)  # type: ignore[arg-type]

        monkeypatch.setattr(receipts, "content_of", fails_for_one)
        with pytest.raises(ExceptionGroup) as failures:
            receipts.render_due()

        assert [type(error) for error in failures.value.exceptions] == [ZeroDivisionError]
        broken.refresh_from_db()
        assert broken.rendered_at is None
        assert_done_once(fine)

    def test_a_sweep_does_the_oldest_first_and_no_more_than_asked(
        self, due: Callable[[], Receipt]
    ) -> None:
        made = [due() for _ in range(3)]
        assert receipts.render_due(limit=2) == 2
        for receipt in made:
            receipt.refresh_from_db()
        assert [receipt.rendered_at is not None for receipt in made] == [True, True, False]


def test_a_payer_without_an_address_has_a_receipt_and_gets_no_mail(due: Callable[[], Receipt]) -> None:
    receipt = due()
    Receipt.objects.filter(pk=receipt.pk).update(email="")

    assert receipts.render(receipt_id=receipt.pk) is True

    receipt.refresh_from_db()
    assert (receipt.mailed_at, receipt.mail_id, Email.objects.count()) == (None, None, 0)
    assert "$120.00" in pdfs.text(bytes(receipt.pdf))
