"""What people print and keep: a bill as a PDF, and the statements of their years."""

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from billing import bill_document, statements
from billing.access import account_required, bill_required
from billing.downloads import pdf_response
from billing.models import BillingAccount, Invoice
from common.clock import business_date


@require_safe
@bill_required
def bill_pdf(request: HttpRequest, bill: Invoice) -> HttpResponse:
    """One bill as it stands now, with its pay code while something can be paid."""
    account = bill.account
    return pdf_response(
        request,
        template="pdf/bill.html",
        context={
            "document": bill_document.document_of(
                bill, account=account, on=business_date(account.region.time_zone)
            )
        },
        title=_("Bill %(number)s") % {"number": bill.number},
        name=f"bill-{bill.pk}.pdf",
    )


@require_safe
@account_required
def statement_list(request: HttpRequest, account: BillingAccount) -> HttpResponse:
    """The years that have a statement."""
    context = {
        "years": statements.years(account),
        "this_year": business_date(account.region.time_zone).year,
    }
    return render(request, "billing/statements.html", context)


@require_safe
@account_required
def statement(request: HttpRequest, account: BillingAccount, year: int) -> HttpResponse:
    """One year on the screen. A year in which nothing was paid has none."""
    context = _statement(account, year)
    return render(request, "billing/statement.html", context)


@require_safe
@account_required
def statement_pdf(request: HttpRequest, account: BillingAccount, year: int) -> HttpResponse:
    """The same on paper."""
    return pdf_response(
        request,
        template="pdf/statement.html",
        context=_statement(account, year),
        title=_("Statement of payments %(year)s") % {"year": year},
        name=f"statement-{year}.pdf",
    )


def _statement(account: BillingAccount, year: int) -> dict[str, object]:
    try:
        found = statements.statement(account, year)
    except statements.NothingPaid as missing:
        raise Http404 from missing
    today = business_date(account.region.time_zone)
    return {
        "statement": found,
        "account": account,
        "region": account.region,
        "today": today,
        "is_running": year == today.year,
    }
