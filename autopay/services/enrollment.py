"""What a member does with autopay. Each takes effect at once, in one transaction with its mail.

Everything takes the lock of the billing account first, as a draw does: a change finds a draw either
submitted, and then says so, or prevents it.
"""

import datetime as dt
from dataclasses import dataclass, replace

from django.db import IntegrityError, transaction

from accounts.models import User
from autopay import emails, letters
from autopay.exceptions import (
    AlreadyEnrolled,
    AlreadySent,
    BadChoice,
    NoAddress,
    NotAgreed,
    NotEnrolled,
)
from autopay.models import (
    Draft,
    DraftState,
    Enrollment,
    EnrollmentEvent,
    EnrollmentState,
    Reason,
    StopReason,
)
from autopay.services import moves, notices, planning
from autopay.services.locking import lock_account, lock_draft, lock_drafts, lock_enrollment
from autopay.terms import Choice, check_day, check_limit, choice_of, for_autopay
from billing.models import BillingAccount
from common import references
from common.clock import business_date, now
from payments import authorizations
from payments.authorizations import Agreement
from payments.gateway import Consent
from payments.models import PaymentEvent, PaymentMethod, State
from payments.services import settlement
from payments.services.methods import can_pay, check_usable

REFERENCE_LENGTH = 7  # and a check character: two blocks of four
Kind = EnrollmentEvent.Kind


@dataclass(frozen=True, slots=True)
class Proof:
    """A cancellation, dated: what will not be drawn, and what had been sent before."""

    reference: str
    canceled_at: dt.datetime
    canceled: tuple[Draft, ...]
    sent: tuple[str, ...]  # references of payments


def enroll(*, account: BillingAccount, choice: Choice, agreement: Agreement, by: User) -> Enrollment:
    """Start autopay of a scope. `agreement` is to the terms of exactly this choice.

    Raises AlreadyEnrolled, BadChoice, NoAddress, NotAgreed or payments' MethodNotUsable (also for
    another account's method), and then nothing has changed.
    """
    try:
        with transaction.atomic():
            return _enroll(lock_account(account.pk), choice, agreement, by)
    except IntegrityError as error:
        if "one_enrollment_for_a_scope" not in str(error):
            raise
        raise AlreadyEnrolled(choice.scope) from error


def _enroll(account: BillingAccount, choice: Choice, agreement: Agreement, by: User) -> Enrollment:
    today = business_date(account.region.time_zone)
    method = _fresh(choice.method)
    check_usable(method, account=account, on=today)
    if choice.starts_on < today:
        raise BadChoice("starts_on")
    _check_agreed(account, choice, agreement)
    open_ones = Enrollment.objects.filter(account=account, scope=choice.scope)
    if open_ones.exclude(state=EnrollmentState.CANCELED).exists():
        raise AlreadyEnrolled(choice.scope)
    enrollment = Enrollment.objects.create(
        reference=references.generate("AP-", REFERENCE_LENGTH),
        account=account,
        scope=choice.scope,
        method=method,
        authorization=authorizations.record(account=account, agreement=agreement, given_by=by),
        enrolled_by=by,
        day_of_month=choice.day_of_month,
        limit_cents=choice.limit_cents,
        starts_on=choice.starts_on,
        use_balance=choice.use_balance,
    )
    if letters.reader(enrollment) is None:
        raise NoAddress(account.account_number)
    _note(enrollment, Kind.ENROLLED, by, agreement.consent, signed=True)
    emails.enrolled(enrollment=enrollment)
    planning.plan(enrollment=enrollment, as_of=today)
    notices.announce_at_once(enrollment=enrollment, as_of=today)
    return enrollment


def _fresh(method: PaymentMethod) -> PaymentMethod:
    """As it stands under the account's lock: it may have been removed since the page was shown."""
    return PaymentMethod.objects.get(pk=method.pk)


def _check_agreed(account: BillingAccount, choice: Choice, agreement: Agreement) -> None:
    """The stored text must be the one that this choice makes, in the language it was read in."""
    if agreement.terms.sha256 != for_autopay(region=account.region, choice=choice).sha256:
        raise NotAgreed(choice.scope)


