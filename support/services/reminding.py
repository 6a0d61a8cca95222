"""Reminders of bills: a week before they are due, on the day, a week and a month after.

Each kind goes out once for a bill: on its day of the region's calendar, or within CATCH_UP after it
where nothing ran that day, and never later, so that a system that was switched on yesterday writes to
nobody about last year. A bill that is paid, canceled, disputed, on its way or paid by itself is not
reminded of.
"""

import datetime as dt
from collections.abc import Iterable

import structlog
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet

from accounts.models import Region
from billing.models import BillingAccount, Invoice
from common.batches import for_each
from common.clock import business_date
from common.locks import lock
from payments.hooks import drawn_by_themselves
from payments.models import Allocation, State
from support import emails
from support.models import Reminder, ReminderKind
from support.services import unsubscribing

log = structlog.get_logger(__name__)

# Days from the due date to each kind.
DAYS = {
    ReminderKind.BEFORE: -7,
    ReminderKind.DUE: 0,
    ReminderKind.WEEK_AFTER: 7,
    ReminderKind.MONTH_AFTER: 30,
}
CATCH_UP = dt.timedelta(days=3)


def remind(*, as_of: dt.datetime) -> int:
    """Queue every reminder that is due at a moment, in all regions; returns how many mails."""
    mails = sum(
        remind_region(region=region, on=business_date(region.time_zone, as_of), at=as_of)
        for region in Region.objects.order_by("pk")
    )
    if mails:
        log.info("reminders.queued", mails=mails)
    return mails


def remind_region(*, region: Region, on: dt.date, at: dt.datetime) -> int:
    """One region on a day of its calendar; one account that fails keeps no other waiting."""
    return sum(_remind(region, kind, on=on, at=at) for kind in ReminderKind)


def _remind(region: Region, kind: ReminderKind, *, on: dt.date, at: dt.datetime) -> int:
    keys = (
        _due(kind, on)
        .filter(account__region=region)
        .order_by("account_id")
        .values_list("account_id", flat=True)
        .distinct()
    )
    return for_each(
        list(keys),
        lambda key: _remind_account(key, kind, on=on, at=at),
        failing=f"{kind} reminders that could not be queued",
    )


@transaction.atomic
def _remind_account(account_id: int, kind: ReminderKind, *, on: dt.date, at: dt.datetime) -> bool:
    """One mail a due date; the account's lock keeps a payment from starting in between."""
    account = lock(
        BillingAccount.objects.select_related("guarantor__user", "region").filter(pk=account_id)
    )[0]
    user = account.guarantor.user
    if user is None or not user.is_active or not unsubscribing.wants_reminders(user):
        return False
    bills = list(_due(kind, on).filter(account=account).order_by("due_on", "pk"))
    by_itself = drawn_by_themselves([bill.pk for bill in bills])
    days: dict[dt.date, list[Invoice]] = {}
    for bill in bills:
        if bill.pk not in by_itself:
            days.setdefault(bill.due_on, []).append(bill)
    for invoices in days.values():
        mail = emails.reminder(user=user, region=account.region, kind=kind, invoices=invoices)
        _note(invoices, kind, at=at, mail_id=mail.pk)
    return bool(days)


def _note(invoices: Iterable[Invoice], kind: ReminderKind, *, at: dt.datetime, mail_id: int) -> None:
    """In the transaction of the mail; the unique row stops whoever comes second."""
    Reminder.objects.bulk_create(
        Reminder(invoice=invoice, kind=kind, sent_at=at, mail_id=mail_id) for invoice in invoices
    )


def _due(kind: ReminderKind, on: dt.date) -> QuerySet[Invoice]:
    """Bills of which this kind is due on a day, whoever their owner is."""
    day = on - dt.timedelta(days=DAYS[kind])
    reminded = Reminder.objects.filter(invoice=OuterRef("pk"), kind=kind)
    disputed = Allocation.objects.filter(invoice=OuterRef("pk"), payment__state=State.DISPUTED)
    return Invoice.objects.filter(
        ~Exists(reminded),
        ~Exists(disputed),
        Q(due_on__lte=day, due_on__gte=day - CATCH_UP),
        open_cents__gt=0,
        reserved_cents=0,
        account__guarantor__user__isnull=False,
    )
