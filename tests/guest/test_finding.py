"""Looking for a bill: what finds one, what does not, and that nobody can tell why not."""

import datetime as dt
import html
import re

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from accounts.models import Region
from billing.models import Invoice
from billing.services import invoices
from common import references
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.guest import finding
from payments.guest.finding import CODE_LIVES, Found
from tests.support import guests, paying
from tests.support.billing import set_aside, words
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.guests import BILL
from tests.support.pages import neutral

pytestmark = pytest.mark.django_db(transaction=True)

TODAY = dt.date(2026, 11, 20)
CURSOR = re.compile(r"_django_curs_\w+")


@pytest.fixture
def bill() -> Invoice:
    owner = make_member(first_name="José", last_name="O'Neil-Núñez", date_of_birth=dt.date(1984, 5, 3))
    return make_invoice(make_account(owner, account_number="NC-204-7718"), 84_20)


def code_of_nobody() -> str:
    return references.generate("", 12)


def by_code(bill: Invoice, code: str = "", region: Region | None = None) -> Found | None:
    return finding.by_code(
        region=region or bill.account.region, code=code or str(bill.pay_code), on=TODAY
    )


@pytest.mark.parametrize("typed", ["{}", " {} ", "{:lower}", "{:bare}", "{:spaced}"])
def test_a_code_is_found_however_it_is_typed(bill: Invoice, typed: str) -> None:
    code = str(bill.pay_code)
    forms = {
        "{}": code,
        " {} ": f" {code} ",
        "{:lower}": code.lower(),
        "{:bare}": code.replace("-", ""),
        "{:spaced}": code.replace("-", " "),
    }
    assert by_code(bill, forms[typed]) == Found(bill.account_id, bill.pk)


@pytest.mark.parametrize(
    ("number", "name"),
    [
        ("NC-204-7718", "O'Neil-Núñez"),
        ("nc2047718", "O’NEIL NUNEZ"),
        ("NC 204 7718", "oneilnunez"),
    ],
)
def test_an_account_is_found_however_it_is_typed(bill: Invoice, number: str, name: str) -> None:
    found = finding.by_account(
        region=bill.account.region,
        account_number=number,
        last_name=name,
        date_of_birth=dt.date(1984, 5, 3),
    )
    assert found == Found(bill.account_id, None)


def test_two_accounts_that_differ_by_hyphens_alone_find_nobody_by_number(bill: Invoice) -> None:
    twin = make_member(last_name="O'Neil-Núñez", date_of_birth=dt.date(1984, 5, 3))
    make_invoice(make_account(twin, account_number="NC2047718"), 10_00)
    client = Client()
    assert guests.find(client, guests.by_account(bill.account)).status_code == 422
    assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL


def test_a_code_dies_with_its_bill(bill: Invoice, sandbox: Sandbox) -> None:
    code = str(bill.pay_code)
    paying.pay(sandbox, bill)
    assert by_code(bill, code) is None

    canceled = make_invoice()
    code = str(canceled.pay_code)
    invoices.void(invoice=canceled)
    assert by_code(canceled, code) is None


def test_a_code_on_old_paper_finds_nothing(bill: Invoice) -> None:
    last_day = bill.issued_on + CODE_LIVES - dt.timedelta(days=1)
    region, code = bill.account.region, str(bill.pay_code)
    assert finding.by_code(region=region, code=code, on=last_day) is not None
    assert finding.by_code(region=region, code=code, on=last_day + dt.timedelta(days=1)) is None


def test_a_bill_whose_payment_is_on_its_way_finds_nothing(bill: Invoice) -> None:
    set_aside(bill, 84_20)
    assert by_code(bill) is None


class TestWhatIsWrongShowsNowhere:
    """Bytes and status are the same, and so are the questions to the database."""

    @pytest.fixture(autouse=True)
    def _somebody_was_here_before(self) -> None:
        """What every page says is read once, then kept for a while: not by whom it concerns."""
        Client().get("/guest/")

    def answer(self, typed: dict[str, str]) -> tuple[int, str, list[str]]:
        with CaptureQueriesContext(connection) as asked:
            response = guests.find(Client(), typed)
        page = neutral(response.content.decode(), typed.values())
        page = page.replace(" selected", "")  # the area that was chosen
        questions = [CURSOR.sub("", query["sql"].split("WHERE")[0]) for query in asked]
        return response.status_code, page, questions

    def test_of_a_code(self, bill: Invoice, sandbox: Sandbox) -> None:
        long_ago = business_date(bill.account.region.time_zone) - CODE_LIVES
        old = make_invoice(bill.account, issued_on=long_ago, due_on=long_ago)
        paid, void = make_invoice(bill.account), make_invoice(bill.account)
        wrongs = [
            guests.by_code(bill, code=code_of_nobody()),
            guests.by_code(old),
            guests.by_code(paid),
            guests.by_code(void),
        ]
        paying.pay(sandbox, paid)
        invoices.void(invoice=void)
        status, page, _ = self.answer(wrongs[0])
        assert status == 422
        assert "We could not find a bill to pay" in page
        assert len({str(self.answer(typed)) for typed in wrongs}) == 1

    def test_of_the_right_code_in_another_area(self, bill: Invoice) -> None:
        nobodys = self.answer(guests.by_code(bill, code=code_of_nobody(), region="HI"))
        assert self.answer(guests.by_code(bill, region="HI")) == nobodys

    def test_of_an_account(self, bill: Invoice, sandbox: Sandbox) -> None:
        paid = make_invoice(make_account(make_member(last_name="Paid")), 1_00)
        paying.pay(sandbox, paid)
        wrongs = [
            guests.by_account(bill.account, account_number="NC-000-0000"),
            guests.by_account(bill.account, last_name="Somebody"),
            guests.by_account(bill.account, date_of_birth_year="1985"),
            guests.by_account(paid.account),
        ]
        assert len({str(self.answer(typed)) for typed in wrongs}) == 1
        assert self.answer(wrongs[0])[0] == 422


