"""What the page of autopay says, and what other pages say about autopay."""

import datetime as dt
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from autopay.models import Enrollment, Scope
from autopay.services import enrollment as services
from demo.stripe.core import Sandbox
from payments.models import Payment
from tests.support import methods
from tests.support.autopay import DUE, Calendar, announced, bill, by, enroll, enrolled, run
from tests.support.autopay_pages import INDEX, browser_of
from tests.support.factories import make_account, make_invoice

pytestmark = pytest.mark.django_db


@pytest.fixture
def stands(sandbox: Sandbox, calendar: Calendar) -> Enrollment:
    return enrolled(sandbox)


def text_of(client: Client, url: str = INDEX) -> str:
    """The words of a page, one space between them; what only a drawing says left out."""
    page = client.get(url)
    assert page.status_code == 200
    without = re.sub(r"<svg.*?</svg>", " ", page.text, flags=re.DOTALL)
    return " ".join(re.sub(r"<[^>]+>", " ", without).split())


def see(stands: Enrollment, url: str = INDEX) -> str:
    return text_of(browser_of(stands.account), url)


def test_without_autopay_the_page_explains_it_and_leads_on() -> None:
    client = browser_of(make_account())
    text = text_of(client)
    for words in (
        "We mail you the amount and the date at least 10 days before each draw.",
        "Set up autopay for premiums",
        "Set up autopay for medical bills",
        "You need a saved card or bank account.",
    ):
        assert words in text, words
    assert f'href="{INDEX}"' in client.get("/billing/").text


def test_the_next_three_draws_come_with_dates_and_amounts(sandbox: Sandbox, calendar: Calendar) -> None:
    account = make_account()
    bank = methods.add(sandbox, account, methods.BANK)
    stands = enroll(bank, scope=Scope.PREMIUMS, day_of_month=31)
    announced(stands, 418_00, due_on=dt.date(2026, 11, 30))
    text = see(stands)
    order = ["Nov. 30, 2026", "$418.00", "Dec. 31, 2026", "No bill yet", "Feb. 1, 2027", "No bill yet"]
    place = text.index("Next draws")
    for words in order:
        place = text.index(words, place) + 1
    drawn = browser_of(account).get(INDEX).text
    assert drawn.count('class="month-draw"') == 1
    assert drawn.count('class="month-chosen"') == 2


def test_at_most_three_are_shown_the_earliest_first(stands: Enrollment) -> None:
    for day in (7, 4, 9, 8):
        bill(stands, day * 100, due_on=dt.date(2026, 12, day))
    services.change_limit(enrollment=stands, limit_cents=500_00, **by(stands))
    text = see(stands)
    assert re.findall(r"\$(\d)\.00 Draw of", text) == ["4", "7", "8"]


def test_a_draw_that_comes_after_the_due_date_says_so_and_offers_to_pay(stands: Enrollment) -> None:
    """Too late to be announced ten days before."""
    late = "This is after the bill is due. Pay it yourself to be on time."
    on_time = announced(stands)
    assert late not in see(stands)
    soon = announced(stands, due_on=dt.date(2026, 11, 6))
    assert see(stands).count(late) == 1
    page = browser_of(stands.account).get(INDEX).text
    assert f"/pay/?bill={soon.invoice_id}" in page
    assert f"/pay/?bill={on_time.invoice_id}" not in page


def test_a_refused_draw_says_why_and_offers_to_pay(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox, card="pm_card_chargeCustomerFail")
    draft = announced(stands, 62_40)
    calendar.go_to(DUE)
    run(stands.account.region)
    text = see(stands)
    assert "Next try Your bank did not approve this payment. We try again on this day." in text
    pay = reverse("payments:choose", query={"bill": draft.invoice_id})
    assert f'href="{pay}"' in browser_of(stands.account).get(INDEX).text


def test_a_draw_that_is_over_says_why_and_offers_to_pay(sandbox: Sandbox, calendar: Calendar) -> None:
    stands = enrolled(sandbox, card="pm_card_authenticationRequired")
    draft = announced(stands, 62_40)
    calendar.go_to(DUE)
    run(stands.account.region)
    text = see(stands)
    assert f"$62.40 for bill {draft.invoice.number} was not paid" in text
    assert "Your bank wants you to confirm this payment." in text
    assert "Autopay does not try again. Please pay it yourself." in text


def test_what_was_drawn_leads_to_its_payment(stands: Enrollment, calendar: Calendar) -> None:
    announced(stands)
    calendar.go_to(DUE)
    run(stands.account.region)
    reference = Payment.objects.get().reference
    text = see(stands)
    assert f"What was drawn Nov. 16, 2026 $120.00 Paid Payment {reference}" in text
    assert "No bill is waiting." in text


def test_other_pages_say_what_is_drawn_and_when(stands: Enrollment) -> None:
    draft = announced(stands)
    detail = reverse("billing:detail", args=[draft.invoice_id])
    said = "On autopay, drawn on Nov. 16, 2026"
    assert "Next autopay draw $120.00 on Nov. 16, 2026, from Visa ending in 4242" in see(
        stands, "/billing/"
    )
    assert f"{said} $120.00 is taken from Visa ending in 4242." in see(stands, detail)
    assert said in see(stands, "/pay/")

    services.pause(enrollment=stands, **by(stands))
    assert "Next autopay draw None planned." in see(stands, "/billing/")
    for page in (detail, "/pay/"):
        assert said not in see(stands, page)


def test_a_bill_that_nobody_draws_says_nothing_of_it(stands: Enrollment) -> None:
    mine = make_invoice(stands.account, kind="premium")
    assert "autopay, drawn" not in see(stands, reverse("billing:detail", args=[mine.pk]))


def test_the_page_asks_the_database_no_more_for_twenty_bills_than_for_one(stands: Enrollment) -> None:
    client, counts = browser_of(stands.account), []
    for size in (1, 19):
        for _ in range(size):
            bill(stands, due_on=dt.date(2026, 12, 7))
        services.change_limit(enrollment=stands, limit_cents=1_000_00 + size, **by(stands))
        client.get(INDEX)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(INDEX).status_code == 200
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert counts[0] <= 11, counts
