"""What those who check the books see of Stripe's book, and where it differs from ours."""

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from billing.admin import money_column
from common.admin import CsvExport, ReadOnlyAdmin, ReadOnlyInline
from payments.models import Difference, ReconciledDay, StripePayout, StripeTransaction


class OpenFilter(admin.SimpleListFilter):
    """Open ones first of all: what is resolved is history."""

    title = _("state")
    parameter_name = "state"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        return [("resolved", _("Resolved")), ("all", _("All"))]

    def choices(self, changelist: Any) -> Any:
        _everything, *others = super().choices(changelist)
        yield {
            "selected": self.value() is None,
            "query_string": changelist.get_query_string(remove=[self.parameter_name]),
            "display": _("Open"),
        }
        yield from others

    def queryset(self, request: HttpRequest, queryset: QuerySet[Difference]) -> QuerySet[Difference]:
        if self.value() == "all":
            return queryset
        return queryset.filter(resolved_at__isnull=self.value() != "resolved")


@admin.register(Difference)
class DifferenceAdmin(CsvExport, ReadOnlyAdmin):
    _ours = money_column("ours_cents", _("ours"))
    _theirs = money_column("theirs_cents", _("Stripe's"))
    list_display = ["object_id", "kind", "stripe_account", _ours, _theirs, "found_on", "resolved_at"]
    list_filter = [OpenFilter, "kind", "stripe_account"]
    search_fields = ["=object_id"]
    ordering = ["-found_on", "-pk"]
    fields = [
        ("kind", "object_id"),
        "stripe_account",
        (_ours, _theirs),
        "found_on",
        ("resolved_at", "resolution"),
    ]
    csv_fields = [
        "stripe_account",
        "kind",
        "object_id",
        "ours_cents",
        "theirs_cents",
        "found_on",
        "resolved_at",
        "resolution",
    ]


class TransactionInline(ReadOnlyInline):
    model = StripeTransaction
    fields = [
        "transaction_id",
        "type",
        "source_id",
        money_column("amount_cents", _("gross")),
        money_column("fee_cents", _("fee")),
        money_column("net_cents", _("net")),
        "made_at",
    ]


@admin.register(StripePayout)
class StripePayoutAdmin(CsvExport, ReadOnlyAdmin):
    _amount = money_column("amount_cents", _("amount"))
    list_display = ["payout_id", "stripe_account", _amount, "status", "arrives_on"]
    list_filter = ["stripe_account", "status", "arrives_on"]
    search_fields = ["=payout_id"]
    ordering = ["-arrives_on", "-pk"]
    fields = ["payout_id", "stripe_account", _amount, "status", "arrives_on", "itemized", "seen_at"]
    csv_fields = ["stripe_account", "payout_id", "amount_cents", "status", "arrives_on"]
    inlines = [TransactionInline]


@admin.register(StripeTransaction)
class StripeTransactionAdmin(CsvExport, ReadOnlyAdmin):
    _gross = money_column("amount_cents", _("gross"))
    _fee = money_column("fee_cents", _("fee"))
    _net = money_column("net_cents", _("net"))
    list_display = ["transaction_id", "stripe_account", "type", _gross, _fee, _net, "made_at"]
    list_filter = ["stripe_account", "type", "made_at"]
    list_select_related = ["payout"]
    search_fields = ["=transaction_id", "=source_id", "=intent_id"]
    ordering = ["-made_at", "-pk"]
    fields = [
        ("transaction_id", "type"),
        "stripe_account",
        ("source_id", "intent_id"),
        (_gross, _fee, _net),
        "made_at",
        "payout",
    ]
    csv_fields = [
        "stripe_account",
        "transaction_id",
        "type",
        "source_id",
        "intent_id",
        "amount_cents",
        "fee_cents",
        "net_cents",
        "made_at",
    ]


@admin.register(ReconciledDay)
class ReconciledDayAdmin(ReadOnlyAdmin):
    list_display = ["day", "stripe_account", "differences", "finished_at"]
    list_filter = ["stripe_account"]
    date_hierarchy = "day"
    ordering = ["-day", "stripe_account"]
    fields = ["stripe_account", "day", "differences", "finished_at"]
