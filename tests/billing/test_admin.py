"""Staff look at accounts, bills and the books, each role at its own, and change nothing."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from billing.models import Invoice, JournalEntry
from tests.support.factories import make_account, make_invoice, make_staff

pytestmark = pytest.mark.django_db

MODELS = ("billingaccount", "invoice", "journalentry", "ledgerblock")
BOOKS = ("journalentry", "ledgerblock")


@pytest.fixture
def invoice() -> Invoice:
    return make_invoice(
        make_account(account_number="7001"), 80_00, number="M-1", provider="Lake Clinic"
    )


def staff_client(role: Role | None) -> Client:
    client = Client()
    client.force_login(make_staff(role))
    return client


def test_an_agent_finds_a_bill_by_its_number_and_reads_it(invoice: Invoice) -> None:
    client = staff_client(Role.BILLING_AGENT)
    found = client.get(reverse("admin:billing_invoice_changelist"), {"q": "M-1"})
    assert found.status_code == 200
    assert found.context["cl"].result_count == 1

    page = client.get(reverse("admin:billing_invoice_change", args=[invoice.pk]))
    assert page.status_code == 200
    text = page.content.decode()
    assert "Lake Clinic" in text
    assert text.count("$80.00") == 4  # billed and owed; the line's charge and the patient's part
    assert "Receivable" not in text


def test_a_supervisor_reads_the_postings_of_a_bill_too(invoice: Invoice) -> None:
    client = staff_client(Role.SUPERVISOR)
    text = client.get(reverse("admin:billing_invoice_change", args=[invoice.pk])).content.decode()
    assert text.count("Receivable") == 1
    assert text.count("Billed revenue") == 1


@pytest.mark.parametrize("role", [*Role, None])
def test_nothing_on_the_staff_pages_is_a_field_to_edit(role: Role | None, invoice: Invoice) -> None:
    client = staff_client(role)
    url = reverse("admin:billing_invoice_change", args=[invoice.pk])
    page = client.get(url).content.decode()
    assert 'name="total_cents"' not in page
    assert 'name="_save"' not in page

    assert client.post(url, {"open_cents": "0", "total_cents": "0"}).status_code == 403
    assert client.post(f"{url[: -len('change/')]}delete/", {"post": "yes"}).status_code == 403
    assert client.get(reverse("admin:billing_invoice_add")).status_code == 403
    invoice.refresh_from_db()
    assert (invoice.total_cents, invoice.open_cents) == (80_00, 80_00)


def test_the_books_are_for_those_who_check(invoice: Invoice) -> None:
    sees = {
        role: [
            staff_client(role).get(reverse(f"admin:billing_{model}_changelist")).status_code == 200
            for model in MODELS
        ]
        for role in Role
    }
    assert sees == {
        Role.BILLING_AGENT: [True, True, False, False],
        Role.SUPERVISOR: [True, True, True, True],
        Role.AUDITOR: [True, True, True, True],
    }


def test_an_auditor_reads_both_sides_of_an_entry(invoice: Invoice) -> None:
    entry = JournalEntry.objects.get(source="invoice", source_id=str(invoice.pk))
    client = staff_client(Role.AUDITOR)
    page = client.get(reverse("admin:billing_journalentry_change", args=[entry.pk]))
    assert page.status_code == 200
    text = page.content.decode()
    assert "Receivable" in text
    assert "Billed revenue" in text
    assert "$80.00" in text
    assert "−$80.00" in text

    listed = client.get(reverse("admin:billing_journalentry_changelist"), {"q": "M-1"})
    assert listed.context["cl"].result_count == 1
