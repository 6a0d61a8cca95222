"""No role changes a ledger, payment or audit row through any address of the admin."""

from collections.abc import Iterator

import pytest
from django.contrib import admin
from django.db import connection
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.models import Region
from accounts.roles import Role
from demo.stripe.core import Sandbox
from payments.models import Refund
from payments.services import refunds
from staff.models import AuditRecord
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of

pytestmark = pytest.mark.django_db

# Corrected by a superuser: a telephone, hours, texts. No money, no record of who did what.
EDITED = {"region"}
MONEY_OR_RECORD = ("billing_", "payments_", "staff_", "accounts_member", "mfa_")


def snapshot(audited: int) -> dict[str, str]:
    """A fingerprint of each table that holds money or says who did what.

    Looking is written into the audit log, so that is compared up to its record `audited`.
    """
    with connection.cursor() as cursor:
        tables = [
            name
            for name in connection.introspection.table_names(cursor)
            if name.startswith(MONEY_OR_RECORD)
        ]
        prints = {}
        for table in tables:
            rows = f'FROM "{table}" t'
            if table == AuditRecord._meta.db_table:
                rows += f" WHERE t.id <= {audited}"
            cursor.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) {rows}")
            prints[table] = cursor.fetchone()[0]
    return prints


def admin_urls(sandbox: Sandbox) -> Iterator[str]:
    """Every list, form and deletion of every registered model, with a row where there is one."""
    for model in admin.site._registry:
        if model._meta.model_name in EDITED:
            continue
        base = f"admin:{model._meta.app_label}_{model._meta.model_name}"
        yield reverse(f"{base}_changelist")
        yield reverse(f"{base}_add")
        row = model._default_manager.first()
        if row is not None:
            for page in ("change", "delete", "history"):
                yield reverse(f"{base}_{page}", args=[row.pk])


def post(client: Client, url: str) -> HttpResponse:
    """As a form of Django's admin would be sent: save, delete, and an action on every row."""
    data = {
        "post": "yes", "_save": "Save", "action": "delete_selected", "_selected_action": ["1", "2"],
        "amount_cents": "1", "state": "canceled", "open_cents": "0", "balance_cents": "1",
        "first_name": "X", "role": "X", "reason": "X",
    }  # fmt: skip
    return client.post(url, data)


@pytest.mark.parametrize("role", [*Role, None], ids=str)
def test_nobody_adds_changes_or_deletes(sandbox: Sandbox, role: Role | None) -> None:
    payment = paying.pay(sandbox, make_invoice(make_account(), 500_00))
    refunds.request(
        payment=payment,
        amount_cents=1_00,
        destination=Refund.Destination.BALANCE,
        reason="",
        requested_by=None,
    )
    act(
        browser_of(make_staff(Role.BILLING_AGENT)),
        reverse("admin:desk_refund", args=[payment.reference]),
        {"amount": "300.00", "destination": "source", "reason": "x"},
    )
    client, urls = browser_of(make_staff(role)), list(admin_urls(sandbox))
    assert len(urls) > 20
    audited = AuditRecord.objects.latest("pk").pk
    before = snapshot(audited)
    for url in urls:
        client.get(url)
        assert post(client, url).status_code in (200, 302, 403, 404, 405), url
    assert snapshot(audited) == before
    assert Region.objects.count() == 8
