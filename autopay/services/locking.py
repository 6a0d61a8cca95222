"""Locks of autopay, in one order: billing account, enrollment, draft; then payment and invoices.

The account's lock is the one that decides races: a change by the member and a draw take it first.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any, cast

from django.db import connection
from django.db.models import QuerySet

from accounts.models import Region
from autopay.models import Draft, Enrollment
from autopay.retries import Refusal
from billing.models import BillingAccount, Invoice
from common.clock import business_date
from common.db import columns, row_of
from common.locks import check_in_transaction, lock, lock_one
from payments.models import Authorization, PaymentMethod

# The statements of the path of a draw are text, as those of a charge (docs/performance.md).
_ACCOUNT_OF_DRAFT = f"""
    SELECT {columns(BillingAccount, "account")}, {columns(Region, "region")}
    FROM billing_billingaccount account JOIN accounts_region region ON region.id = account.region_id
    WHERE account.id = (
        SELECT enrollment.account_id FROM autopay_draft draft
        JOIN autopay_enrollment enrollment ON enrollment.id = draft.enrollment_id
        WHERE draft.id = %s
    )
    FOR NO KEY UPDATE OF account
"""  # noqa: S608  # nosec B608  names of columns

# What banks refused of the bill by this method, earliest first, also under an earlier enrollment, or
# under another id before its owner removed it and added the same account or card again: the times of
# the tries, and why. What the holder disputed counts whatever was left of the payment. A card that was
# renewed since, or came back with another date, has not expired.
_REFUSED = """
    SELECT coalesce(array_agg(attempt.at ORDER BY attempt.at), '{}') AS times,
        coalesce(
            array_agg(
                CASE WHEN lost.is_lost THEN 'disputed' ELSE payment.decline_code END ORDER BY attempt.at
            ), '{}'
        ) AS codes
    FROM autopay_draft tried
    JOIN autopay_draftattempt attempt ON attempt.draft_id = tried.id
    JOIN payments_payment payment ON payment.id = attempt.payment_id
    JOIN payments_paymentmethod used ON used.id = payment.saved_method_id
    CROSS JOIN LATERAL (
        SELECT EXISTS (
            SELECT FROM payments_dispute
            WHERE payment_id = payment.id AND state = 'lost' AND NOT is_return
        ) AS is_lost
    ) lost
    WHERE tried.invoice_id = draft.invoice_id
        AND (
            used.id = method.id
            OR used.kind = method.kind
            AND used.fingerprint = method.fingerprint AND method.fingerprint <> ''
        )
        AND (payment.state IN ('failed', 'returned') OR lost.is_lost)
        AND NOT (
            payment.decline_code = 'expired_card'
            AND (
                attempt.at < coalesce(method.renewed_at, '-infinity'::timestamptz)
                OR (used.exp_year, used.exp_month)
                    IS DISTINCT FROM (method.exp_year, method.exp_month) AND used.id <> method.id
            )
        )
"""
_OF_DRAFT = """
    FROM autopay_draft draft
    JOIN autopay_enrollment enrollment ON enrollment.id = draft.enrollment_id
    JOIN payments_paymentmethod method ON method.id = enrollment.method_id
"""
_REFUSALS = f"""
    SELECT refused.times, refused.codes
    {_OF_DRAFT} CROSS JOIN LATERAL ({_REFUSED}) refused
    WHERE draft.id = %s
"""  # nosec B608  text of our own

_CLAIM = f"""
    SELECT {columns(Draft, "draft")}, {columns(Enrollment, "enrollment")},
        {columns(PaymentMethod, "method")}, {columns(Invoice, "invoice")},
        EXISTS (SELECT FROM autopay_run WHERE id = %s AND state IN ('open', 'released'))
            AND NOT EXISTS (SELECT FROM autopay_run WHERE id = draft.held_by_id AND state = 'held'),
        (SELECT count(*) FROM autopay_draftattempt WHERE draft_id = draft.id),
        (SELECT id FROM autopay_notice WHERE draft_id = draft.id AND state = 'delivered'),
        refused.times, refused.codes
    {_OF_DRAFT}
    JOIN billing_invoice invoice ON invoice.id = draft.invoice_id
    CROSS JOIN LATERAL ({_REFUSED}) refused
    WHERE draft.id = %s
    FOR NO KEY UPDATE OF enrollment, invoice
    FOR NO KEY UPDATE OF draft SKIP LOCKED
