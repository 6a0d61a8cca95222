"""A simulated year of reminders: each exactly once for a bill, and none where none is due."""

import datetime as dt

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from autopay.services import enrollment, planning
from billing.models import BillingAccount, Invoice
from billing.services import invoices
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments import hooks
from payments.models import Payment, State
from support.models import Reminder, ReminderKind
from support.services import reminding, unsubscribing
from tests.support import autopay, methods, paying
from tests.support.factories import make_account, make_invoice, make_member, make_region
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db

DUE = dt.date(2026, 3, 8)  # the day on which clocks go forward
NOON = dt.time(20, tzinfo=dt.UTC)  # noon in California, ten in Hawaii


def moment(day: dt.date) -> dt.datetime:
    return dt.datetime.combine(day, NOON)


def on(days_from_due: int) -> dt.datetime:
    return moment(DUE + dt.timedelta(days=days_from_due))


def kinds(invoice: Invoice) -> list[str]:
    return list(invoice.reminders.order_by("pk").values_list("kind", flat=True))


def bill(account: BillingAccount | None = None, due_on: dt.date = DUE, **more: object) -> Invoice:
    return make_invoice(account or make_account(), due_on=due_on, **more)  # type: ignore[arg-type]


def test_a_year_leaves_four_reminders_of_a_bill_that_is_never_paid_and_no_more(
    sandbox: Sandbox,
) -> None:
    never_paid, other_account = bill(), bill(due_on=dt.date(2026, 7, 31))
    paid_in_time, paid_late = bill(), bill()
    canceled = bill()
    invoices.void(invoice=canceled)
    nobody_registered = bill(make_account(make_member(registered=False)))
    day, end = dt.date(2026, 1, 1), dt.date(2026, 12, 31)
    interesting = {
        due + dt.timedelta(days=days + more)
        for due in (DUE, dt.date(2026, 7, 31))
        for days in reminding.DAYS.values()
        for more in (-1, 0, 1)
    }
    others = {day + dt.timedelta(days=14 * number) for number in range(27)}
    for each in sorted(day for day in interesting | others if day <= end):
        if each == DUE - dt.timedelta(days=1):
            paying.pay(sandbox, paid_in_time)
        if each == DUE + dt.timedelta(days=8):
            paying.pay(sandbox, paid_late)
        reminding.remind(as_of=moment(each))
        if each in interesting:
            reminding.remind(as_of=moment(each) + dt.timedelta(hours=1))
    every = [kind.value for kind in ReminderKind]
    assert kinds(never_paid) == kinds(other_account) == every
    assert kinds(paid_in_time) == ["before"]
    assert kinds(paid_late) == ["before", "due", "week_after"]
    assert kinds(canceled) == kinds(nobody_registered) == []
    assert Reminder.objects.count() == 12
    reminded = [m for m in Email.objects.all() if "List-Unsubscribe" in (m.headers or {})]
    assert len(reminded) == 12


@pytest.mark.parametrize(
    ("days", "expected"),
    [(-8, []), (-7, ["before"]), (-4, ["before"]), (-3, []), (0, ["due"]), (3, ["due"]), (4, []),
     (7, ["week_after"]), (11, []), (30, ["month_after"]), (33, ["month_after"]), (34, [])],
)  # fmt: skip
def test_a_day_on_which_nothing_ran_is_caught_up_within_three_days_and_no_later(
    days: int, expected: list[str]
) -> None:
    invoice = bill()
    reminding.remind(as_of=on(days))
    assert kinds(invoice) == expected


def test_the_day_is_that_of_the_region() -> None:
    hawaii = bill(make_account(make_member(region=make_region("HI"))))
    georgia = bill(make_account(make_member(region=make_region("GA"))))
    early = dt.datetime.combine(DUE - dt.timedelta(days=7), dt.time(6), tzinfo=dt.UTC)
    reminding.remind(as_of=early)  # 1 a.m. in Georgia; in Hawaii it is the day before
    assert (kinds(georgia), kinds(hawaii)) == (["before"], [])
    reminding.remind(as_of=early + dt.timedelta(hours=5))
    assert (kinds(georgia), kinds(hawaii)) == (["before"], ["before"])


def test_one_mail_names_all_bills_of_a_day_by_number_and_amount_and_no_service() -> None:
    account = make_account()
    first = bill(account, total_cents=10_00, provider="Oncology Center", number="B-1")
    bill(account, total_cents=32_10, provider="Oncology Center", number="B-2")
    bill(account, due_on=DUE + dt.timedelta(days=1))
    assert reminding.remind(as_of=on(-7)) == 1
    (mail,) = mails_to(account.guarantor.user.email)
    assert mail.subject == "$42.10 due on March 8, 2026"
    assert "B-1: $10.00" in mail.message
    assert "B-2: $32.10" in mail.message
    assert "Oncology" not in mail.message + mail.html_message + mail.subject
    assert first.reminders.get().mail_id == mail.pk


