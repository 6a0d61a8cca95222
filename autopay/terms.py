"""What somebody agrees to when autopay starts, or changes its method, in full.

Built from what will really happen, shown whole, stored word for word and mailed (12 CFR 1005.10(b):
a preauthorized transfer is authorized in writing, and a copy provided; (d): varying amounts are
announced ten days before, with the right to a range; (c): how to stop payment).
"""

import datetime as dt
from dataclasses import dataclass

from django.conf import settings
from django.utils import formats
from django.utils.translation import gettext as _

from accounts.models import Region
from autopay.exceptions import BadChoice
from autopay.models import NOTICE_DAYS, Enrollment, Scope
from autopay.schedule import Schedule
from common.money import format_cents
from payments.authorizations import Terms
from payments.methods import BANK_ACCOUNT, name_of
from payments.models import Authorization, PaymentMethod


@dataclass(frozen=True, slots=True)
class Choice:
    """Everything that is agreed to; the limit in cents (None: no limit). Raises BadChoice."""

    scope: Scope
    method: PaymentMethod
    starts_on: dt.date
    day_of_month: int | None = None  # None: on each bill's due date
    limit_cents: int | None = None
    use_balance: bool = False

    def __post_init__(self) -> None:
        check_day(self.day_of_month)
        check_limit(self.limit_cents)

    @property
    def schedule(self) -> Schedule:
        return Schedule(self.day_of_month, self.starts_on)


def check_day(day_of_month: int | None) -> None:
    """Raises BadChoice for a day that no month has."""
    if day_of_month is not None and not 1 <= day_of_month <= 31:
        raise BadChoice("day_of_month")


def check_limit(limit_cents: int | None) -> None:
    """Raises BadChoice for a limit that is not above zero."""
    if limit_cents is not None and limit_cents <= 0:
        raise BadChoice("limit_cents")


def choice_of(enrollment: Enrollment) -> Choice:
    """What an enrollment stands for now."""
    return Choice(
        scope=Scope(enrollment.scope),
        method=enrollment.method,
        starts_on=enrollment.starts_on,
        day_of_month=enrollment.day_of_month,
        limit_cents=enrollment.limit_cents,
        use_balance=enrollment.use_balance,
    )


def for_autopay(*, region: Region, choice: Choice) -> Terms:
    """The text to be agreed to, in the reader's language."""
    parts = [_what(region, choice), _when(choice), _notice(), _limit(choice)]
    if choice.use_balance:
        parts.append(
            _("My account balance is used first; only the rest is taken from %(method)s.")
            % {"method": name_of(choice.method)}
        )
    parts += [_retries(choice), _how_to_stop(region), _how_to_change()]
    if choice.method.kind == BANK_ACCOUNT:
        parts.append(_("I own this account or may authorize debits from it."))
        parts += _returned_item_fee()
    return Terms(Authorization.Purpose.AUTOPAY, tuple(parts))


def _what(region: Region, choice: Choice) -> str:
    is_bank, is_premiums = choice.method.kind == BANK_ACCOUNT, choice.scope == Scope.PREMIUMS
    match is_bank, is_premiums:
        case True, True:
            text = _(
                "I authorize %(payee)s to debit my premiums electronically (ACH) from my bank account, "
                "%(method)s, from %(date)s on, until I cancel."
            )
        case True, False:
            text = _(
                "I authorize %(payee)s to debit my medical and hospital bills and charges "
                "electronically (ACH) from my bank account, %(method)s, from %(date)s on, until I "
                "cancel."
            )
        case False, True:
            text = _(
                "I authorize %(payee)s to charge my premiums to my card, %(method)s, from %(date)s on, "
                "until I cancel."
            )
        case _otherwise:
            text = _(
                "I authorize %(payee)s to charge my medical and hospital bills and charges to my card, "
                "%(method)s, from %(date)s on, until I cancel."
            )
    return text % {
        "payee": region.legal_entity,
        "method": name_of(choice.method),
        "date": formats.date_format(choice.starts_on, "DATE_FORMAT"),
    }


def _when(choice: Choice) -> str:
    if choice.day_of_month is None:
        when = _("Each bill is paid in full on its due date.")
    else:
        when = _(
            "Each bill is paid in full on day %(day)d of a month, the last one that is not after its "
            "due date. A month that has no such day has its last day instead."
        ) % {"day": choice.day_of_month}
    moved = _(
        "A draw that falls on a weekend or on a federal holiday is made on the next business day. A "
        "bill that comes too late to be announced in time is drawn later."
    )
    return f"{when} {moved}"


def _notice() -> str:
    return _(
        "I receive a notice by e-mail with the amount and the date at least %(days)d days before each "
        "draw. Nothing is drawn without it, and never more than it says. If a bill grows after its "
        "notice, I receive another notice and the draw moves to a later day."
    ) % {"days": NOTICE_DAYS}


def _limit(choice: Choice) -> str:
    if choice.limit_cents is None:
        return _("The amounts vary with my bills. I have set no limit for a draw.")
    return _(
        "The amounts vary with my bills. No draw is above my limit of %(limit)s: a bill above it is "
        "not drawn, and I am told so that I can pay it myself."
    ) % {"limit": format_cents(choice.limit_cents)}


def _retries(choice: Choice) -> str:
    if choice.method.kind == BANK_ACCOUNT:
        return _(
            "A debit that my bank returns because there was not enough money may be tried again, at "
            "most twice. I am told by e-mail each time."
        )
    tries = _(
        "A charge that my bank declines for now may be tried again, at most four times in 30 days in "
        "all. I am told by e-mail each time."
    )
    renewal = _(
        "Nothing is charged to a card that has expired. If my bank renews it, autopay goes on with the "
        "renewed card: I am told by e-mail first, and each draw is announced as above."
    )
    return f"{tries} {renewal}"


def _how_to_stop(region: Region) -> str:
    return _(
        "I can skip a draw, pause or cancel autopay at any time: under “Autopay”, or by calling "
        "%(phone)s (TTY %(tty)s). It takes effect at once, for every draw that has not yet been sent "
        "to my bank."
    ) % {"phone": region.phone, "tty": region.tty}


def _how_to_change() -> str:
    return _(
        "I may change the day, the limit and the use of the account balance whenever I am logged in; "
        "each change is confirmed to me by e-mail and counts from then on."
    )


def _returned_item_fee() -> list[str]:
    cents = settings.RETURNED_ITEM_FEE_CENTS
    if not cents:
        return []
    return [
        _("If my bank returns a debit, I owe a returned-item fee of %(fee)s.")
        % {"fee": format_cents(cents)}
    ]
