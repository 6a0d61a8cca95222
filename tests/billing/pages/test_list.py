"""Finding bills: rows B2 and A7."""

import datetime as dt

import pytest
from django.test import Client

from billing.models import Invoice
from billing.services import invoices
from tests.billing.pages.household import LIST, TODAY, Household, detail
from tests.support.billing import settle, words
from tests.support.factories import make_account, make_invoice
from tests.support.history import make_one_payment

pytestmark = pytest.mark.django_db


def listed(client: Client, query: str = "") -> list[str]:
    """The numbers of the bills on a page of the list, in order."""
    response = client.get(LIST + query)
    assert response.status_code == 200
    return [row.number for row in response.context["rows"]]


def test_the_list_opens_on_what_is_open_and_has_tabs_for_the_rest(household: Household) -> None:
    account = household.account
    make_invoice(account, 10_00, number="OPEN-LATER", due_on=dt.date(2026, 12, 9))
    make_invoice(account, 10_00, number="OPEN-SOON", due_on=dt.date(2026, 12, 1))
    settle(make_invoice(account, 10_00, number="PAID"), 10_00, on=TODAY)
    invoices.void(invoice=make_invoice(account, 10_00, number="VOID"))

    assert listed(household.client) == ["OPEN-SOON", "OPEN-LATER"]
    assert listed(household.client, "?state=paid") == ["PAID"]
    assert sorted(listed(household.client, "?state=all")) == ["OPEN-LATER", "OPEN-SOON", "PAID", "VOID"]
    text = words(household.client.get(LIST))
    assert "Open (2) Paid (1) All (4)" in text


def test_every_bill_in_the_list_names_its_patient_state_and_amounts(household: Household) -> None:
    partly = make_invoice(household.account, 100_00, number="M-1", patient=household.ben)
    settle(partly, 30_00, on=TODAY)
    late = make_invoice(
        household.account, 20_00, number="M-2", patient=household.cleo, due_on=dt.date(2026, 10, 1)
    )
    text = words(household.client.get(LIST))
    assert text.count("Medical, Sept. 14, 2026, M-") == 2
    first, second = text.split("M-2")[1].split("M-1")[0], text.split("M-1")[1]
    assert first.split("Lake Clinic")[0].strip() == ("Cleo Okafor Oct. 1, 2026 $20.00 Past due")
    assert second.strip() == "Ben Okafor Nov. 30, 2026 $70.00 of $100.00 Partly paid"
    page = household.client.get(LIST).content.decode()
    assert f'href="{detail(partly)}"' in page
    assert f'href="{detail(late)}"' in page


def test_the_list_filters_by_kind_patient_and_year(household: Household) -> None:
    account = household.account
    make_invoice(account, number="MED", patient=household.ben)
    make_invoice(account, number="HOSP", kind=Invoice.Kind.HOSPITAL, patient=household.cleo)
    make_invoice(account, number="PREM", kind=Invoice.Kind.PREMIUM, service_on=dt.date(2025, 12, 1))
    client = household.client

    assert sorted(listed(client, "?kind=medical")) == ["HOSP", "MED"]
    assert listed(client, "?kind=hospital") == ["HOSP"]
    assert listed(client, "?kind=premium") == ["PREM"]
    assert listed(client, f"?patient={household.cleo.pk}") == ["HOSP"]
    assert listed(client, "?year=2025") == ["PREM"]
    assert listed(client, f"?year=2026&patient={household.ben.pk}&kind=medical") == ["MED"]
    page = client.get(f"{LIST}?patient={household.cleo.pk}")
    assert f'<option value="{household.cleo.pk}" selected>Cleo Okafor</option>' in page.content.decode()
    assert [name for _key, name in page.context["selects"][0]["options"][1:]] == [
        "Ada Okafor", "Ben Okafor", "Cleo Okafor",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("since=9/14/2026", ["LAST", "NEXT"]),
        ("until=9/14/2026", ["FIRST", "LAST"]),
        ("since=2026-09-01&until=2026-09-14", ["LAST"]),
        ("since=9/14/2026&until=9/14/2026", ["LAST"]),
        ("year=2026&since=9/15/2026", ["NEXT"]),
        ("year=2025&since=9/15/2026", []),
    ],
)
def test_the_list_filters_by_a_period_of_service_and_both_days_belong_to_it(
    household: Household, query: str, found: list[str]
) -> None:
    for number, day in (
        ("FIRST", dt.date(2026, 8, 31)),
        ("LAST", dt.date(2026, 9, 14)),
        ("NEXT", dt.date(2026, 9, 15)),
    ):
        make_invoice(household.account, number=number, service_on=day)
    assert listed(household.client, f"?{query}") == found
    page = household.client.get(f"{LIST}?state=all&{query}").context
    assert page["tabs"][0][2] == len(found)
    assert page["asked"].is_narrowed


