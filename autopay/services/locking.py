"""Locks of autopay, in one order: billing account, enrollment, draft; then payment and invoices.

The account's lock is the one that decides races: a change by the member and a draw take it first.
"""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from django.db import connection

from accounts.models import Region
from autopay.models import Draft, Enrollment
from billing.models import BillingAccount, Invoice
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

# Refusals of the bill by this method count, also those under an earlier enrollment.
_CLAIM = f"""
    SELECT {columns(Draft, "draft")}, {columns(Enrollment, "enrollment")},
        {columns(PaymentMethod, "method")}, {columns(Invoice, "invoice")},
        EXISTS (SELECT FROM autopay_run WHERE id = %s AND state IN ('open', 'released')),
        (SELECT count(*) FROM autopay_draftattempt WHERE draft_id = draft.id),
        (SELECT id FROM autopay_notice WHERE draft_id = draft.id AND state = 'delivered'),
        refused.tries, refused.first_at
    FROM autopay_draft draft
    JOIN autopay_enrollment enrollment ON enrollment.id = draft.enrollment_id
    JOIN payments_paymentmethod method ON method.id = enrollment.method_id
    JOIN billing_invoice invoice ON invoice.id = draft.invoice_id
    CROSS JOIN LATERAL (
        SELECT count(*) AS tries, min(attempt.at) AS first_at
        FROM autopay_draft tried
        JOIN autopay_draftattempt attempt ON attempt.draft_id = tried.id
        JOIN payments_payment payment ON payment.id = attempt.payment_id
        WHERE tried.invoice_id = draft.invoice_id
            AND payment.saved_method_id = enrollment.method_id
            AND payment.state IN ('failed', 'returned')
    ) refused
    WHERE draft.id = %s
    FOR NO KEY UPDATE OF enrollment, invoice
    FOR NO KEY UPDATE OF draft SKIP LOCKED
"""  # noqa: S608  # nosec B608  names of columns


@dataclass(frozen=True, slots=True)
class Claimed:
    """A draft in this worker's hands: locked with its account, enrollment and bill."""

    draft: Draft
    run_draws: bool
    attempts: int
    notice_id: int | None  # the delivered one that stands
    tries: int  # refusals of the bill by the enrollment's method
    first_try_at: dt.datetime | None


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
    draft = lock_one(Draft.objects.select_related("invoice", "payment").filter(pk=pk))
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
    return Claimed(draft, *values)


def _next(model: type[Any], values: Iterator[object]) -> Any:
    """A model's row from the values that come next."""
    return row_of(model, list(islice(values, len(model._meta.concrete_fields))))


def lock_drafts(enrollment: Enrollment) -> list[Draft]:
    """Every draft of a locked enrollment, by key."""
    drafts = lock(Draft.objects.select_related("invoice", "payment").filter(enrollment=enrollment))
    for draft in drafts:
        draft.enrollment = enrollment
    return drafts