class TestBadInput:
    def refused(self, typed: dict[str, str]) -> str:
        client = Client()
        with CaptureQueriesContext(connection) as asked:
            response = guests.find(client, typed)
        assert response.status_code == 422
        assert not [q for q in asked if "billing_invoice" in q["sql"] or "billing_account" in q["sql"]]
        return words(response)

    @pytest.mark.parametrize("place", range(13))
    def test_a_mistyped_code_is_told_at_once_without_a_look_up(self, bill: Invoice, place: int) -> None:
        bare = str(bill.pay_code).replace("-", "")
        other = references.ALPHABET[(references.ALPHABET.index(bare[place]) + 1) % 28]
        typo = bare[:place] + other + bare[place + 1 :]
        assert "Check the code" in self.refused(guests.by_code(bill, code=typo))

    @pytest.mark.parametrize("code", ["2", "BCDF-2345", "ÄÖÜ", "0O1L", "<script>", "'; --", "x" * 41])
    def test_what_cannot_be_a_code(self, bill: Invoice, code: str) -> None:
        assert "There is a problem" in self.refused(guests.by_code(bill, code=code))

    def test_nothing_typed(self, bill: Invoice) -> None:
        page = self.refused({})
        assert "Choose the area" in page
        assert "Enter the pay code" in page

    @pytest.mark.parametrize(
        ("name", "says"),
        [
            ("account_number", "Enter the account number"),
            ("last_name", "Enter the last name"),
            ("date_of_birth_year", "must include a month, a day and a year"),
        ],
    )
    def test_a_part_of_the_second_way_is_missing(self, bill: Invoice, name: str, says: str) -> None:
        assert says in self.refused(guests.by_account(bill.account, **{name: ""}))

    @pytest.mark.parametrize("region", ["", "XX", "ncal'", "1"])
    def test_an_area_that_is_none(self, bill: Invoice, region: str) -> None:
        assert "area" in self.refused(guests.by_code(bill, region=region))

    @pytest.mark.parametrize(
        ("amount", "says"),
        [
            ("84.21", "what is due or less"),
            ("83.71", "That would leave $0.49, too little for a card or bank account to pay later"),
            ("84.19", "Pay all of it, $84.20, or $83.70 at most, so that at least $0.50 is left"),
            ("0", "above zero"),
            ("-5", "cannot be negative"),
            ("0.49", "$0.50 or more"),
            ("12.345", "two digits"),
            ("ten", "in numbers"),
            ("", "Enter the amount"),
            ("999999999999999", "too large"),
        ],
    )
    def test_amounts(self, client: Client, bill: Invoice, amount: str, says: str) -> None:
        guests.find(client, guests.by_code(bill))
        response = client.post(BILL, {"how_much": "part", "amount": amount})
        assert response.status_code == 422
        assert says in words(response)

    @pytest.mark.parametrize("kind", ["premium", "other"])
    def test_a_side_that_was_not_found(self, client: Client, bill: Invoice, kind: str) -> None:
        guests.find(client, guests.by_code(bill))
        assert client.post(BILL, {"how_much": "full", "kind": kind}).status_code == 422

    @pytest.mark.parametrize("token", ["tok_x", "ctoken_<script>", "4242424242424242"])
    def test_a_token_that_is_none(self, client: Client, bill: Invoice, token: str) -> None:
        guests.find(client, guests.by_code(bill))
        response = client.post(BILL, {"how_much": "full", "confirmation_token": token})
        assert response.status_code == 422
        assert token not in html.unescape(response.content.decode())

    def test_a_bill_paid_meanwhile_is_said_and_not_charged(
        self, client: Client, bill: Invoice, sandbox: Sandbox
    ) -> None:
        guests.find(client, guests.by_code(bill))
        guests.give_amount(client, sandbox, bill)
        seen = {"reviewed": client.get(guests.REVIEW).context["checkout"].method_key}
        paying.pay(sandbox, bill)
        response = client.post(guests.REVIEW, seen, follow=True)
        assert "Nothing can be paid on this bill right now" in words(response)
        paying.assert_invariants(sandbox)

    def test_a_member_paying_at_this_moment_is_not_shown_to_the_guest(
        self, client: Client, bill: Invoice, sandbox: Sandbox
    ) -> None:
        theirs = paying.pay(sandbox, bill, 10_00, card=guests.THREE_D_SECURE)
        guests.find(client, guests.by_code(bill))
        page = client.get(BILL, follow=True).content.decode()
        assert theirs.reference not in page
        assert "another payment of it has not ended" in page
