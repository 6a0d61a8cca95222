"""The mails of autopay: one function a mail, each queued in the transaction of what it tells about.

Each returns the outbox's row, or None where the account's owner has no address.
"""

import datetime as dt

from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from post_office.models import Email

from autopay.letters import Letter, about, about_draw, day, scope_words, send
from autopay.models import Draft, Enrollment, Reason, StopReason
from common.money import format_cents
from payments.methods import name_of


def enrolled(*, enrollment: Enrollment) -> Email | None:
    """Autopay is on: the copy of what was agreed to, word for word (12 CFR 1005.10(b))."""
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("%(autopay)s is on") % {"autopay": scope_words(enrollment)},
            _(
                "Each draw is announced to you by e-mail before it is made. Keep this mail: it is your "
                "copy of what you agreed to."
            ),
            terms=enrollment.authorization.text,
        ),
    )


def method_changed(*, enrollment: Enrollment) -> Email | None:
    """Another method, with the copy of what was agreed to."""
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("%(autopay)s: another payment method") % {"autopay": scope_words(enrollment)},
            _("From now on it draws from %(method)s.") % {"method": name_of(enrollment.method)},
            terms=enrollment.authorization.text,
        ),
    )


def changed(*, enrollment: Enrollment) -> Email | None:
    """Another day or limit, or another use of the account balance."""
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("%(autopay)s has changed") % {"autopay": scope_words(enrollment)},
            _("This is how it stands from now on. Draws whose day has changed are announced again."),
        ),
    )


def paused(*, enrollment: Enrollment) -> Email | None:
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("%(autopay)s is paused") % {"autopay": scope_words(enrollment)},
            _("Nothing is drawn until you resume it. Please pay what is due meanwhile yourself."),
        ),
    )


def resumed(*, enrollment: Enrollment) -> Email | None:
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("%(autopay)s is on again") % {"autopay": scope_words(enrollment)},
            _("Each draw is announced to you by e-mail before it is made."),
        ),
    )


def skipped(*, draft: Draft) -> Email | None:
    """The member skips one draw."""
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("You skipped the draw of %(amount)s") % {"amount": format_cents(draft.amount_cents)},
            _("It will not be made. The bill is still owed: you can pay it yourself."),
            pay=True,
        ),
    )


def unskipped(*, draft: Draft) -> Email | None:
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("Autopay takes up the draw of %(amount)s again")
            % {"amount": format_cents(draft.amount_cents)},
            _("It is announced to you by e-mail before it is made."),
        ),
    )


def canceled(
    *, enrollment: Enrollment, on: dt.date, not_made: int, still_sent: list[str]
) -> Email | None:
    """The dated proof; `still_sent` are references of payments that were sent before."""

    def write() -> Letter:
        date = {"date": day(on)}
        sentences = [
            _("You canceled it on %(date)s. Nothing will be drawn after this.") % date,
            ngettext(
                "%(count)d planned draw will not be made.",
                "%(count)d planned draws will not be made.",
                not_made,
            )
            % {"count": not_made},
        ]
        if still_sent:
            sentences.append(
                _("Sent to your bank before you canceled, and not to be stopped by us: %(references)s.")
                % {"references": ", ".join(still_sent)}
            )
        sentences.append(_("Keep this mail: it is your proof."))
        subject = _("%(autopay)s is canceled") % {"autopay": scope_words(enrollment)}
        return about(enrollment, subject, *sentences)

    return send(enrollment, write)


def notice(*, draft: Draft) -> Email | None:
    """What will be drawn, and when (12 CFR 1005.10(d)(1))."""
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("We will draw %(amount)s on %(date)s")
            % {"amount": format_cents(draft.amount_cents), "date": day(draft.draw_on)},
            _(
                "Never more than this amount is drawn; less, if you owe less by then. You have nothing "
                "to do. To skip this draw, or to cancel autopay, open the page below before that day."
            ),
        ),
    )


def over_limit(*, draft: Draft) -> Email | None:
    """A bill above the member's own limit is not drawn."""
    limit = draft.enrollment.limit_cents or 0
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("A bill is above your autopay limit"),
            _(
                "The bill asks for %(amount)s; your limit for one draw is %(limit)s. It is not drawn. "
                "Pay it yourself, or raise your limit: then it is announced and drawn."
            )
            % {"amount": format_cents(draft.amount_cents), "limit": format_cents(limit)},
            pay=True,
        ),
    )


