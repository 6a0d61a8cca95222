"""No draw without a delivered notice of that amount, ten days before (12 CFR 1005.10(d)(1))."""

import datetime as dt

import pytest
from post_office.models import STATUS, Email

from autopay.models import Draft, DraftState, Notice, NoticeState, Reason
from autopay.services import notices, planning
from billing.services import invoices
from common.mail import send_again
from common.tasks import deliver_mail
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt
from payments.services import receipts, refunds
from staff.lists import LISTS
from tests.support import paying
from tests.support.autopay import (
    DUE,
    START,
    Calendar,
    announced,
    assert_invariants,
    bill,
    draft_of,
    enrolled,
    run,
    work,
)
from tests.support.factories import make_staff
from tests.support.mail import MailServer, mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft(sandbox: Sandbox, calendar: Calendar) -> Draft:
    return announced(enrolled(sandbox))


def test_a_notice_names_amount_and_date_and_goes_out_once(draft: Draft) -> None:
    region = draft.enrollment.account.region
    work(region, draw=False)
    work(region, draw=False)
    told = [
        mail
        for mail in mails_to(draft.enrollment.account.guarantor.user.email)
        if "We will draw" in mail.subject
    ]
    assert [mail.subject for mail in told] == ["We will draw $120.00 on Nov. 16, 2026"]
    assert "Lake Clinic" not in told[0].message
    assert Notice.objects.count() == 1


def test_a_notice_that_waits_in_the_outbox_does_not_count(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox)
    region = stands.account.region
    invoice = bill(stands, due_on=DUE)
    planning.plan_region(region=region, as_of=START)
    notices.announce_due(region=region, as_of=START)
    Email.objects.filter(subject__startswith="We will").update(status=STATUS.requeued)
    notices.follow_up(region=region, as_of=START)
    assert draft_of(invoice).state == DraftState.PLANNED
    calendar.go_to(DUE)
    run(region)
    assert charged(sandbox) == {}


