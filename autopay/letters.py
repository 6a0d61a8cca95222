"""What the mails of autopay are made of: all of them look alike, and differ in their words.

Subjects and bodies say amount, date, reference and method; never a service, a provider or a patient.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass

from django.urls import reverse
from django.utils import formats, translation
from django.utils.translation import gettext as _
from post_office.models import Email

from accounts.models import User
from autopay.models import Draft, Enrollment, Scope
from autopay.terms import Choice
from common import mail
from common.money import format_cents
from payments.emails import DEFAULT_LANGUAGE
from payments.methods import name_of
from payments.models import PaymentMethod

Facts = tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class Letter:
    """One mail, in its reader's language."""

    subject: str
    sentences: tuple[str, ...]
    link: str
    link_text: str
    facts: Facts = ()
    terms: tuple[str, ...] = ()
    heading: str = ""


def reader(enrollment: Enrollment) -> User | None:
    """Who is told: the owner of the account; None where nobody has a log-in any more."""
    return enrollment.account.guarantor.user


def send(enrollment: Enrollment, write: Callable[[], Letter]) -> Email | None:
    """Queue what `write` writes, in the reader's language; None where there is no address."""
    to = reader(enrollment)
    if to is None:
        return None
    region, language = enrollment.account.region, to.language or DEFAULT_LANGUAGE
    with translation.override(language):
        letter = write()
    return mail.send(
        to=to.email,
        template="autopay/letter",
        context={"letter": letter, "phone": region.phone, "tty": region.tty},
        language=language,
    )


def manage_page() -> str:
    """Where autopay is seen and changed."""
    return reverse("autopay:index")


def pay_page(draft: Draft) -> str:
    """Where the bill can be paid now."""
    return reverse("billing:detail", args=[draft.invoice_id])


def facts_of(
    draft: Draft, *, amount_cents: int | None = None, method: PaymentMethod | None = None
) -> Facts:
    """The amount, the date and the method of a draw: the enrollment's, unless it was another."""
    return (
        (_("Amount"), format_cents(draft.amount_cents if amount_cents is None else amount_cents)),
        (_("Date"), day(draft.draw_on)),
        (_("Bill"), draft.invoice.number),
        (_("Paid with"), name_of(method or draft.enrollment.method)),
        (_("Autopay reference"), draft.enrollment.reference),
    )


def scope_words(enrollment: Enrollment | Choice) -> str:
    """Such as "Autopay of your premiums"."""
    if enrollment.scope == Scope.PREMIUMS:
        return _("Autopay of your premiums")
    return _("Autopay of your medical bills")


def standing_of(enrollment: Enrollment) -> Facts:
    """What an enrollment stands for now."""
    return (*chosen_in(enrollment), (_("Autopay reference"), enrollment.reference))


def chosen_in(choice: Enrollment | Choice) -> Facts:
    """Method, day, limit, account balance: of what stands, or of what is about to be agreed to."""
    of_month, limit = choice.day_of_month, choice.limit_cents
    return (
        (_("Paid with"), name_of(choice.method)),
        (
            _("Day"),
            _("On each bill's due date")
            if of_month is None
            else _("Day %(day)d of the month") % {"day": of_month},
        ),
        (_("Limit for one draw"), _("No limit") if limit is None else format_cents(limit)),
        (_("Account balance"), _("Used first") if choice.use_balance else _("Not used")),
    )


def day(on: dt.date) -> str:
    return formats.date_format(on, "DATE_FORMAT")


def about(enrollment: Enrollment, subject: str, *sentences: str, terms: str = "") -> Letter:
    """A letter about the enrollment as it stands now."""
    return Letter(
        subject=subject,
        heading=subject,
        sentences=sentences,
        facts=standing_of(enrollment),
        terms=tuple(terms.split("\n\n")) if terms else (),
        link=manage_page(),
        link_text=_("See your autopay"),
    )


def about_draw(
    draft: Draft,
    subject: str,
    *sentences: str,
    amount_cents: int | None = None,
    method: PaymentMethod | None = None,
    pay: bool = False,
) -> Letter:
    """A letter about one draw; with `pay`, its link leads to where the bill can be paid."""
    return Letter(
        subject=subject,
        heading=subject,
        sentences=sentences,
        facts=facts_of(draft, amount_cents=amount_cents, method=method),
        link=pay_page(draft) if pay else manage_page(),
        link_text=_("Pay this bill now") if pay else _("See your autopay"),
    )
