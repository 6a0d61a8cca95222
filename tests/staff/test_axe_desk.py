"""axe finds nothing on the desk's forms, confirmations and lists, nor on those of the second step."""

from typing import Any

import pytest
from django.conf import settings
from django.urls import reverse

from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments import methods
from payments.services import recorded
from tests.support import paying
from tests.support.axe import axe_violations
from tests.support.browser import NewPage
from tests.support.factories import PASSWORD, make_account, make_invoice, make_staff
from tests.support.history import dispute
from tests.support.staff import browser_of

LISTS = ("today", "late-older", "unapplied", "returned", "refunds")


@pytest.fixture
def account(sandbox: Sandbox) -> BillingAccount:
    """With bills, a balance, and a payment that a bank took back in part."""
    account = make_account()
    dispute(paying.pay(sandbox, make_invoice(account, 30_00)), 10_00, is_return=True)
    paying.add_money(sandbox, account, 20_00)
    make_invoice(account, 50_00)
    return account


@pytest.mark.django_db(transaction=True)
def test_pages_of_the_desk(
    sandbox: Sandbox, new_page: NewPage, live_server: Any, account: BillingAccount
) -> None:
    superuser = make_staff(None)
    check = recorded.record(
        account=account,
        kind=methods.CHECK,
        amounts={},
        to_balance_cents=10_00,
        check_number="1042",
        recorded_by=superuser,
    )
    paid = paying.pay(sandbox, make_invoice(account, 40_00))
    bill = account.invoices.filter(open_cents__gt=0).latest("pk")
    client = browser_of(superuser)
    client.post("/login/again/", {"password": PASSWORD})
    cookie = client.cookies[settings.SESSION_COOKIE_NAME].value
    page = new_page()
    page.context.add_cookies(
        [{"name": settings.SESSION_COOKIE_NAME, "value": cookie, "url": live_server.url}]
    )
    found: dict[str, list[str]] = {}

    def look(path: str, press: str = "") -> None:
        answer = page.goto(live_server.url + path)
        assert answer is not None
        assert answer.status == 200, path
        if press:
            page.get_by_role("main").get_by_role("button", name=press).click()
            page.wait_for_load_state("load")
        found[f"{path} {press}"] = axe_violations(page)

    for name in LISTS:
        look(reverse("admin:desk_list", args=[name]))
    look(reverse("admin:desk_account", args=[account.pk]))
    look(reverse("admin:desk_payment", args=[check.reference]))
    look(reverse("admin:desk_record", args=[account.pk]))
    look(reverse("admin:desk_record", args=[account.pk]), press="Check the effect")  # what is missing
    look(reverse("admin:desk_undo", args=[check.reference]))
    look(reverse("admin:desk_move", args=[paid.reference]))
    look(reverse("admin:desk_refund", args=[paid.reference]))
    look(reverse("admin:desk_correct", args=[bill.pk]))
    look(reverse("admin:desk_cancel", args=[bill.pk]))
    look(reverse("admin:desk_apply_balance", args=[account.pk]))
    look(reverse("admin:desk_requests"))
    look(reverse("admin:desk_audit"))
    look(reverse("mfa_index"))
    look(reverse("mfa_deactivate_totp"))
    look(reverse("mfa_generate_recovery_codes"))
    look(reverse("mfa_reauthenticate"))
    page.goto(live_server.url + reverse("admin:desk_undo", args=[check.reference]))
    page.get_by_label("What was wrong").fill("Typed for the wrong account")
    page.get_by_role("button", name="Check the effect").click()
    page.get_by_role("button", name="Take back").wait_for()
    found["what will happen"] = axe_violations(page)
    assert "\n".join(f"{path}: {line}" for path, lines in found.items() for line in lines) == ""
