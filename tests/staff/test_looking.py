"""Whoever of ours sees a member's name is in the audit log: whose it was, from where, by which page."""

from pathlib import Path

import pytest
from django.conf import LazySettings
from django.db import transaction
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from demo.stripe.core import Sandbox
from staff.models import Action, AuditRecord
from support.services import chat
from tests.meta import access_matrix as matrix
from tests.meta.access_matrix import ROWS, World
from tests.support import paying
from tests.support.chat import make_conversation
from tests.support.factories import make_account, make_invoice, make_member, make_staff
from tests.support.staff import browser_of, text_of

pytestmark = pytest.mark.django_db

NAME = "Quillfeather"


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Zora", last_name=NAME))


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


def last() -> AuditRecord:
    return AuditRecord.objects.latest("pk")


def shows(response: HttpResponse, name: str) -> bool:
    return response.status_code == 200 and name in b"".join(response).decode(errors="replace")


def test_every_staff_page_that_shows_a_members_name_is_recorded(
    sandbox: Sandbox, settings: LazySettings, tmp_path: Path
) -> None:
    """Asked as a superuser, who sees every page."""
    settings.DEMO_MAILBOX = tmp_path
    world, client = World(sandbox), browser_of(make_staff(None))
    make_conversation(world.account)
    member = world.account.guarantor.last_name
    shown, unrecorded = set(), []
    for name, row in ROWS.items():
        allowed = row.outcomes[matrix.SUPERUSER] == matrix.OK and row.method == "get"
        if not allowed or not name.startswith(("admin:", "desk:")):
            continue
        with transaction.atomic():
            url = row.path(world) if row.path else reverse(name, args=row.args(world))
            before = AuditRecord.objects.count()
            if shows(client.get(url, row.data), member):
                shown.add(name)
                if AuditRecord.objects.count() == before:
                    unrecorded.append(name)
            transaction.set_rollback(True)
    assert unrecorded == []
    # So that the walk is one: pages of the desk, of the admin and of the chat are among them.
    assert {"admin:desk_refund", "admin:accounts_member_changelist", "desk:index"} <= shown
    assert len(shown) >= 20


class TestTheAdminsRecords:
    @pytest.mark.parametrize("page", ["change", "history"])
    def test_a_record_is_looked_at(
        self, supervisor: Client, account: BillingAccount, page: str
    ) -> None:
        bill = make_invoice(account)
        for model, row in (
            ("accounts_member", account.guarantor),
            ("accounts_user", account.guarantor.user),
            ("billing_billingaccount", account),
            ("billing_invoice", bill),
        ):
            answer = supervisor.get(reverse(f"admin:{model}_{page}", args=[row.pk]))
            assert answer.status_code == 200
            record = last()
            assert (record.action, record.member) == (Action.LOOKED, account.guarantor), model
            assert record.reference == f"{row._meta.label_lower} {row.pk}"
        assert AuditRecord.objects.count() == 4

    def test_a_search_is_in_the_log_with_what_was_asked(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        page = supervisor.get(reverse("admin:accounts_member_changelist"), {"q": "Quill"})
        assert NAME in page.content.decode()
        assert (last().action, last().reference) == (Action.LISTED, "list accounts.member")
        assert last().detail == {"q": "Quill"}

    def test_nothing_shown_is_nothing_recorded(self, account: BillingAccount) -> None:
        agent = browser_of(make_staff(Role.BILLING_AGENT))
        assert agent.get(reverse("admin:accounts_user_changelist")).status_code == 403
        assert agent.get(reverse("admin:accounts_member_change", args=[0])).status_code == 302
        assert AuditRecord.objects.count() == 0


def test_the_form_of_an_act_is_a_look_and_so_is_its_confirmation(
    sandbox: Sandbox, supervisor: Client, account: BillingAccount
) -> None:
    payment = paying.pay(sandbox, make_invoice(account, 50_00))
    url = reverse("admin:desk_refund", args=[payment.reference])
    supervisor.get(url)
    supervisor.post(url, {"amount": "5", "destination": "source", "reason": "Twice"})
    supervisor.post(url, {"amount": "-5"})
    looks = list(AuditRecord.objects.values_list("action", "reference", "account"))
    assert looks == [(Action.LOOKED, payment.reference, account.pk)] * 3


def test_the_list_of_refunds_that_wait_is_a_look(supervisor: Client, sandbox: Sandbox) -> None:
    world = World(sandbox)
    world.refund_request()
    page = supervisor.get(reverse("admin:desk_requests"))
    assert shows(page, world.account.guarantor.last_name)
    assert (last().action, last().reference) == (Action.LISTED, "list refund-requests")


def test_a_social_security_number_that_was_typed_does_not_stay(supervisor: Client) -> None:
    supervisor.post(reverse("admin:desk_find"), {"q": "Quill 123-45-6789"})
    assert last().detail["asked"] == "Quill [number removed]"
    supervisor.post(reverse("admin:desk_find"), {"q": "NC-123-45-67890"})
    assert last().detail["asked"] == "NC-123-45-67890"


class TestTheChat:
    def test_a_forged_address_changes_nothing(
        self, supervisor: Client, account: BillingAccount
    ) -> None:
        url = reverse("desk:show", args=[make_conversation(account).pk])
        supervisor.get(url, HTTP_X_FORWARDED_FOR="198.51.100.7", HTTP_USER_AGENT="Firefox")
        assert (last().ip_address, last().user_agent) == ("127.0.0.1", "Firefox")
        assert last().action == Action.CHAT_READ

    def test_behind_our_proxy_only_what_it_says_counts(
        self, supervisor: Client, account: BillingAccount, settings: LazySettings
    ) -> None:
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1
        url = reverse("desk:show", args=[make_conversation(account).pk])
        supervisor.get(url, HTTP_X_FORWARDED_FOR="198.51.100.7, 203.0.113.5")
        assert last().ip_address == "203.0.113.5"

    def test_a_patient_without_an_account_is_named(self, supervisor: Client) -> None:
        patient = make_member(last_name=NAME)
        conversation = chat.open_by_user(
            user=patient.user,
            account=None,
            region=patient.region,
            subject="My card",
            text="Where is it?",
            language="en",
            at=now(),
        )
        supervisor.get(reverse("desk:show", args=[conversation.pk]))
        assert (last().account, last().member) == (None, patient)

    def test_the_queue_is_a_list(self, supervisor: Client, account: BillingAccount) -> None:
        make_conversation(account)
        supervisor.get(reverse("desk:index"))
        assert (last().action, last().reference) == (Action.LISTED, "list chat")
        page = supervisor.get(reverse("desk:queue"))
        assert AuditRecord.objects.count() == 2
        seen = page.context["version"]
        assert supervisor.get(reverse("desk:queue"), {"seen": seen}).status_code == 204
        assert AuditRecord.objects.count() == 2


def test_reading_the_audit_log_is_in_it() -> None:
    auditor = browser_of(make_staff(Role.AUDITOR))
    page = auditor.post(reverse("admin:desk_audit"), {"account": "50000001"})
    assert page.status_code == 200
    assert (last().action, last().detail) == (Action.AUDIT_READ, {"account": "50000001"})
    assert "Read or exported the audit log" in text_of(page)
