"""Lists of what needs somebody's eye, and of what the first page adds up (staff.totals)."""

import datetime as dt

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.urls import reverse
from post_office.models import STATUS, Email

from autopay.models import Draft, DraftState, Reason, Run, RunState
from billing.models import BillingAccount, Invoice
from common.clock import now
from payments.guest import breaker
from payments.models import (
    Difference,
    Dispute,
    DisputeState,
    Payment,
    Refund,
    RefundState,
    WebhookEvent,
)
from payments.services.lateness import late
from staff.listing import Column, StaffList, account_page, payment_page
from staff.totals import TOTALS

UNANSWERED_FOR = dt.timedelta(days=1)
# So long Stripe itself lists its events.
EVENTS_SHOWN_FOR = dt.timedelta(days=30)
GUESTS_CARDS_FOR = dt.timedelta(days=1)


_ACCOUNT = (Column("Account", "account_number"), Column("Member", "guarantor__full_name"))
_BALANCE = Column("Balance", "balance_cents")
_PAYMENT = (
    Column("Payment", "payment__reference"),
    Column("Account", "payment__account__account_number"),
    Column("Member", "payment__account__guarantor__full_name"),
    Column("Amount", "amount_cents"),
    Column("Reason", "reason"),
    Column("Opened", "opened_at"),
)


def _with_balance() -> QuerySet[BillingAccount]:
    accounts = BillingAccount.objects.filter(balance_cents__gt=0).select_related("guarantor")
    return accounts.order_by("-balance_cents", "pk")


def _payable() -> Exists:
    bills = Invoice.objects.filter(account=OuterRef("pk"), open_cents__gt=F("reserved_cents"))
    return Exists(bills)


def _disputes(wanted: Q) -> QuerySet[Dispute]:
    disputes = Dispute.objects.filter(wanted).select_related("payment__account__guarantor")
    return disputes.order_by("-opened_at", "-pk")