def test_a_bill_whose_money_is_on_its_way_or_disputed_is_not_reminded_of(sandbox: Sandbox) -> None:
    on_its_way = bill()
    method = methods.add(sandbox, on_its_way.account, methods.BANK)
    assert methods.pay_with_saved(on_its_way, method).state == State.PROCESSING
    disputed = bill(total_cents=100_00)
    payment = paying.pay(sandbox, disputed, 60_00)
    Payment.objects.filter(pk=payment.pk).update(state=State.DISPUTED)
    partly_paid = bill(total_cents=100_00)
    paying.pay(sandbox, partly_paid, 60_00)
    reminding.remind(as_of=on(0))
    assert kinds(on_its_way) == kinds(disputed) == []
    assert kinds(partly_paid) == ["due"]
    (mail,) = [m for m in mails_to(partly_paid.account.guarantor.user.email) if "today" in m.subject]
    assert mail.subject == "$40.00 due today"


def test_a_bill_that_is_paid_by_itself_is_not_reminded_of(monkeypatch: pytest.MonkeyPatch) -> None:
    account = make_account()
    drawn, other = bill(account), bill(account)
    monkeypatch.setattr(hooks, "_draws", [lambda keys: {drawn.pk} & set(keys)])
    reminding.remind(as_of=on(0))
    assert (kinds(drawn), kinds(other)) == ([], ["due"])


def test_a_bill_that_autopay_will_draw_is_not_reminded_of_until_autopay_ends(
    sandbox: Sandbox,
) -> None:
    stands = autopay.enrolled(sandbox)
    region = stands.account.region
    today = business_date(region.time_zone)
    drawn = bill(stands.account, due_on=today + dt.timedelta(days=30))
    planning.plan_region(region=region, as_of=today)
    reminding.remind(as_of=moment(drawn.due_on - dt.timedelta(days=7)))
    assert kinds(drawn) == []
    enrollment.cancel(enrollment=stands, **autopay.by(stands))  # type: ignore[arg-type]
    reminding.remind(as_of=moment(drawn.due_on))
    assert kinds(drawn) == ["due"]


def test_the_mail_speaks_spanish_to_who_chose_it() -> None:
    account = make_account()
    user = account.guarantor.user
    user.language = "es"
    user.save()
    bill(account)
    reminding.remind(as_of=on(0))
    (mail,) = mails_to(user.email)
    assert 'lang="es"' in mail.html_message


def test_a_second_reminder_of_one_kind_is_refused_by_postgresql() -> None:
    invoice = bill()
    reminding.remind(as_of=on(0))
    first = invoice.reminders.get()
    with pytest.raises(IntegrityError), transaction.atomic():
        Reminder.objects.create(
            invoice=invoice, kind=first.kind, sent_at=first.sent_at, mail_id=first.mail_id
        )


class TestNotWanted:
    def test_the_mails_own_link_ends_them_with_a_button_and_without_logging_in(self) -> None:
        account = make_account()
        invoice = bill(account)
        reminding.remind(as_of=on(-7))
        (mail,) = mails_to(account.guarantor.user.email)
        link = mail.headers["List-Unsubscribe"].strip("<>").removeprefix("http://testserver")
        assert link in mail.message
        assert mail.headers["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
        Client().get(link)  # a scanner that opens every link ends nothing
        assert unsubscribing.wants_reminders(account.guarantor.user)
        strict = Client(enforce_csrf_checks=True)  # as a mail program posts it
        assert strict.post(link, {"List-Unsubscribe": "One-Click"}).status_code == 200
        reminding.remind(as_of=on(0))
        assert kinds(invoice) == ["before"]

    def test_the_switch_on_the_page_goes_both_ways(self) -> None:
        account = make_account()
        invoice, client = bill(account), Client()
        client.force_login(account.guarantor.user)
        client.post(reverse("reminders"), {"wanted": "no"})
        assert "Reminders are off" in client.get(reverse("reminders")).content.decode()
        reminding.remind(as_of=on(-7))
        client.post(reverse("reminders"), {"wanted": "yes"})
        reminding.remind(as_of=on(0))
        assert kinds(invoice) == ["due"]

    def test_a_link_that_is_not_ours_ends_nothing(self) -> None:
        account = make_account()
        forged = reverse("reminders_stop", args=[f"{account.guarantor.user.pk}.forged"])
        assert Client().post(forged).status_code == 404
        assert unsubscribing.wants_reminders(account.guarantor.user)

    def test_the_mail_leads_to_paying(self) -> None:
        account = make_account()
        bill(account)
        reminding.remind(as_of=on(0))
        (mail,) = mails_to(account.guarantor.user.email)
        assert link_in(mail) == reverse("payments:choose")