def nothing_to_draw(*, draft: Draft) -> Email | None:
    """An announced draw is not made, because nothing is left that could be charged: draft.reason."""

    def write() -> Letter:
        amount_cents = draft.noticed_cents or draft.amount_cents
        match draft.reason:
            case Reason.NOTHING_OWED:
                why = _("The bill was canceled: nothing is owed on it. You have nothing to do.")
            case Reason.TOO_SMALL:
                why = _(
                    "Only %(rest)s of the bill is still owed, less than can be charged. Nothing is "
                    "drawn unless the bill grows."
                ) % {"rest": format_cents(draft.invoice.payable_cents)}
            case _other:
                why = _(
                    "The bill has been paid, or a payment of it is on its way. You have nothing to do."
                )
        return about_draw(
            draft,
            _("The draw of %(amount)s is not made") % {"amount": format_cents(amount_cents)},
            why,
            amount_cents=amount_cents,
        )

    return send(draft.enrollment, write)


def not_made(*, draft: Draft) -> Email | None:
    """Our own staff canceled a draw."""
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("The draw of %(amount)s is not made")
            % {"amount": format_cents(draft.noticed_cents or draft.amount_cents)},
            _("We canceled it, and nothing was taken. The bill is still owed: please pay it yourself."),
            pay=True,
        ),
    )


def came_to_nothing(*, draft: Draft) -> Email | None:
    """A draw that a proof of cancellation names as sent never reached a bank after all."""
    return send(
        draft.enrollment,
        lambda: about_draw(
            draft,
            _("The draw of %(amount)s is not made")
            % {"amount": format_cents(draft.noticed_cents or draft.amount_cents)},
            _(
                "When you canceled autopay, we told you that this draw had been sent to your bank. It "
                "did not get there: nothing was taken, and nothing will be. The bill is still owed: "
                "please pay it yourself."
            ),
            pay=True,
        ),
    )


def renewed(*, enrollment: Enrollment) -> Email | None:
    """The card that had expired was renewed by its network: autopay goes on with it."""

    def write() -> Letter:
        method = {"method": name_of(enrollment.method)}
        sentences = [_("Your bank has renewed %(method)s, and autopay draws from it again.") % method]
        if enrollment.draws:
            sentences.append(_("Each draw is announced to you by e-mail before it is made."))
        else:
            sentences.append(
                _("It is still paused, as you had left it: nothing is drawn until you resume it.")
            )
        subject = _("%(autopay)s: your card was renewed") % {"autopay": scope_words(enrollment)}
        return about(enrollment, subject, *sentences)

    return send(enrollment, write)


def stopped(*, enrollment: Enrollment) -> Email | None:
    """We stopped autopay: why, and how to start it again."""

    def write() -> Letter:
        method = {"method": name_of(enrollment.method)}
        match enrollment.stop_reason:
            case StopReason.METHOD_REMOVED:
                why = _("%(method)s was removed.") % method
            case StopReason.METHOD_EXPIRED:
                why = _("%(method)s has expired.") % method
            case StopReason.REVOKED:
                why = (
                    _("The bank of %(method)s was told that these debits are not authorized.") % method
                )
            case _other:
                why = _("The bank refuses %(method)s for good.") % method
        if enrollment.stop_reason == StopReason.METHOD_EXPIRED:
            until = _(
                "Nothing is drawn until you choose another payment method, or your bank renews the "
                "card: then autopay goes on with it by itself, and we tell you first. Please pay what "
                "is due meanwhile yourself."
            )
        else:
            until = _(
                "Nothing is drawn until you choose another payment method. Please pay what is due "
                "meanwhile yourself."
            )
        subject = _("%(autopay)s has stopped") % {"autopay": scope_words(enrollment)}
        return about(enrollment, subject, why, until)

    return send(enrollment, write)


def card_expires(*, enrollment: Enrollment, last_day: dt.date) -> Email | None:
    """A month before, and a week before."""
    return send(
        enrollment,
        lambda: about(
            enrollment,
            _("The card of your autopay expires on %(date)s") % {"date": day(last_day)},
            _(
                "Nothing can be drawn from %(method)s after that day. Choose another payment method "
                "before, or add the new card."
            )
            % {"method": name_of(enrollment.method)},
        ),
    )