"""  # noqa: S608  # nosec B608  names of columns


@dataclass(frozen=True, slots=True)
class Claimed:
    """A draft in this worker's hands: locked with its account, enrollment and bill."""

    draft: Draft
    run_draws: bool  # and no other run withholds it
    attempts: int
    notice_id: int | None  # the delivered one that stands
    refusals: list[Refusal]  # of the bill by the enrollment's method, earliest first


def lock_account(pk: int) -> BillingAccount:
    return lock_one(BillingAccount.objects.select_related("region", "guarantor__user").filter(pk=pk))


def lock_enrollment(pk: int) -> Enrollment:
    """The account, then the enrollment, as they stand now."""
    return _lock(Enrollment.objects.values_list("account_id", flat=True).get(pk=pk), pk)


def _lock(account_id: int, enrollment_id: int) -> Enrollment:
    account = lock_account(account_id)
    enrollment = lock_one(
        Enrollment.objects.select_related("method", "authorization").filter(pk=enrollment_id)
    )
    enrollment.account = account
    return enrollment


def _lock_enrollment_of(draft_id: int) -> Enrollment:
    keys = Draft.objects.values_list("enrollment__account_id", "enrollment_id").get(pk=draft_id)
    return _lock(*keys)


def lock_draft(pk: int) -> Draft:
    """The account, the enrollment, then the draft, as they stand now."""
    enrollment = _lock_enrollment_of(pk)
    draft = lock_one(_with_what_it_needs().filter(pk=pk))
    draft.enrollment = enrollment
    return draft


def claim_draft(pk: int, *, run_id: int) -> Claimed | None:
    """What a run needs to know of a draft; None where another worker has it in its hands."""
    check_in_transaction(BillingAccount)
    with connection.cursor() as cursor:
        cursor.execute(_ACCOUNT_OF_DRAFT, [pk])
        found = cursor.fetchone()
        if found is None:
            raise Draft.DoesNotExist(pk)
        cursor.execute(_CLAIM, [run_id, pk])
        claimed = cursor.fetchone()
    if claimed is None:
        return None
    values = iter(found)
    account = _next(BillingAccount, values)
    account.region = _next(Region, values)
    values = iter(claimed)
    draft, enrollment = _next(Draft, values), _next(Enrollment, values)
    enrollment.method, draft.invoice = _next(PaymentMethod, values), _next(Invoice, values)
    enrollment.account, draft.enrollment = account, enrollment
    # Its text is long, and read by nobody here.
    enrollment.authorization = Authorization.from_db(
        connection.alias, ["id"], [enrollment.authorization_id]
    )
    run_draws, attempts, notice_id, times, codes = values
    return Claimed(
        draft=draft,
        run_draws=bool(run_draws),
        attempts=cast(int, attempts),
        notice_id=cast(int | None, notice_id),
        refusals=_refusals(account.region, cast(list, times), cast(list, codes)),
    )


def _next(model: type[Any], values: Iterator[object]) -> Any:
    """A model's row from the values that come next."""
    return row_of(model, list(islice(values, len(model._meta.concrete_fields))))


def lock_drafts(enrollment: Enrollment) -> list[Draft]:
    """Every draft of a locked enrollment, by key."""
    drafts = lock(_with_what_it_needs().filter(enrollment=enrollment))
    for draft in drafts:
        draft.enrollment = enrollment
    return drafts


def _with_what_it_needs() -> "QuerySet[Draft]":
    return Draft.objects.select_related("invoice", "payment", "held_by")


def refusals_of(draft: Draft) -> list[Refusal]:
    """What banks refused of this bill by the enrollment's method, earliest first."""
    with connection.cursor() as cursor:
        cursor.execute(_REFUSALS, [draft.pk])
        (times, codes) = cursor.fetchone()
    return _refusals(draft.enrollment.account.region, times, codes)


def _refusals(region: Region, times: list[dt.datetime], codes: list[str]) -> list[Refusal]:
    zone = region.time_zone
    return [Refusal(business_date(zone, at), code) for at, code in zip(times, codes, strict=True)]