def test_a_bill_that_grew_is_announced_anew_and_drawn_later(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    """A payment of a part is refunded after the notice: the bill asks for more than was announced."""
    stands = draft.enrollment
    part = bill(stands, 90_00, due_on=DUE)
    payment = paying.pay(sandbox, part, 40_00)
    work(stands.account.region, draw=False)
    announced_part = draft_of(part)
    assert announced_part.noticed_cents == 50_00
    refunds.request(
        payment=payment,
        amount_cents=40_00,
        destination="source",
        reason="twice",
        requested_by=make_staff(None),
    )

    calendar.go_to(DUE)
    run(stands.account.region)
    announced_part.refresh_from_db()
    assert announced_part.state == DraftState.PLANNED
    assert announced_part.draw_on == dt.date(2026, 11, 27)
    work(stands.account.region)
    announced_part.refresh_from_db()
    assert announced_part.noticed_cents == 90_00
    assert [notice.amount_cents for notice in announced_part.notices.order_by("number")] == [
        50_00,
        90_00,
    ]


def test_a_bill_that_shrank_is_drawn_for_less_under_the_same_notice(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    mine = paying.pay(sandbox, draft.invoice, 20_00)
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    payment = Payment.objects.get(payer="autopay")
    assert charged(sandbox) == {mine.reference: 20_00, payment.reference: 100_00}
    assert Notice.objects.count() == 1
    paying.assert_invariants(sandbox)


def test_a_bill_paid_before_is_skipped_and_its_owner_told_once(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    mine = paying.pay(sandbox, draft.invoice)
    calendar.go_to(DUE)
    work(draft.enrollment.account.region)
    work(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.SKIPPED, Reason.PAID)
    assert charged(sandbox) == {mine.reference: 120_00}
    told = mails_to(draft.enrollment.account.guarantor.user.email)
    assert [mail.subject for mail in told].count("The draw of $120.00 is not made") == 1


def test_a_canceled_bill_is_not_drawn(draft: Draft, calendar: Calendar, sandbox: Sandbox) -> None:
    invoices.void(invoice=draft.invoice)
    calendar.go_to(DUE)
    run(draft.enrollment.account.region)
    draft.refresh_from_db()
    assert (draft.state, draft.reason) == (DraftState.SKIPPED, Reason.NOTHING_OWED)
    assert charged(sandbox) == {}
    told = mails_to(draft.enrollment.account.guarantor.user.email)[-1].message
    assert "The bill was canceled: nothing is owed on it." in told
    assert "has been paid" not in told


def test_row_39_a_bounced_notice_blocks_its_draw_until_there_is_another_address(
    sandbox: Sandbox, calendar: Calendar, mail_server: MailServer
) -> None:
    stands = enrolled(sandbox)
    region, user = stands.account.region, stands.account.guarantor.user
    invoice = bill(stands, due_on=DUE)
    mail_server.answers(550, b"5.1.1 no such mailbox")
    work(region)

    draft = draft_of(invoice)
    assert (draft.state, draft.reason) == (DraftState.HELD, Reason.NOTICE_BOUNCED)
    assert Notice.objects.get().state == NoticeState.BOUNCED
    assert draft in LISTS["draws"].rows()
    assert Notice.objects.get().mail in LISTS["mails"].rows()
    calendar.go_to(DUE)
    work(region)
    assert charged(sandbox) == {}
    assert Notice.objects.count() == 1
    mine = paying.pay(sandbox, bill(stands, 33_00, due_on=DUE))  # no payment waits for a mail
    assert charged(sandbox) == {mine.reference: 33_00}
    mail_server.is_well()

    user.email = "another@example.com"
    user.save()
    work(region)
    draft.refresh_from_db()
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, dt.date(2026, 11, 27))
    calendar.go_to(draft.draw_on)
    run(region)
    assert sorted(charged(sandbox).values()) == [33_00, 120_00]
    assert_invariants(sandbox)


def test_row_39_staff_have_a_bounced_notice_sent_again_and_the_draw_is_announced_anew(
    sandbox: Sandbox, calendar: Calendar, mail_server: MailServer
) -> None:
    """The mailbox was closed for a while: the address is the same, and works again."""
    stands = enrolled(sandbox)
    region = stands.account.region
    invoice = bill(stands, due_on=DUE)
    mail_server.answers(550, b"5.2.1 mailbox disabled")
    work(region)
    assert draft_of(invoice).reason == Reason.NOTICE_BOUNCED

    mail_server.is_well()
    send_again(Email.objects.get(subject__startswith="We will"))
    work(region)  # delivered now
    work(region)
    draft = draft_of(invoice)
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, DUE)
    assert list(draft.notices.order_by("number").values_list("state", flat=True)) == [
        NoticeState.BOUNCED,
        NoticeState.DELIVERED,
    ]
    calendar.go_to(draft.draw_on)
    run(region)
    assert list(charged(sandbox).values()) == [120_00]
    assert_invariants(sandbox)


@pytest.mark.receipts
@pytest.mark.parametrize("answer", [None, (451, b"4.7.1 greylisted")])
def test_row_39_a_mail_server_away_or_busy_for_24_hours_delays_mails_and_no_draw(
    sandbox: Sandbox,
    calendar: Calendar,
    mail_server: MailServer,
    answer: tuple[int, bytes] | None,
) -> None:
    """Of two bills one is drawn meanwhile, and the other one announced."""
    stands = enrolled(sandbox)
    region, drawn = stands.account.region, announced(stands)
    later = bill(stands, 45_00, due_on=DUE + dt.timedelta(days=14))
    if answer is None:
        mail_server.is_away()
    else:
        mail_server.answers(*answer)
    taken = len(mail_server.taken)

    for hour in range(0, 24, 2):
        calendar.go_to(DUE, hour=hour)
        work(region)
    drawn.refresh_from_db()
    assert drawn.state == DraftState.DRAWN
    receipts.render(receipt_id=Receipt.objects.get().pk)
    deliver_mail()
    assert list(charged(sandbox).values()) == [120_00]
    assert (len(mail_server.taken), draft_of(later).state) == (taken, DraftState.PLANNED)

    mail_server.is_well()
    for hour in (1, 2, 3):
        calendar.go_to(DUE + dt.timedelta(days=1), hour=hour)
        work(region)

    assert sorted(mail.subject for mail in mail_server.taken[taken:]) == [
        "Receipt for your payment of $120.00",
        "We will draw $45.00 on Nov. 30, 2026",
    ]
    assert (draft_of(later).state, draft_of(later).noticed_on) == (
        DraftState.NOTICED,
        DUE + dt.timedelta(days=1),
    )
    calendar.go_to(DUE + dt.timedelta(days=14))
    work(region)
    assert sorted(charged(sandbox).values()) == [45_00, 120_00]
    assert_invariants(sandbox)


@pytest.mark.parametrize(("days", "on"), [(3, DUE), (4, DUE), (5, dt.date(2026, 11, 18))])
def test_row_39_a_mail_server_that_is_away_for_days_moves_the_draw_only_where_the_law_asks(
    sandbox: Sandbox, calendar: Calendar, days: int, on: dt.date
) -> None:
    stands = enrolled(sandbox)
    region = stands.account.region
    invoice = bill(stands, due_on=DUE)
    planning.plan_region(region=region, as_of=START)
    notices.announce_due(region=region, as_of=START)

    calendar.go_to(START + dt.timedelta(days=days))
    work(region)  # the mail server is back
    work(region)

    draft = draft_of(invoice)
    assert (draft.state, draft.draw_on) == (DraftState.NOTICED, on)
    assert (draft.draw_on - draft.noticed_on).days >= 10
    calendar.go_to(on)
    run(region)
    assert list(charged(sandbox).values()) == [120_00]
    told = [mail.subject for mail in mails_to(stands.account.guarantor.user.email)]
    # Announced once, or, where the law asks for another day, once more with that day.
    assert len([subject for subject in told if subject.startswith("We will")]) == 1 + (on != DUE)
    assert_invariants(sandbox)


def test_a_payment_that_came_back_is_announced_again(
    draft: Draft, calendar: Calendar, sandbox: Sandbox
) -> None:
    mine = paying.pay(sandbox, draft.invoice)
    work(draft.enrollment.account.region)
    refunds.request(
        payment=mine,
        amount_cents=120_00,
        destination="source",
        reason="not mine",
        requested_by=make_staff(None),
    )
    work(draft.enrollment.account.region, draw=False)
    draft.refresh_from_db()
    assert draft.state == DraftState.NOTICED
    assert draft.notices.count() == 2
