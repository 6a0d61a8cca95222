"""Cards about to expire: their owners hear of it a month before and a week before, once each.

Where the network renews one, autopay goes on with it, also where we had stopped it by then.
"""

import datetime as dt

from django.db import transaction
from django.db.models import Exists, OuterRef

from accounts.models import Region
from autopay import emails
from autopay.models import Enrollment, EnrollmentEvent, EnrollmentState, StopReason
from autopay.retries import EXPIRED_CARD
from autopay.schedule import day_in_month
from autopay.services.enrollment import go_on_with_renewed
from autopay.services.locking import lock_enrollment
from common.batches import for_each
from payments.models import Payment, PaymentMethod

# So many days before the last day of the month that is printed on the card.
BEFORE = (30, 7)


def last_day(exp_year: int, exp_month: int) -> dt.date:
    """A card is good to the last day of the month that is printed on it."""
    return day_in_month(exp_year, exp_month, 31)


def announce_expiry(*, region: Region, as_of: dt.date) -> int:
    """Tell the owners of cards that expire within a month, or a week; returns how many were told."""
    soon = as_of + dt.timedelta(days=max(BEFORE))
    months = sorted({(as_of.year, as_of.month), (soon.year, soon.month)})
    found: set[int] = set()
    for year, month in months:
        found |= set(
            Enrollment.objects.filter(
                account__region=region,
                state__in=(EnrollmentState.ACTIVE, EnrollmentState.PAUSED),
                method__exp_year=year,
                method__exp_month=month,
            ).values_list("pk", flat=True)
        )
    return for_each(
        sorted(found),
        lambda pk: _announce(pk, as_of),
        failing="owners who could not be told that their card expires",
    )


def take_up_renewed(*, region: Region, as_of: dt.date) -> int:
    """Start what stopped because its card had expired and was renewed since; returns how many."""
    # When the card was tried counts, not when its refusal was taken in. Where its date alone stopped
    # the enrollment, the date of the renewed card says whether it can pay.
    refused_since = Payment.objects.filter(
        saved_method=OuterRef("method"),
        decline_code=EXPIRED_CARD,
        created_at__gte=OuterRef("method__renewed_at"),
    )
    renewed = Enrollment.objects.filter(
        account__region=region,
        state=EnrollmentState.STOPPED,
        stop_reason=StopReason.METHOD_EXPIRED,
        method__status=PaymentMethod.Status.ACTIVE,
        method__renewed_at__isnull=False,
    ).exclude(Exists(refused_since))
    return for_each(
        list(renewed.order_by("pk").values_list("pk", flat=True)),
        lambda pk: go_on_with_renewed(enrollment_id=pk),
        failing="enrollments that could not go on with a renewed card",
    )


@transaction.atomic
def _announce(enrollment_id: int, as_of: dt.date) -> bool:
    enrollment = lock_enrollment(enrollment_id)
    method = enrollment.method
    if method.exp_year is None or method.exp_month is None:
        return False
    expires_on = last_day(method.exp_year, method.exp_month)
    days_left = (expires_on - as_of).days
    due = [days for days in BEFORE if 0 <= days_left <= days]
    if not due:
        return False
    # Who is late for the first word gets the second one alone.
    detail = f"method {method.pk} {expires_on} {min(due)} days"
    told, new = EnrollmentEvent.objects.get_or_create(
        enrollment=enrollment, kind=EnrollmentEvent.Kind.EXPIRY, detail=detail
    )
    if new:
        emails.card_expires(enrollment=told.enrollment, last_day=expires_on)
    return new