LISTS = {
    each.name: each
    for each in (
        *TOTALS,
        StaffList(
            "overpaid",
            "Overpaid",
            "Accounts that hold money and owe nothing.",
            (*_ACCOUNT, _BALANCE),
            lambda: _with_balance().filter(~_payable()),
            lambda account: account_page(account.pk),
        ),
        StaffList(
            "unapplied",
            "Unapplied balance",
            "Accounts that hold money which could pay their bills.",
            (*_ACCOUNT, _BALANCE, Column("Held", "held_cents")),
            lambda: _with_balance().filter(_payable(), balance_cents__gt=F("held_cents")),
            lambda account: account_page(account.pk),
        ),
        StaffList(
            "returned",
            "Returned",
            "Bank debits that came back after they had settled.",
            _PAYMENT,
            lambda: _disputes(Q(is_return=True)),
            lambda dispute: payment_page(dispute.payment.reference),
        ),
        StaffList(
            "disputed",
            "Disputed",
            "Payments that a bank holds until it decides.",
            _PAYMENT,
            lambda: _disputes(Q(is_return=False, state=DisputeState.OPEN)),
            lambda dispute: payment_page(dispute.payment.reference),
        ),
        StaffList(
            "differences",
            "Differences",
            "What Stripe's book and ours do not agree on.",
            (
                Column("Object", "object_id"),
                Column("What", "get_kind_display"),
                Column("Stripe account", "stripe_account"),
                Column("Ours", "ours_cents"),
                Column("Stripe's", "theirs_cents"),
                Column("Found", "found_on"),
            ),
            lambda: Difference.objects.filter(resolved_at=None).order_by("-found_on", "-pk"),
            lambda difference: "",
        ),
        StaffList(
            "review",
            "Payments to look at",
            "Payments of which Stripe holds something else than we asked for, or than we booked.",
            (
                Column("Payment", "reference"),
                Column("Account", "account__account_number"),
                Column("Member", "account__guarantor__full_name"),
                Column("Amount", "amount_cents"),
                Column("Why", "review_reason"),
                Column("Since", "created_at"),
            ),
            lambda: (
                Payment.objects.exclude(review_reason="")
                .select_related("account__guarantor")
                .order_by("created_at")
            ),
            lambda payment: payment_page(payment.reference),
        ),
        StaffList(
            "unsettled",
            "Payments without an outcome",
            "Payments that should have ended by now: Stripe or the bank has not said how. They are"
            " still asked about, and nothing is sent again.",
            (
                Column("Payment", "reference"),
                Column("Account", "account__account_number"),
                Column("Member", "account__guarantor__full_name"),
                Column("Amount", "amount_cents"),
                Column("State", "get_state_display"),
                Column("Since", "created_at"),
                Column("Expected", "expected_on"),
            ),
            lambda: (
                late(now())
                .filter(review_reason="")
                .select_related("account__guarantor")
                .order_by("created_at")
            ),
            lambda payment: payment_page(payment.reference),
        ),
        StaffList(
            "refunds",
            "Refunds without an answer",
            "Refunds that Stripe has not answered for a day; they are looked for and never sent again.",
            (
                Column("Payment", "payment__reference"),
                Column("Account", "payment__account__account_number"),
                Column("Member", "payment__account__guarantor__full_name"),
                Column("Amount", "amount_cents"),
                Column("Refund", "reference"),
                Column("Since", "created_at"),
            ),
            lambda: (
                Refund.objects.filter(
                    state__in=(RefundState.CREATED, RefundState.UNKNOWN),
                    created_at__lt=now() - UNANSWERED_FOR,
                )
                .select_related("payment__account__guarantor")
                .order_by("created_at")
            ),
            lambda refund: payment_page(refund.payment.reference),
        ),
        StaffList(
            "events",
            "Events given up",
            "What Stripe told of in the last 30 days, and what could not be applied in hours of tries."
            " The daily comparison asks about disputes again.",
            (
                Column("Event", "event_id"),
                Column("What", "type"),
                Column("Object", "object_id"),
                Column("Stripe account", "stripe_account"),
                Column("Tries", "attempts"),
                Column("Received", "received_at"),
            ),
            lambda: WebhookEvent.objects.filter(
                outcome=WebhookEvent.Outcome.GIVEN_UP, received_at__gte=now() - EVENTS_SHOWN_FOR
            ).order_by("-received_at", "-pk"),
            lambda event: "",
        ),
        StaffList(
            "runs",
            "Held autopay runs",
            "Nothing is drawn until a supervisor releases or cancels them.",
            (
                Column("Region", "region__name"),
                Column("Day", "as_of"),
                Column("Draws", "count"),
                Column("Total", "total_cents"),
                Column("Held because", "held_because"),
            ),
            lambda: Run.objects.filter(state=RunState.HELD).select_related("region").order_by("as_of"),
            lambda run: reverse("admin:desk_run", args=[run.pk]),
        ),
        StaffList(
            "draws",
            "Failed autopay draws",
            "Draws that a card or bank refused, and draws on hold for another reason than the"
            " member's own limit.",
            (
                Column("Account", "enrollment__account__account_number"),
                Column("Member", "enrollment__account__guarantor__full_name"),
                Column("Bill", "invoice__number"),
                Column("Amount", "amount_cents"),
                Column("Day", "draw_on"),
                Column("Next try", "next_try_on"),
                Column("On hold because", "get_reason_display"),
            ),
            lambda: (
                Draft.objects.filter(
                    Q(state=DraftState.FAILED) | Q(state=DraftState.HELD) & ~Q(reason=Reason.OVER_LIMIT)
                )
                .select_related("enrollment__account__guarantor", "invoice")
                .order_by("-draw_on", "-pk")
            ),
            lambda draft: account_page(draft.enrollment.account_id),
        ),
        StaffList(
            "guest-cards",
            "Guests' refused cards",
            "Payments without an account of the last day whose card was refused. Many on one account,"
            " or one each on many, are stolen cards that somebody tries out.",
            (
                Column("Payment", "reference"),
                Column("Account", "account__account_number"),
                Column("Member", "account__guarantor__full_name"),
                Column("Amount", "amount_cents"),
                Column("Why", "decline_code"),
                Column("At", "created_at"),
            ),
            lambda: (
                breaker.refused_since(now() - GUESTS_CARDS_FOR)
                .select_related("account__guarantor")
                .order_by("-created_at")
            ),
            lambda payment: payment_page(payment.reference),
        ),
        StaffList(
            "mails",
            "Mails that failed",
            "Mails that could not be delivered in two days of tries, or whose address was refused for"
            " good.",
            (
                Column("Subject", "subject"),
                Column("Written", "created"),
                Column("Last tried", "last_updated"),
            ),
            lambda: (
                Email.objects.filter(status=STATUS.failed)
                .only("subject", "created", "last_updated")
                .order_by("-last_updated")
            ),
            lambda email: reverse("admin:desk_mail_again", args=[email.pk]),
        ),
    )
}
