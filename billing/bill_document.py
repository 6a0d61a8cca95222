"""What a printed bill says: what is owed on a day, why, by when, and how to pay it."""

import datetime as dt
from dataclasses import dataclass
from urllib.parse import urlencode

import segno
from django.conf import settings
from django.urls import NoReverseMatch, reverse
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext as _

from billing import queries
from billing.models import BillingAccount, Invoice
from billing.postings import Posted, postings


@dataclass(frozen=True, slots=True)
class BillDocument:
    """A bill as it stands on a day; amounts in cents."""

    bill: Invoice
    account: BillingAccount
    status: queries.Status
    breakdown: queries.Breakdown
    postings: list[Posted]

    @property
    def is_payable(self) -> bool:
        """Whether anything is left that a payment could cover."""
        return self.bill.payable_cents > 0

    @property
    def pay_code(self) -> str:
        """Empty where nothing can be paid: a code that opens nothing is not printed."""
        return (self.bill.pay_code or "") if self.is_payable else ""

    @property
    def mailing_address(self) -> str:
        """Where checks go, on one line."""
        return ", ".join(self.account.region.mailing_address.split("\n"))

    @property
    def pay_page(self) -> str:
        """The address where a pay code is entered; empty where guests cannot pay."""
        try:
            return f"{settings.SITE_URL}{reverse('guest:start')}"
        except NoReverseMatch:
            return ""

    @property
    def qr_address(self) -> str:
        """The pay page with the form filled in; empty where nothing can be paid there.

        Code and region travel in the address's fragment, which browsers send to no server.
        """
        if not (self.pay_code and self.pay_page):
            return ""
        fragment = urlencode({"code": self.pay_code, "region": self.account.region.code})
        return f"{self.pay_page}#{fragment}"

    @property
    def qr(self) -> SafeString | None:
        """That address to be scanned, as SVG."""
        if not self.qr_address:
            return None
        code = segno.make(self.qr_address, error="m", micro=False)
        # `title` is what a screen reader says; segno escapes it.
        alt = _("QR code: opens the page to pay this bill")
        return mark_safe(code.svg_inline(border=0, omitsize=True, title=alt))  # noqa: S308  # nosec B308 B703


def document_of(bill: Invoice, *, account: BillingAccount, on: dt.date) -> BillDocument:
    """The content of a bill of this account, on a day of its region's calendar."""
    return BillDocument(
        bill=bill,
        account=account,
        status=queries.status_of(bill, on=on),
        breakdown=queries.breakdown(bill),
        postings=postings(bill),
    )
