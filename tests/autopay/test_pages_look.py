"""Every page of autopay, in every state, is accessible at every size, light and dark."""

import datetime as dt
from collections.abc import Iterator

import pytest
from django.urls import reverse

from autopay.models import Enrollment, Scope
from autopay.services import enrollment as services
from billing.models import BillingAccount
from demo.stripe.core import Sandbox
from payments.models import PaymentMethod
from payments.services import methods as saved
from tests.meta.test_look import show
from tests.support import methods
from tests.support.autopay import (
    DUE,
    Calendar,
    announced,
    bill,
    by,
    draft_of,
    enroll,
    run,
    work,
)
from tests.support.autopay_pages import INDEX, browser_of, choose, plan
from tests.support.axe import faults_in_every_look
from tests.support.browser import NewPage
from tests.support.factories import make_account, make_member

pytestmark = pytest.mark.django_db
LATER = dt.date(2026, 12, 7)


@pytest.fixture
def account(calendar: Calendar) -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))


@pytest.fixture
def bank(account: BillingAccount, sandbox: Sandbox) -> PaymentMethod:
    return methods.add(sandbox, account, methods.BANK)


@pytest.fixture
def card(account: BillingAccount, sandbox: Sandbox) -> PaymentMethod:
    """Declined for want of money when it is charged."""
    return methods.add(sandbox, account, "pm_card_chargeCustomerFail")


def full(
    account: BillingAccount, bank: PaymentMethod, card: PaymentMethod, calendar: Calendar
) -> tuple[Enrollment, Enrollment]:
    """Premiums drawn, announced, planned and skipped; medical bills refused, and above the limit."""
    premiums = enroll(bank, scope=Scope.PREMIUMS, day_of_month=15, use_balance=True)
    medical = enroll(card, limit_cents=150_00)
    announced(premiums, 418_00)
    announced(medical, 62_40)
    bill(account, 1_184_75, due_on=LATER)
    bill(account, 25_00, due_on=LATER)
    bill(account, 418_00, due_on=dt.date(2026, 12, 1), kind="premium")
    bill(account, 418_00, due_on=dt.date(2027, 1, 1), kind="premium")
    skipped = bill(account, 12_00, due_on=LATER)
    work(account.region, draw=False)
    services.skip(draft=draft_of(skipped), **by(medical))
    calendar.go_to(DUE)
    run(account.region)
    return premiums, medical


def pages(
    account: BillingAccount, bank: PaymentMethod, card: PaymentMethod, calendar: Calendar
) -> Iterator[tuple[str, str]]:
    """(name, HTML) of each page in its states."""
    nobody = browser_of(make_account())
    yield "nothing yet", nobody.get(INDEX).text
    yield "no method", nobody.get("/autopay/premiums/method/").text
    me = browser_of(account)
    yield "step 1", me.get("/autopay/premiums/method/").text
    me.post("/autopay/premiums/method/", {"method": str(bank.pk)})
    wrong = plan(when="day", day="32", limit="-1", starts_on_year="1999")
    yield "step 2, all wrong", me.post("/autopay/premiums/plan/", wrong).text
    choose(me, bank, "premiums", when="day", day="31", limit="500.00")
    yield "step 3, no tick", me.post("/autopay/premiums/agree/", {}).text
    premiums, medical = full(account, bank, card, calendar)
    me = browser_of(account)
    yield "full", me.get(INDEX).text
    yield "done", me.get(reverse("autopay:on", args=[premiums.reference])).text
    yield "billing home", me.get("/billing/").text
    soon = premiums.drafts.filter(state="planned").first()
    yield "bill", me.get(reverse("billing:detail", args=[soon.invoice_id])).text
    yield "skip", me.get(reverse("autopay:skip", args=[soon.pk])).text
    skipped = medical.drafts.get(reason="by_member")
    yield "unskip", me.get(reverse("autopay:unskip", args=[skipped.pk])).text
    for page in ("change_method", "change_day", "change_limit"):
        yield page, me.get(reverse(f"autopay:{page}", args=[medical.reference])).text
    agree = reverse("autopay:agree_method", args=[medical.reference, bank.pk])
    yield "agree to a method", me.get(agree).text
    yield "cancel", me.get(reverse("autopay:act", args=[medical.reference, "cancel"])).text
    services.pause(enrollment=premiums, **by(premiums))
    saved.remove(method=card)
    calendar.go_to(dt.date(2026, 12, 9))
    run(account.region)
    me = browser_of(account)
    yield "paused and stopped", me.get(INDEX).text
    services.cancel(enrollment=medical, **by(medical))
    yield "canceled", me.get(reverse("autopay:canceled", args=[medical.reference])).text
    me.post(reverse("set_language"), {"language": "es"})
    yield "in Spanish", me.get(INDEX).text


def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    account: BillingAccount,
    bank: PaymentMethod,
    card: PaymentMethod,
    calendar: Calendar,
    new_page: NewPage,
) -> None:
    found, page = [], new_page()
    for name, html in pages(account, bank, card, calendar):
        assert ("Cobros en espera" if name == "in Spanish" else "<h1") in html, name
        show(page, html)
        found += [f"{name}, {line}" for line in faults_in_every_look(page)]
    assert found == []
