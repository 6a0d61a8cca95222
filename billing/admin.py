"""What staff see of accounts, bills and the books. Nothing that moves money is a field to edit."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount, Invoice, InvoiceLine, JournalEntry, JournalLine, LedgerBlock
from common.admin import ReadOnlyAdmin, ReadOnlyInline
from common.money import format_cents


def money_column(field: str, label: Any) -> Any:
    """An admin column or read-only field that shows a field of cents as dollars."""

    @admin.display(description=label, ordering=field)
    def column(row: Any) -> str | None:
        cents = getattr(row, field)
        return None if cents is None else format_cents(cents)

    column.__name__ = field.removesuffix("_cents")
    return column


class InvoiceLineInline(ReadOnlyInline):
    model = InvoiceLine
    fields = [
        "position",
        "service_on",
        "code",
        "description",
        money_column("charge_cents", _("charge")),
        money_column("plan_paid_cents", _("plan paid")),
        money_column("adjustment_cents", _("adjustment")),
        money_column("patient_cents", _("patient's part")),
    ]


class JournalLineInline(ReadOnlyInline):
    model = JournalLine
    fields = [
        "entry",
        "ledger_account",
        money_column("amount_cents", _("amount")),
        "account",
        "invoice",
    ]

    def get_queryset(self, request: HttpRequest) -> QuerySet[JournalLine]:
        related = ("entry", "ledger_account", "account", "invoice")
        return super().get_queryset(request).select_related(*related).order_by("entry_id", "id")


@admin.register(BillingAccount)
class BillingAccountAdmin(ReadOnlyAdmin):
    _balance = money_column("balance_cents", _("balance"))
    list_display = ["account_number", "guarantor", "region", _balance]
    list_filter = ["region"]
    list_select_related = ["guarantor", "region"]
    search_fields = ["account_number", "guarantor__member_number", "guarantor__last_name"]
    fields = ["account_number", "region", "guarantor", _balance, "created_at"]


@admin.register(Invoice)
class InvoiceAdmin(ReadOnlyAdmin):
    _total = money_column("total_cents", _("billed"))
    _open = money_column("open_cents", _("owed"))
    _reserved = money_column("reserved_cents", _("on its way"))
    list_display = ["number", "account", "patient", "kind", "due_on", _total, _open, _reserved]
    list_filter = ["kind", "due_on", "source"]
    list_select_related = ["account", "patient"]
    search_fields = ["number", "pay_code", "account__account_number", "patient__last_name", "provider"]
    date_hierarchy = "issued_on"
    fields = [
        ("number", "kind"),
        ("account", "patient"),
        ("issued_on", "due_on"),
        ("service_from", "service_to"),
        ("provider", "facility"),
        (_total, _open, _reserved),
        (money_column("unexplained_cents", _("unexplained")), "pay_code", "voided_at"),
        ("source", "source_id", "created_at"),
    ]
    inlines = [InvoiceLineInline, JournalLineInline]


@admin.register(JournalEntry)
class JournalEntryAdmin(ReadOnlyAdmin):
    list_display = ["id", "kind", "source", "source_id", "region", "effective_on", "posted_at"]
    list_filter = ["kind", "region", "effective_on"]
    list_select_related = ["region"]
    search_fields = ["=source_id", "lines__invoice__number", "lines__account__account_number"]
    ordering = ["-id"]
    fields = ["kind", "source", "source_id", "region", "effective_on", "posted_at", "xact_id"]
    inlines = [JournalLineInline]


@admin.register(LedgerBlock)
class LedgerBlockAdmin(ReadOnlyAdmin):
    list_display = ["number", "entry_count", "hash", "sealed_at"]
    fields = ["number", "entry_count", "from_xact", "to_xact", "previous_hash", "hash", "sealed_at"]
