"""Finding a household: by name, number, e-mail, pay code, bill, payment or last four.

What was typed tells by its shape where to look; each look-up reads an index and stops after a page
(tests/staff/test_find.py holds the plans to that). What is found are accounts: a patient leads to
whoever pays.
"""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import QuerySet
from django.db.models.functions import Collate, Upper

from accounts.matching import COMPARABLE_MEMBER_NUMBER, comparable_member_number
from accounts.models import Member, User
from billing.models import COMPARABLE_ACCOUNT_NUMBER, BillingAccount, Invoice
from common import references
from payments.models import Payment, PaymentMethod, Refund

MOST = 50  # accounts that are shown; more means: say more about whom you look for
SHORTEST_NAME = 2

_LAST_NAME, _FIRST_NAME = Collate(Upper("last_name"), "C"), Collate(Upper("first_name"), "C")


@dataclass(frozen=True, slots=True)
class Hit:
    """A household, and what of it matched."""

    account: BillingAccount
    by: str


@dataclass(frozen=True, slots=True)
class Found:
    """At most MOST households; whether there are more."""

    hits: list[Hit]
    more: bool


def find(text: str) -> Found:
    """Everything that `text` may mean, the surest first."""
    text = " ".join(text.split())
    by: dict[int, str] = {}
    for label, look_up in _look_ups(text):
        for account_id in look_up:
            by.setdefault(account_id, label)
        if len(by) > MOST:
            break
    accounts = BillingAccount.objects.select_related("guarantor", "region").in_bulk(list(by)[:MOST])
    hits = [Hit(accounts[key], label) for key, label in by.items() if key in accounts]
    return Found(hits, more=len(by) > MOST)


def _look_ups(text: str) -> Iterator[tuple[str, Iterable[int]]]:
    """Lazily: what is asked for last is not asked where enough was found before."""
    if "@" in text:
        yield "e-mail address", _of_members(members_by_email(text))
        return
    if re.fullmatch(r"\d{4}", text):
        yield "last four of a card or bank account", by_last_four(text)
    number = comparable_member_number(text)
    if number.startswith("KP"):
        yield "payment", _ids(by_payment(text))
    if number.startswith("RF"):
        yield "refund", _ids(by_refund(text))
    if references.is_valid(number):
        yield "pay code", _ids(by_pay_code(number))
    if any(character.isdecimal() for character in text):
        yield "member number", _of_members(members_by_number(number))
        yield "account", _ids(by_account(number))
        yield "bill", _ids(by_bill(text))
    elif len(text) >= SHORTEST_NAME:
        yield "name", _of_members(members_by_name(text))


def _ids(queryset: "QuerySet[Any, int]") -> list[int]:
    return list(queryset[: MOST + 1])


def members_by_email(text: str) -> "QuerySet[Member, int]":
    users = User.objects.filter(email__startswith=text.lower()).order_by("email")
    found = Member.objects.filter(user__in=list(users.values_list("pk", flat=True)[: MOST + 1]))
    return found.values_list("pk", flat=True)


def members_by_number(number: str) -> "QuerySet[Member, int]":
    found = Member.objects.alias(typed=COMPARABLE_MEMBER_NUMBER).filter(typed=number)
    return found.values_list("pk", flat=True)[: MOST + 1]


def members_by_name(text: str) -> "QuerySet[Member, int]":
    """Beginnings of names: "okaf", "ada okaf", "Okafor, Ada"; of several words, however divided.

    One statement of several, each of which an index answers in its own order: two letters that a
    tenth of all people share cost no more than a name.
    """
    last, comma, first = (part.strip() for part in text.upper().partition(","))
    if comma and (first or last):
        return _named(first, last)
    words = text.upper().replace(",", " ").split()
    divided = [(" ".join(words[:place]), " ".join(words[place:])) for place in range(1, len(words))]
    whole = " ".join(words)
    surest, *others = (_named(*names) for names in (*divided, ("", whole), (whole, "")))
    return surest.union(*others, all=True)


def _named(first: str, last: str) -> "QuerySet[Member, int]":
    named = Member.objects.alias(last=_LAST_NAME, first=_FIRST_NAME)
    if last:
        named = named.filter(last__startswith=last).order_by("last", "first")
    if first:
        named = named.filter(first__startswith=first)
    if not last:
        named = named.order_by("first")
    return named.values_list("pk", flat=True)[: MOST + 1]


def _of_members(members: Iterable[int]) -> list[int]:
    """The accounts that they answer for, then those that have bills for them."""
    keys = list(dict.fromkeys(members))[: MOST + 1]
    if not keys:
        return []
    own = BillingAccount.objects.filter(guarantor__in=keys).values_list("pk", flat=True)
    theirs = Invoice.objects.filter(patient__in=keys).values_list("account", flat=True).distinct()
    return [*own, *theirs[: MOST + 1]]


def by_account(number: str) -> "QuerySet[BillingAccount, int]":
    typed = BillingAccount.objects.alias(typed=COMPARABLE_ACCOUNT_NUMBER)
    return typed.filter(typed=number).values_list("pk", flat=True)


def by_bill(text: str) -> "QuerySet[Invoice, int]":
    return Invoice.objects.filter(number__in={text, text.upper()}).values_list("account", flat=True)


def by_pay_code(code: str) -> "QuerySet[Invoice, int]":
    return Invoice.objects.filter(pay_code=references.group(code)).values_list("account", flat=True)


def by_payment(text: str) -> "QuerySet[Payment, int]":
    return Payment.objects.filter(reference=_grouped("KP-", text)).values_list("account", flat=True)


def by_refund(text: str) -> "QuerySet[Refund, int]":
    refunds = Refund.objects.filter(reference=_grouped("RF-", text))
    return refunds.values_list("payment__account", flat=True)


def _grouped(prefix: str, text: str) -> str:
    """A reference as we write it, from one with other hyphens or none."""
    return prefix + references.group(comparable_member_number(text)[2:])


def by_last_four(last4: str) -> list[int]:
    """Of the newest payments, guests' too, and of saved methods."""
    paid = Payment.objects.filter(method_last4=last4).order_by("-created_at")
    saved = PaymentMethod.objects.filter(last4=last4).order_by("-pk")
    keys = [
        *paid.values_list("account", flat=True)[: MOST + 1],
        *saved.values_list("account", flat=True)[: MOST + 1],
    ]
    return list(dict.fromkeys(keys))
