"""The mails about draws that came to nothing: a bank refused, or may not be asked any more.

As in autopay.emails: one function a mail, queued in the transaction of what it tells about.
"""

from django.utils.translation import gettext as _
from post_office.models import Email

from autopay.letters import Letter, about_draw, day, send
from autopay.models import Draft, EnrollmentState, Reason
from common.money import format_cents
from payments import declines
from payments.methods import name_of
from payments.services.reversal import returned_item_fee_cents


def failed(
    *, draft: Draft, kind: str, taken_back: bool, by_another_method: bool = False
) -> Email | None:
    """A bank refused a draw, or took it back: why, and what happens next.

    With `by_another_method` its owner chose another one since, which draws the bill instead.
    """

    def write() -> Letter:
        why = declines.explain(draft.failure_code, kind=kind)
        amount = {"amount": format_cents(draft.amount_cents)}
        if taken_back:
            happened = _("Your bank took the draw of %(amount)s back: the bill is owed again.") % amount
        else:
            happened = _("The draw of %(amount)s did not go through. Nothing was taken.") % amount
        # Of a draw that was taken back, the mail about its return tells the fee.
        fee = [] if taken_back else _returned_item_fee(draft)
        then = _what_then(draft, by_another_method=by_another_method)
        return about_draw(
            draft,
            _("Autopay: a draw did not go through"),
            *(happened, str(why.happened), *fee, str(why.next_step), then),
            method=draft.payment.saved_method if draft.payment else None,
            pay=True,
        )

    return send(draft.enrollment, write)


def _what_then(draft: Draft, *, by_another_method: bool) -> str:
    """When it is tried again, or what that waits for; no day is named on which nothing is drawn."""
    if draft.next_try_on is None and not by_another_method:
        return _("We do not try again: please pay this bill yourself.")
    match draft.enrollment.state:
        case EnrollmentState.PAUSED:
            return _(
                "Autopay is paused: we try again only after you resume it. You can pay the bill "
                "yourself before."
            )
        case EnrollmentState.STOPPED:
            return _(
                "Autopay has stopped: we try again only after it starts again. Please pay this bill "
                "yourself meanwhile."
            )
    if by_another_method:
        return _(
            "Since then you chose %(method)s for autopay: the draw is announced to you again, and "
            "made from there. You can pay the bill yourself before."
        ) % {"method": name_of(draft.enrollment.method)}
    return _(
        "We try again on %(date)s, with the same amount. You can pay the bill yourself before."
    ) % {"date": day(draft.next_try_on or draft.draw_on)}


def _returned_item_fee(draft: Draft) -> list[str]:
    cents = returned_item_fee_cents(draft.payment) if draft.payment else 0
    if not cents:
        return []
    return [
        _("A returned-item fee of %(fee)s was added to your account.") % {"fee": format_cents(cents)}
    ]


def not_taken(*, draft: Draft) -> Email | None:
    """Stripe would not take the request: no bank was asked, and nobody tries again."""

    def write() -> Letter:
        amount = {"amount": format_cents(draft.amount_cents)}
        return about_draw(
            draft,
            _("Autopay: a draw did not go through"),
            _("The draw of %(amount)s did not go through. Nothing was taken.") % amount,
            _("We do not try again: please pay this bill yourself."),
            pay=True,
        )

    return send(draft.enrollment, write)


def not_tried(*, draft: Draft, reason: Reason) -> Email | None:
    """A method may not be tried for a bill any more: only its owner can go on."""

    def write() -> Letter:
        method = {"method": name_of(draft.enrollment.method)}
        if reason == Reason.METHOD_REFUSED:
            happened = _(
                "The bank refused %(method)s for this bill before, and said that it does not help to "
                "try again. We do not try it again, and nothing was taken."
            )
        else:
            happened = _(
                "%(method)s was refused for this bill as often as banks let us try. We do not try it "
                "again, and nothing was taken."
            )
        return about_draw(
            draft,
            _("Autopay: %(method)s is not tried again") % method,
            happened % method,
            _(
                "Please pay this bill yourself, or choose another payment method for autopay: then it "
                "is announced and drawn."
            ),
            pay=True,
        )

    return send(draft.enrollment, write)


def confirm_yourself(*, draft: Draft) -> Email | None:
    """The bank wants to hear from the cardholder: only they can pay this one."""
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("Your bank wants you to confirm a payment of %(amount)s")
            % {"amount": format_cents(draft.amount_cents)},
            _(
                "Nothing was taken. Your bank asks you to confirm this payment yourself: open the bill "
                "below, pay it, and take your bank's step. We do not try again."
            ),
            pay=True,
        ),
    )
