"""Locks of autopay, in one order: billing account, enrollment, draft; then payment and invoices.

The account's lock is the one that decides races: a change by the member and a draw take it first.
"""

from autopay.models import Draft, Enrollment
from billing.models import BillingAccount
from common.locks import lock, lock_one


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


def claim_draft(pk: int) -> Draft | None:
    """As lock_draft; None where another worker has the draft in its hands."""
    enrollment = _lock_enrollment_of(pk)
    draft = (
        Draft.objects.select_related("invoice", "payment")
        .select_for_update(of=("self",), skip_locked=True, no_key=True)
        .filter(pk=pk)
        .first()
    )
    if draft is not None:
        draft.enrollment = enrollment
    return draft


def lock_drafts(enrollment: Enrollment) -> list[Draft]:
    """Every draft of a locked enrollment, by key."""
    drafts = lock(Draft.objects.select_related("invoice", "payment").filter(enrollment=enrollment))
    for draft in drafts:
        draft.enrollment = enrollment
    return drafts