@transaction.atomic
def change_method(
    *, enrollment: Enrollment, method: PaymentMethod, agreement: Agreement, by: User
) -> Enrollment:
    """Draw from another method; needs an authorization of its own. Starts what we had stopped, unless
    its owner had paused it before.

    The agreement is to the terms of `replace(choice_of(enrollment), method=method)`. Draws that were
    announced keep their notice: amount and day are the same. Raises NotEnrolled, NotAgreed or
    payments' MethodNotUsable.
    """
    enrollment = _open(enrollment)
    account, method = enrollment.account, _fresh(method)
    today = business_date(account.region.time_zone)
    check_usable(method, account=account, on=today)
    _check_agreed(account, replace(choice_of(enrollment), method=method), agreement)
    was_stopped = enrollment.state == EnrollmentState.STOPPED
    enrollment.method = method
    enrollment.authorization = authorizations.record(account=account, agreement=agreement, given_by=by)
    if was_stopped:
        enrollment.state, enrollment.stop_reason = _before_the_stop(enrollment), ""
    enrollment.save()
    _note(enrollment, Kind.METHOD, by, agreement.consent, signed=True)
    emails.method_changed(enrollment=enrollment)
    planning.take_up_again(enrollment=enrollment, as_of=today, also_refused=True)
    return enrollment


@transaction.atomic
def change_schedule(
    *, enrollment: Enrollment, day_of_month: int | None, by: User, consent: Consent
) -> Enrollment:
    """Draw on another day of the month, or on due dates (None). Raises NotEnrolled or BadChoice.

    Draws whose day changes are announced again, and so are at least eleven days away.
    """
    check_day(day_of_month)
    enrollment = _open(enrollment)
    if enrollment.day_of_month == day_of_month:
        return enrollment
    before, enrollment.day_of_month = enrollment.day_of_month, day_of_month
    enrollment.save(update_fields=["day_of_month"])
    _note(enrollment, Kind.SCHEDULE, by, consent, detail=f"{before or 'due'} > {day_of_month or 'due'}")
    emails.changed(enrollment=enrollment)
    planning.redate(enrollment=enrollment, as_of=_today(enrollment))
    return enrollment


@transaction.atomic
def change_limit(
    *, enrollment: Enrollment, limit_cents: int | None, by: User, consent: Consent
) -> Enrollment:
    """Another limit for one draw in cents, or none. Raises NotEnrolled or BadChoice.

    Bills above a lower limit are taken off at once; bills within a higher one are announced.
    """
    check_limit(limit_cents)
    enrollment = _open(enrollment)
    if enrollment.limit_cents == limit_cents:
        return enrollment
    before, enrollment.limit_cents = enrollment.limit_cents, limit_cents
    enrollment.save(update_fields=["limit_cents"])
    _note(enrollment, Kind.LIMIT, by, consent, detail=f"{before} > {limit_cents}")
    emails.changed(enrollment=enrollment)
    planning.plan(enrollment=enrollment, as_of=_today(enrollment))
    return enrollment


@transaction.atomic
def change_balance_use(
    *, enrollment: Enrollment, use_balance: bool, by: User, consent: Consent
) -> Enrollment:
    """Whether the account balance pays first. Raises NotEnrolled."""
    enrollment = _open(enrollment)
    if enrollment.use_balance == use_balance:
        return enrollment
    enrollment.use_balance = use_balance
    enrollment.save(update_fields=["use_balance"])
    _note(enrollment, Kind.LIMIT, by, consent, detail=f"balance {use_balance}")
    emails.changed(enrollment=enrollment)
    return enrollment


@transaction.atomic
def pause(*, enrollment: Enrollment, by: User, consent: Consent) -> Enrollment:
    """Draw nothing until resumed. Pausing twice is pausing once. Raises NotEnrolled."""
    enrollment = _open(enrollment)
    if enrollment.state == EnrollmentState.PAUSED:
        return enrollment
    if enrollment.state != EnrollmentState.ACTIVE:
        raise NotEnrolled(enrollment.state)
    enrollment.state = EnrollmentState.PAUSED
    enrollment.save(update_fields=["state"])
    _note(enrollment, Kind.PAUSED, by, consent)
    emails.paused(enrollment=enrollment)
    return enrollment