def test_a_period_stays_with_tabs_and_pages(household: Household) -> None:
    for index in range(21):
        make_invoice(household.account, 1_00, number=f"N{index:02d}")
    page = household.client.get(f"{LIST}?since=9/1/2026&until=9/30/2026").content.decode()
    assert 'href="/billing/bills/?since=2026-09-01&amp;until=2026-09-30&amp;page=2"' in page
    assert 'href="/billing/bills/?state=paid&amp;since=2026-09-01&amp;until=2026-09-30"' in page
    assert 'value="9/1/2026"' in page


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("since=yesterday", "Enter a day that there is, like 5/3/2026."),
        ("since=2/30/2026", "Enter a day that there is, like 5/3/2026."),
        ("until=0001-01-01", "Enter a day that there is, like 5/3/2026."),
        ("since=9/2/2026&until=9/1/2026", "This day is before the first one."),
    ],
)
@pytest.mark.parametrize("url", [LIST, "/payments/"])
def test_a_bad_day_is_explained_beside_its_box(
    household: Household, url: str, query: str, told: str
) -> None:
    paid = make_invoice(household.account)
    make_one_payment(household.account, [paid])
    page = household.client.get(f"{url}?{query}")
    name = "until" if "until" in query else "since"
    assert told in words(page)
    assert f'id="id_{name}_error"' in page.content.decode()
    assert f'aria-describedby="id_{name}_error"' in page.content.decode()


def test_the_list_finds_a_bill_by_number_or_provider_whatever_the_case(household: Household) -> None:
    make_invoice(household.account, number="XK-100", provider="Lake Clinic")
    make_invoice(household.account, number="ZZ-200", provider="Río Radiology 100%")
    client = household.client
    assert listed(client, "?search=xk-1") == ["XK-100"]
    assert listed(client, "?search=RADIO") == ["ZZ-200"]
    assert listed(client, "?search=100%25") == ["ZZ-200"]  # a percent sign is no wildcard
    assert listed(client, "?search=nothing") == []
    assert "No bill matches" in words(client.get(f"{LIST}?search=nothing"))


def test_the_list_sorts(household: Household) -> None:
    rows = [(10, 5_00, 1), (5, 9_00, 2), (20, 7_00, 3)]
    for day, cents, month in rows:
        make_invoice(
            household.account,
            cents,
            number=f"D{day}",
            due_on=dt.date(2026, 12, day),
            service_on=dt.date(2026, month, 1),
        )
    client = household.client
    assert listed(client) == ["D5", "D10", "D20"]
    assert listed(client, "?sort=due-latest") == ["D20", "D10", "D5"]
    assert listed(client, "?sort=visit") == ["D20", "D5", "D10"]
    assert listed(client, "?sort=owed") == ["D5", "D20", "D10"]


def test_the_list_has_pages_that_neither_repeat_nor_skip(household: Household) -> None:
    for index in range(45):
        make_invoice(household.account, 1_00, number=f"N{index:02d}")  # all due on one day
    client = household.client
    pages = [listed(client, f"?page={page}") for page in (1, 2, 3)]
    assert [len(page) for page in pages] == [20, 20, 5]
    assert sorted(number for page in pages for number in page) == [
        f"N{index:02d}" for index in range(45)
    ]
    assert "page 3 of 3" in words(client.get(f"{LIST}?page=3"))
    middle = client.get(f"{LIST}?page=2&kind=medical").content.decode()
    assert 'href="/billing/bills/?kind=medical"' in middle  # back to the first page
    assert 'href="/billing/bills/?kind=medical&amp;page=3"' in middle
    assert listed(client, "?page=999") == pages[2]  # past the end is the end


@pytest.mark.parametrize(
    ("query", "named"),
    [
        ("state=stolen", "Status"),
        ("kind=dental", "Kind"),
        ("patient=abc", "Patient"),
        ("patient=-1", "Patient"),
        ("patient=99999999999999999999999", "Patient"),
        ("patient=%D9%A3", "Patient"),
        ("year=0", "Year of service"),
        ("year=99999", "Year of service"),
        ("year=2026'--", "Year of service"),
        ("since=2/30/2026", "Service from"),
        ("until=99999-01-01", "Service to"),
        ("since=9/2/2026&until=9/1/2026", "Service to"),
        ("sort=password", "Sort by"),
        ("page=0", "Page"),
        ("page=-3", "Page"),
        ("page=1e9", "Page"),
        ("search=%00", "Search"),
        (f"search={'x' * 101}", "Search"),
    ],
)
def test_a_value_that_means_nothing_is_left_out_and_named(
    household: Household, query: str, named: str
) -> None:
    make_invoice(household.account, number="M-1")
    page = household.client.get(f"{LIST}?{query}")
    assert page.status_code == 200
    assert f"We left it out: {named}." in words(page)
    assert [row.number for row in page.context["rows"]] == ["M-1"]


def test_filters_by_another_households_patient_find_nothing(household: Household) -> None:
    make_invoice(household.account)
    stranger = make_account()
    make_invoice(stranger)
    page = household.client.get(f"{LIST}?patient={stranger.guarantor.pk}")
    assert page.context["rows"] == []
    assert "No bill matches" in words(page)


@pytest.mark.parametrize(
    ("query", "sentence"),
    [("", "You have no open bills."), ("?state=paid", "No paid bills yet")],
)
def test_an_empty_tab_says_so(household: Household, query: str, sentence: str) -> None:
    bill = make_invoice(household.account)
    if not query:
        settle(bill, bill.total_cents, on=TODAY)
    assert sentence in words(household.client.get(LIST + query))


def test_a_list_without_any_bill_says_so(household: Household) -> None:
    assert "When a bill or a premium arrives, it appears here." in words(household.client.get(LIST))
