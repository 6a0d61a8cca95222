"""Finding what a guest may pay. What was wrong shows neither in the answer nor in the time it takes.

Each look-up asks the same questions whatever was typed, and PostgreSQL answers each with exactly one
row: an aggregate over nothing is a row too. Everything is compared, always; nothing returns early. A
code of a paid bill, of another area or of nobody differ by a row read from an index, microseconds in a
page of milliseconds (make report-guest-timing).
"""

import datetime as dt
import hmac
from dataclasses import dataclass

from django.db.models import Count, F, Max, Q

from accounts.matching import comparable_member_number, comparable_name
from accounts.models import Region
from billing.models import COMPARABLE_ACCOUNT_NUMBER, BillingAccount, Invoice
from billing.services.invoices import PAY_CODE_LENGTH
from common import references

CODE_LENGTH = PAY_CODE_LENGTH + 1  # with the check character
# A pay code dies with its bill; on paper older than this nobody finds anything either.
CODE_LIVES = dt.timedelta(days=540)

_NOBODY, _NEVER = "nobodyatall", dt.date(1, 1, 1)
_PAYABLE = Q(open_cents__gt=F("reserved_cents"))


@dataclass(frozen=True, slots=True)
class Found:
    """One bill; or, where `invoice_id` is None, whatever can be paid of an account."""

    account_id: int
    invoice_id: int | None


def normal_code(typed: str) -> str:
    """A pay code as it is printed, from what was typed: "bcdf ghjk…" → "BCDF-GHJK-…"."""
    return references.group(comparable_member_number(typed))


def is_code(typed: str) -> bool:
    """Whether this can be a pay code, by its length and its check character: a typo is caught without
    a look-up. static/js/guest-code.js says the same.
    """
    code = comparable_member_number(typed)
    return len(code) == CODE_LENGTH and references.is_valid(code)


def by_code(*, region: Region, code: str, on: dt.date) -> Found | None:
    """The bill with this pay code, if it is of that area and something can be paid on it."""
    alive = _PAYABLE & Q(account__region=region, issued_on__gt=on - CODE_LIVES)
    row = Invoice.objects.filter(pay_code=normal_code(code)).aggregate(
        invoice=Max("pk", filter=alive), account=Max("account_id", filter=alive)
    )
    return Found(row["account"], row["invoice"]) if row["invoice"] else None


def by_account(
    *, region: Region, account_number: str, last_name: str, date_of_birth: dt.date
) -> Found | None:
    """The account of this number, if its guarantor is that person and something can be paid on it.

    Two numbers of an area that differ by hyphens alone find nobody: pay codes tell them apart.
    """
    row = (
        BillingAccount.objects.annotate(number=COMPARABLE_ACCOUNT_NUMBER)
        .filter(region=region, number=comparable_member_number(account_number))
        .aggregate(
            count=Count("pk"),
            account=Max("pk"),
            name=Max("guarantor__last_name"),
            born=Max("guarantor__date_of_birth"),
        )
    )
    known = f"{comparable_name(row['name'] or _NOBODY)} {row['born'] or _NEVER}"
    claimed = f"{comparable_name(last_name)} {date_of_birth}"
    same = hmac.compare_digest(known.encode(), claimed.encode())
    theirs = same & (row["count"] == 1)
    account_id = row["account"] if theirs else 0
    owed = Invoice.objects.filter(_PAYABLE, account_id=account_id).aggregate(count=Count("pk"))
    return Found(account_id, None) if owed["count"] else None