@transaction.atomic
def resume(*, enrollment: Enrollment, by: User, consent: Consent) -> Enrollment:
    """Draw again. Draws whose day has passed meanwhile are announced anew. Raises NotEnrolled."""
    enrollment = _open(enrollment)
    if enrollment.state == EnrollmentState.ACTIVE:
        return enrollment
    if enrollment.state != EnrollmentState.PAUSED:
        raise NotEnrolled(enrollment.state)
    enrollment.state = EnrollmentState.ACTIVE
    enrollment.save(update_fields=["state"])
    _note(enrollment, Kind.RESUMED, by, consent)
    emails.resumed(enrollment=enrollment)
    planning.take_up_again(enrollment=enrollment, as_of=_today(enrollment))
    return enrollment


@transaction.atomic
def skip(*, draft: Draft, by: User, consent: Consent) -> Draft:
    """Do not draw this bill. Raises AlreadySent once it was submitted or has ended, NotEnrolled."""
    draft = lock_draft(draft.pk)
    if draft.enrollment.has_ended:
        raise NotEnrolled(draft.enrollment.reference)
    if draft.state == DraftState.SKIPPED and draft.reason == Reason.BY_MEMBER:
        return draft
    if not draft.is_open:
        raise AlreadySent(draft.payment.reference if draft.payment else "")
    moves.skip(draft, Reason.BY_MEMBER)
    _note(draft.enrollment, Kind.SKIPPED, by, consent, detail=f"draft {draft.pk}")
    emails.skipped(draft=draft)
    return draft


@transaction.atomic
def unskip(*, draft: Draft, by: User, consent: Consent) -> Draft:
    """Draw a skipped bill after all: dated and announced anew. Raises NotEnrolled or AlreadySent."""
    draft = lock_draft(draft.pk)
    if draft.enrollment.has_ended:
        raise NotEnrolled(draft.enrollment.reference)
    if draft.is_open:
        return draft
    owed_cents = draft.invoice.payable_cents
    if draft.state != DraftState.SKIPPED or draft.reason != Reason.BY_MEMBER or owed_cents <= 0:
        raise AlreadySent(draft.payment.reference if draft.payment else "")
    moves.plan_again(draft, amount_cents=owed_cents, as_of=_today(draft.enrollment))
    _note(draft.enrollment, Kind.UNSKIPPED, by, consent, detail=f"draft {draft.pk}")
    emails.unskipped(draft=draft)
    planning.plan(enrollment=draft.enrollment, as_of=_today(draft.enrollment))
    return draft


@transaction.atomic
def cancel(*, enrollment: Enrollment, by: User, consent: Consent) -> Proof:
    """End autopay, at once and for good, up to the moment of submission; returns the dated proof.

    A draw of which Stripe may know when this takes the account's lock still comes, and the proof names
    it; one that was claimed and not yet sent is given up. Canceling twice gives the same proof and no
    second mail.
    """
    enrollment = lock_enrollment(enrollment.pk)
    if enrollment.has_ended:
        return proof_of(enrollment)
    drafts = lock_drafts(enrollment)
    for draft in drafts:
        if draft.state == DraftState.SUBMITTED:
            _take_back_or_name(draft)
        if draft.is_open or draft.state == DraftState.SKIPPED:
            moves.cancel(draft, Reason.ENROLLMENT_CANCELED)
    enrollment.state, enrollment.ended_at = EnrollmentState.CANCELED, now()
    enrollment.stop_reason = ""
    enrollment.save(update_fields=["state", "ended_at", "stop_reason"])
    _note(enrollment, Kind.CANCELED, by, consent)
    proof = proof_of(enrollment)
    emails.canceled(
        enrollment=enrollment,
        on=business_date(enrollment.account.region.time_zone, proof.canceled_at),
        not_made=len(proof.canceled),
        still_sent=list(proof.sent),
    )
    return proof


def _take_back_or_name(draft: Draft) -> None:
    """Give up a payment that nobody has begun to send: then nobody can any more. Either this has its
    row first, or the worker that sends it, and then it stays and the proof names it.
    """
    payment = draft.payment
    if payment is not None and payment.state == State.CREATED:
        payment = draft.payment = settlement.give_up_unsent(
            payment_id=payment.pk, via=PaymentEvent.Via.SCHEDULE
        )
    if payment is not None and payment.state == State.CANCELED:
        draft.state = DraftState.NOTICED
        draft.save(update_fields=["state"])
    elif payment is not None and not payment.has_outcome:
        draft.sent_at_cancel = True
        draft.save(update_fields=["sent_at_cancel"])


def proof_of(enrollment: Enrollment) -> Proof:
    """The proof of a cancellation, now or years later: it says what it said on that day, whatever
    became since of what had been sent. Raises NotEnrolled where there was none.
    """
    if enrollment.ended_at is None:
        raise NotEnrolled(enrollment.reference)
    drafts = list(enrollment.drafts.select_related("invoice", "payment").order_by("draw_on", "pk"))
    return Proof(
        reference=enrollment.reference,
        canceled_at=enrollment.ended_at,
        canceled=tuple(
            draft
            for draft in drafts
            if draft.state == DraftState.CANCELED
            and draft.reason == Reason.ENROLLMENT_CANCELED
            and not draft.sent_at_cancel
        ),
        sent=tuple(
            draft.payment.reference for draft in drafts if draft.sent_at_cancel and draft.payment
        ),
    )


def stop(*, enrollment: Enrollment, reason: StopReason, detail: str = "") -> None:
    """We stop it: the method is dead or gone, or the authorization revoked. Locked by the caller."""
    if enrollment.state not in (EnrollmentState.ACTIVE, EnrollmentState.PAUSED):
        return
    enrollment.state, enrollment.stop_reason = EnrollmentState.STOPPED, reason
    enrollment.save(update_fields=["state", "stop_reason"])
    EnrollmentEvent.objects.create(
        enrollment=enrollment, kind=Kind.STOPPED, detail=f"{reason} {detail}".strip()[:200]
    )
    emails.stopped(enrollment=enrollment)


@transaction.atomic
def go_on_with_renewed(*, enrollment_id: int) -> bool:
    """Start again what we stopped because its card had expired, with the card that its network renewed;
    false where that is not so any more. Draws whose day has passed are announced anew.
    """
    enrollment = lock_enrollment(enrollment_id)
    today = _today(enrollment)
    if (enrollment.state, enrollment.stop_reason) != (
        EnrollmentState.STOPPED,
        StopReason.METHOD_EXPIRED,
    ) or not can_pay(enrollment.method, on=today):
        return False
    enrollment.state, enrollment.stop_reason = _before_the_stop(enrollment), ""
    enrollment.save(update_fields=["state", "stop_reason"])
    EnrollmentEvent.objects.create(enrollment=enrollment, kind=Kind.RENEWED)
    emails.renewed(enrollment=enrollment)
    planning.take_up_again(enrollment=enrollment, as_of=today, also_refused=True)
    return True


def _before_the_stop(enrollment: Enrollment) -> EnrollmentState:
    """Paused where its owner had paused it and not resumed it since: only they end a pause."""
    last = enrollment.events.filter(kind__in=(Kind.PAUSED, Kind.RESUMED)).order_by("-at", "-pk").first()
    was_paused = last is not None and last.kind == Kind.PAUSED
    return EnrollmentState.PAUSED if was_paused else EnrollmentState.ACTIVE


def _open(enrollment: Enrollment) -> Enrollment:
    """Locked, and not canceled. Raises NotEnrolled."""
    enrollment = lock_enrollment(enrollment.pk)
    if enrollment.has_ended:
        raise NotEnrolled(enrollment.reference)
    return enrollment


def _today(enrollment: Enrollment) -> dt.date:
    return business_date(enrollment.account.region.time_zone)


def _note(
    enrollment: Enrollment,
    kind: EnrollmentEvent.Kind,
    by: User,
    consent: Consent,
    *,
    signed: bool = False,
    detail: str = "",
) -> None:
    EnrollmentEvent.objects.create(
        enrollment=enrollment,
        kind=kind,
        by=by,
        ip_address=consent.ip_address,
        user_agent=consent.user_agent,
        authorization=enrollment.authorization if signed else None,
        detail=detail[:200],
    )
