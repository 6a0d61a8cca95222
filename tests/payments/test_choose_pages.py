"""Step 1 of paying: one bill, several or all of a side; in full or in part; from the balance."""

import datetime as dt

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from billing.models import BillingAccount, Invoice
from billing.services import invoices
from demo.stripe.core import Sandbox
from payments.models import Checkout, Payment, State
from tests.support import paying
from tests.support.billing import make_many_invoices, words
from tests.support.checkout_pages import (
    CHOOSE,
    choose,
    choose_bills,
    give_method,
    press_pay,
    reviewed,
    ticked,
)
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def account() -> BillingAccount:
    return make_account()


@pytest.fixture
def member(client: Client, account: BillingAccount) -> Client:
    """The browser of the account's guarantor."""
    client.force_login(account.guarantor.user)
    return client


@pytest.fixture
def bills(account: BillingAccount) -> list[Invoice]:
    """Three medical bills of $30.00, $40.01 and $50.00, due in that order."""
    return [
        make_invoice(account, cents, due_on=dt.date(2026, 12, day), provider=name)
        for day, (cents, name) in enumerate(
            [(30_00, "Lake Clinic"), (40_01, "Hill Lab"), (50_00, "Bay Hospital")], start=1
        )
    ]


def drafted() -> dict[str, int]:
    """What the only checkout would pay, in cents by provider."""
    items = Checkout.objects.get().items.select_related("invoice")
    return {item.invoice.provider: item.amount_cents for item in items}


def add_balance(account: BillingAccount, sandbox: Sandbox, cents: int) -> None:
    paying.add_money(sandbox, account, cents)
    account.refresh_from_db()


class TestWhichBills:
    def test_three_bills_in_one_payment_each_with_its_part(
        self, member: Client, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        lake, hill, bay = bills

        method = choose_bills(member, {lake: "30.00", hill: "10.01", bay: "0.99"})
        assert 'data-amount="4100"' in member.get(method).content.decode()
        review = give_method(member, method, sandbox)
        page = words(member.get(review))
        result = press_pay(member, review)

        assert "You will pay $41.00" in page
        for row in (
            f"Lake Clinic {lake.number} Ada Okafor $30.00 $0.00",
            f"Hill Lab {hill.number} Ada Okafor $10.01 $30.00",
            f"Bay Hospital {bay.number} Ada Okafor $0.99 $49.01",
            "3 bills $41.00",
        ):
            assert row in page
        payment = Payment.objects.get()
        assert charged(sandbox) == {payment.reference: 41_00}
        for bill, left in zip(bills, (0, 30_00, 49_01), strict=True):
            bill.refresh_from_db()
            assert bill.open_cents == left
        assert "Your payment has been made" in words(member.get(result))
        paying.assert_invariants(sandbox)

    def test_bills_that_are_not_ticked_are_not_paid_whatever_stands_beside_them(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        lake, hill, _bay = bills
        choose_bills(member, {lake: "30.00"}, **{f"amount_{hill.pk}": "nonsense"})
        assert drafted() == {"Lake Clinic": 30_00}

    def test_all_of_a_side_is_ticked_in_full_and_the_total_shown(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        page = member.get(f"{CHOOSE}?kind=medical")
        assert page.content.decode().count(" checked") == 3
        assert 'value="40.01"' in page.content.decode()
        assert "Total $120.01" in words(page)

    def test_a_bill_that_was_asked_for_stands_alone_and_leads_to_the_others(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        page = member.get(f"{CHOOSE}?bill={bills[1].pk}")
        text = words(page)
        assert "Hill Lab" in text
        assert "Lake Clinic" not in text
        assert "Total $40.01" in text
        assert "Pay some of your 2 other bills too ($80.00 in all)" in text

        more = f"?kind=medical&bill={bills[1].pk}"
        assert more.replace("&", "&amp;") in page.content.decode()
        text = words(member.get(CHOOSE + more))
        assert "Lake Clinic" in text
        assert "Total $40.01" in text

    def test_the_bill_due_first_comes_first_and_what_is_past_due_says_so(
        self, member: Client, account: BillingAccount, bills: list[Invoice]
    ) -> None:
        make_invoice(account, 5_00, due_on=dt.date(2020, 1, 2), provider="Old Clinic")
        text = words(member.get(CHOOSE))
        assert text.index("Old Clinic") < text.index("Lake Clinic") < text.index("Hill Lab")
        assert "due Jan. 2, 2020 (past due)" in text

    def test_nothing_ticked_is_asked_again(self, member: Client, bills: list[Invoice]) -> None:
        response = member.post(CHOOSE, {"kind": "medical"})
        assert response.status_code == 422
        assert "Tick at least one bill to pay." in words(response)
        assert Checkout.objects.count() == 0

    def test_every_bill_paid_says_so(self, member: Client) -> None:
        assert "Nothing to pay here" in words(member.get(CHOOSE))

    def test_a_member_without_an_account_is_told_kindly(self, client: Client) -> None:
        client.force_login(make_member().user)
        assert client.get(CHOOSE).status_code == 200

    def test_a_bill_whose_payment_has_not_ended_is_named_with_the_reason_and_the_way(
        self, member: Client, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        payment = paying.pay(sandbox, bills[0], 10_00, card="pm_card_threeDSecure2Required")
        for address in (CHOOSE, f"{CHOOSE}?bill={bills[0].pk}"):
            page = member.get(address)
            assert "Another payment of this bill has not ended" in words(page)
            assert f'href="/payments/{payment.reference}/"' in page.content.decode()
            assert f'value="{bills[0].pk}"' not in page.content.decode()
        response = member.post(CHOOSE, ticked({bills[0]: "20.00"}))
        assert response.status_code == 422
        assert Checkout.objects.filter(payment=None).count() == 0


class TestTwoSides:
    @pytest.fixture
    def premium(self, account: BillingAccount) -> Invoice:
        return make_invoice(
            account, 400_00, kind=Invoice.Kind.PREMIUM, due_on=dt.date(2026, 11, 1), provider=""
        )

    def test_are_shown_apart_with_their_totals_and_the_more_pressing_first(
        self, member: Client, bills: list[Invoice], premium: Invoice
    ) -> None:
        page = words(member.get(CHOOSE))
        assert "Medical bills $120.01" in page
        assert "Premiums $400.00" in page
        assert "two separate payments" in page
        assert premium.number in page
        assert "Lake Clinic" not in page
        assert "Lake Clinic" in words(member.get(f"{CHOOSE}?kind=medical"))

    def test_are_never_paid_together(
        self, member: Client, bills: list[Invoice], premium: Invoice
    ) -> None:
        for kind in ("medical", "premium"):
            data = ticked({bills[0]: "30.00", premium: "400.00"}, kind=kind)
            response = member.post(CHOOSE, data)
            assert response.status_code == 422
            assert "Premiums and medical bills are paid separately." in words(response)
            assert "paid meanwhile" not in words(response)
        assert Checkout.objects.count() == 0

    def test_are_paid_one_after_the_other(
        self, member: Client, bills: list[Invoice], premium: Invoice, sandbox: Sandbox
    ) -> None:
        for bill in (bills[0], premium):
            press_pay(member, give_method(member, choose(member, bill), sandbox))
        assert sorted(charged(sandbox).values()) == [30_00, 400_00]
        paying.assert_invariants(sandbox)

    def test_a_charge_is_paid_with_medical_bills(
        self, member: Client, account: BillingAccount, bills: list[Invoice]
    ) -> None:
        fee = make_invoice(account, 15_00, kind=Invoice.Kind.CHARGE, provider="Returned payment")
        choose_bills(member, {bills[0]: "30.00", fee: "15.00"})
        assert drafted() == {"Lake Clinic": 30_00, "Returned payment": 15_00}


class TestBadInput:
    @pytest.mark.parametrize(
        ("amount", "words_of_error"),
        [
            ("0", "above zero"),
            ("-5", "negative"),
            ("abc", "numbers"),
            ("1.005", "two digits"),
            ("40.02", "$40.01 or less"),
            ("99999999999999", "too large"),
            ("", "Enter the amount"),
        ],
    )
    def test_a_bad_amount_is_explained_at_its_bill_and_everything_typed_is_kept(
        self, member: Client, bills: list[Invoice], amount: str, words_of_error: str
    ) -> None:
        lake, hill, bay = bills
        response = member.post(CHOOSE, ticked({lake: "12.34", hill: amount, bay: "50.00"}))

        page = response.content.decode()
        assert response.status_code == 422
        assert "There is a problem" in page
        assert page.count(f'href="#id_amount_{hill.pk}"') == 1
        error = page.split(f'id="id_amount_{hill.pk}_error"')[1].split("</p>")[0]
        assert words_of_error in error
        assert f'name="amount_{hill.pk}" value="{amount}"' in page
        assert f'name="amount_{lake.pk}" value="12.34"' in page
        assert Checkout.objects.count() == 0

    @pytest.mark.parametrize("bill", ["", "0", "abc", "99999999", "1 OR 1=1", "9" * 40, "rest"])
    def test_a_bill_that_is_not_there_is_refused(
        self, member: Client, bills: list[Invoice], bill: str
    ) -> None:
        response = member.post(CHOOSE, {"pay": bill, f"amount_{bill}": "1.00"})
        assert response.status_code == 422
        assert Checkout.objects.count() == 0

    def test_another_households_bill_is_refused_beside_my_own_and_not_shown(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        theirs = make_invoice(provider="Somebody Else's Clinic")

        response = member.post(CHOOSE, ticked({bills[0]: "30.00", theirs: "10.00"}))

        assert response.status_code == 422
        assert "cannot be paid now" in words(response)
        assert "Somebody Else" not in response.content.decode()
        assert "Somebody Else" not in member.get(f"{CHOOSE}?bill={theirs.pk}").content.decode()
        assert Checkout.objects.count() == 0

    @pytest.mark.parametrize("how", ["paid", "void"])
    def test_a_bill_that_is_paid_or_void_is_refused(
        self, member: Client, bills: list[Invoice], sandbox: Sandbox, how: str
    ) -> None:
        if how == "paid":
            paying.pay(sandbox, bills[0])
        else:
            invoices.void(invoice=bills[0])
        response = member.post(CHOOSE, ticked({bills[0]: "30.00", bills[1]: "1.00"}))
        assert response.status_code == 422
        assert Checkout.objects.filter(payment=None).count() == 0

    @pytest.mark.parametrize(
        "query",
        ["?bill=x", "?kind=both", "?draft=1", "?total=&kind=medical", "?tick=all", f"?bill={'9' * 30}"],
    )
    def test_an_address_that_means_nothing_changes_nothing(
        self, member: Client, bills: list[Invoice], query: str
    ) -> None:
        response = member.get(CHOOSE + query)
        assert response.status_code == (422 if "total" in query else 200)
        assert Checkout.objects.count() == 0


class TestWithoutJavaScript:
    def test_the_total_is_computed_by_the_server_and_goes_no_further(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        data = ticked({bills[0]: "12.34", bills[2]: "0.66"}, action="update")
        response = member.post(CHOOSE, data)
        assert response.status_code == 200
        assert "Total $13.00" in words(response)
        assert 'value="12.34"' in response.content.decode()
        assert Checkout.objects.count() == 0

    def test_none_and_all_are_links(self, member: Client, bills: list[Invoice]) -> None:
        page = member.get(CHOOSE).content.decode()
        assert 'href="/pay/?kind=medical&amp;tick=none"' in page
        none = member.get(f"{CHOOSE}?kind=medical&tick=none")
        assert " checked" not in none.content.decode()
        assert "Total $0.00" in words(none)


class TestATotal:
    def test_is_divided_oldest_due_first_and_can_still_be_changed(
        self, member: Client, bills: list[Invoice]
    ) -> None:
        lake, hill, bay = bills
        page = member.get(f"{CHOOSE}?kind=medical&total=50.00")
        text = page.content.decode()
        assert f'name="amount_{lake.pk}" value="30.00"' in text
        assert f'name="amount_{hill.pk}" value="20.00"' in text
        assert text.count(" checked") == 2
        assert "Total $50.00" in words(page)

        choose_bills(member, {lake: "25.00", bay: "25.00"})
        assert drafted() == {"Lake Clinic": 25_00, "Bay Hospital": 25_00}

    @pytest.mark.parametrize(
        ("total", "words_of_error"),
        [
            ("120.02", "Enter $120.01 or less."),
            ("0", "above zero"),
            ("x", "numbers"),
            ("-1", "negative"),
        ],
    )
    def test_that_cannot_be_divided_is_explained_and_kept(
        self, member: Client, bills: list[Invoice], total: str, words_of_error: str
    ) -> None:
        response = member.get(CHOOSE, {"kind": "medical", "total": total})
        assert response.status_code == 422
        assert words_of_error in words(response)
        assert f'value="{total}"' in response.content.decode()


class TestManyBills:
    def test_fifty_are_shown_and_the_rest_is_paid_along(
        self, member: Client, account: BillingAccount, sandbox: Sandbox
    ) -> None:
        make_many_invoices(account, 80)  # 72 medical ones of $10.00 and some cents
        medical = account.invoices.exclude(kind="premium").order_by("due_on")
        total_cents = sum(bill.open_cents for bill in medical)
        rest_cents = sum(bill.open_cents for bill in medical[50:])

        page = member.get(f"{CHOOSE}?kind=medical")
        assert page.content.decode().count('type="checkbox"') == 51
        assert "22 more bills" in words(page)
        assert page.context["form"].total_cents == total_cents

        shown = {bill: f"{bill.open_cents / 100:.2f}" for bill in medical[:50]}
        data = ticked(shown, kind="medical")
        data["pay"] = [*data["pay"], "rest"]  # type: ignore[misc]
        data["amount_rest"] = f"{(rest_cents - 50) / 100:.2f}"
        response = member.post(CHOOSE, data)

        checkout = Checkout.objects.get()
        assert response.headers["Location"] == f"/pay/{checkout.pk}/method/"
        items = list(checkout.items.select_related("invoice").order_by("invoice__due_on"))
        assert len(items) == 72
        assert sum(item.amount_cents for item in items) == total_cents - 50
        assert [item.owed_after_cents for item in items] == [0] * 71 + [50]
        assert not any(item.invoice.is_premium for item in items)

    def test_a_bill_far_down_the_list_is_shown_when_it_was_asked_for(
        self, member: Client, account: BillingAccount
    ) -> None:
        make_many_invoices(account, 80)
        last = account.invoices.exclude(kind="premium").order_by("due_on").last()
        assert last is not None
        assert last.number not in words(member.get(f"{CHOOSE}?kind=medical"))
        for address in (f"{CHOOSE}?bill={last.pk}", f"{CHOOSE}?kind=medical&bill={last.pk}"):
            page = member.get(address)
            assert last.number in words(page)
            assert page.context["form"].total_cents == last.open_cents
        choose(member, last, "1.23")
        assert Checkout.objects.get().items.get().invoice == last

    def test_more_of_the_rest_than_it_owes_is_refused(
        self, member: Client, account: BillingAccount
    ) -> None:
        make_many_invoices(account, 80)
        response = member.post(CHOOSE, {"kind": "medical", "pay": "rest", "amount_rest": "99999.00"})
        assert response.status_code == 422
        assert "or less" in words(response)
        assert Checkout.objects.count() == 0

    def test_a_total_beyond_the_bills_shown_goes_to_the_rest(
        self, member: Client, account: BillingAccount
    ) -> None:
        make_many_invoices(account, 80)
        side = member.get(f"{CHOOSE}?kind=medical").context["side"]
        over = side.payable_cents - side.rest_cents + 7_77
        page = member.get(f"{CHOOSE}?kind=medical&total={over / 100:.2f}")
        assert 'name="amount_rest" value="7.77"' in page.content.decode()
        assert page.context["form"].total_cents == over


class TestAFewCents:
    """Less than Stripe charges at all is never what remains, unless something else can pay it."""

    @pytest.fixture
    def bill(self, account: BillingAccount) -> Invoice:
        return make_invoice(account, 30_00)

    @pytest.mark.parametrize("amount", ["29.51", "29.99"])
    def test_are_not_left_over_and_the_page_says_what_to_pay_instead(
        self, member: Client, bill: Invoice, amount: str
    ) -> None:
        response = member.post(CHOOSE, ticked({bill: amount}))
        assert response.status_code == 422
        assert (
            "too little for a card or bank account to pay later. Pay all of it, $30.00, or $29.50 at "
            "most, so that at least $0.50 is left."
        ) in words(response)
        assert f'href="#id_amount_{bill.pk}"' in response.content.decode()
        assert f'value="{amount}"' in response.content.decode()
        assert not Checkout.objects.exists()

    def test_nor_of_a_bill_shown_alone(self, member: Client, bill: Invoice) -> None:
        assert member.post(f"{CHOOSE}?bill={bill.pk}", ticked({bill: "29.60"})).status_code == 422

    @pytest.mark.parametrize("amount", ["29.50", "30.00"])
    def test_half_a_dollar_or_nothing_may_be_left(
        self, member: Client, bill: Invoice, amount: str
    ) -> None:
        assert member.post(CHOOSE, ticked({bill: amount})).status_code == 302

    def test_of_a_bill_below_a_dollar_all_is_paid(
        self, member: Client, account: BillingAccount
    ) -> None:
        small = make_invoice(account, 80)
        response = member.post(CHOOSE, ticked({small: "0.60"}))
        assert "That would leave $0.20" in words(response)
        assert "Pay all of it: $0.80." in words(response)

    def test_of_one_bill_may_be_left_where_another_can_be_paid_with_them(
        self, member: Client, account: BillingAccount, bill: Invoice
    ) -> None:
        make_invoice(account, 20_00)
        assert member.post(CHOOSE, ticked({bill: "29.80"})).status_code == 302

    def test_may_be_left_to_the_account_balance(
        self, member: Client, account: BillingAccount, bill: Invoice, sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 1_00)
        assert member.post(CHOOSE, ticked({bill: "29.80"})).status_code == 302
        used = ticked({bill: "29.80"}, use_balance="on", balance_amount="0.90")
        assert member.post(CHOOSE, used).status_code == 422

    def test_that_are_all_there_is_are_explained(self, member: Client, account: BillingAccount) -> None:
        tiny = make_invoice(account, 30)
        response = member.post(CHOOSE, ticked({tiny: "0.30"}))
        assert response.status_code == 422
        assert "$0.30 is too little for a card or bank account: they pay $0.50 or more." in words(
            response
        )
        assert not Checkout.objects.exists()


def test_paying_sixty_bills_asks_the_database_no_more_often_than_paying_three(
    account: BillingAccount, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("payments.services.receipts.render", lambda **_: False)
    make_many_invoices(account, 80)
    medical = list(account.invoices.exclude(kind="premium").order_by("due_on"))
    counts = []
    for bills in (medical[:3], medical[3:63]):
        with CaptureQueriesContext(connection) as captured:
            payment = paying.pay_many(sandbox, {bill: bill.open_cents for bill in bills})
        assert payment.state == State.SUCCEEDED
        counts.append(len(captured))
    assert counts[0] == counts[1]
    assert not any(
        bill.open_cents for bill in account.invoices.filter(pk__in=[bill.pk for bill in medical[:63]])
    )
    paying.assert_invariants(sandbox)


class TestTheAccountBalance:
    def test_is_not_offered_where_there_is_none(self, member: Client, bills: list[Invoice]) -> None:
        assert "account balance" not in words(member.get(CHOOSE)).lower()

    def test_pays_as_much_as_possible_and_the_card_the_rest(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 100_00)
        assert "Your account balance: $100.00" in words(member.get(CHOOSE))
        everything = {bill: f"{bill.open_cents / 100:.2f}" for bill in bills}

        shown = words(member.post(CHOOSE, ticked(everything, use_balance="on", action="update")))
        assert "Total $120.01 From your account balance $100.00" in shown
        assert "By card or bank account $20.01" in shown
        method = choose_bills(member, everything, use_balance="on")
        assert 'data-amount="2001"' in member.get(method).content.decode()
        review = give_method(member, method, sandbox)
        page = words(member.get(review))
        assert "You will pay $120.01" in page
        assert "From your account balance $100.00" in page
        assert "Visa ending in 4242, $20.01" in page
        assert "When you press the button, $20.01 is charged now." in page
        press_pay(member, review)

        payment = Payment.objects.latest("pk")
        assert (payment.amount_cents, payment.from_balance_cents) == (120_01, 100_00)
        assert charged(sandbox)[payment.reference] == 20_01
        account.refresh_from_db()
        assert account.balance_cents == 0
        paying.assert_invariants(sandbox)

    def test_that_pays_all_needs_no_method(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 100_00)
        taken = charged(sandbox)

        review = choose(member, bills[0], use_balance="on")
        assert review.endswith("/review/")
        assert member.get(review.replace("review", "method")).headers["Location"] == review
        page = words(member.get(review))
        assert "Your account balance pays all of it. No card or bank account is charged." in page
        assert "Payment method" not in page
        result = words(member.get(press_pay(member, review)))

        payment = Payment.objects.latest("pk")
        assert (payment.state, payment.charge_cents) == (State.SUCCEEDED, 0)
        assert payment.method_kind == "balance"
        assert "Your payment has been made" in result
        assert charged(sandbox) == taken
        account.refresh_from_db()
        assert account.balance_cents == 70_00
        paying.assert_invariants(sandbox)

    def test_is_used_as_far_as_the_member_says(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 100_00)
        choose(member, bills[0], use_balance="on", balance_amount="10.00")
        assert Checkout.objects.latest("created_at").from_balance_cents == 10_00
        choose(member, bills[0], balance_amount="10.00")  # typed, but not ticked
        assert Checkout.objects.latest("created_at").from_balance_cents == 0

    def test_leaves_a_card_no_less_than_a_card_can_be_charged(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 29_90)
        choose(member, bills[0], use_balance="on")
        assert Checkout.objects.latest("created_at").from_balance_cents == 29_50

    @pytest.mark.parametrize(
        ("amount", "words_of_error"),
        [
            ("29.51", "less than $0.50, too little for a card or bank account. Enter $29.50 or less"),
            ("29.99", "Enter $29.50 or less, or all of it, $30.00."),
            ("30.01", "$30.00 or less: that is what you are paying"),
            ("100.01", "$30.00 or less"),
            ("0", "above zero"),
            ("x", "numbers"),
        ],
    )
    def test_more_than_there_is_or_than_is_paid_is_refused(
        self,
        member: Client,
        account: BillingAccount,
        bills: list[Invoice],
        sandbox: Sandbox,
        amount: str,
        words_of_error: str,
    ) -> None:
        add_balance(account, sandbox, 100_00)
        before = Checkout.objects.count()
        data = ticked({bills[0]: "30.00"}, use_balance="on", balance_amount=amount)
        response = member.post(CHOOSE, data)
        assert response.status_code == 422
        assert words_of_error in words(response)
        assert 'href="#id_balance_amount"' in response.content.decode()
        assert Checkout.objects.count() == before

    def test_that_is_held_by_another_payment_is_not_offered(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 100_00)
        BillingAccount.objects.filter(pk=account.pk).update(held_cents=95_00)
        assert "Your account balance: $5.00" in words(member.get(CHOOSE))
        data = ticked({bills[0]: "30.00"}, use_balance="on", balance_amount="5.01")
        response = member.post(CHOOSE, data)
        assert "Enter $5.00 or less: that is what you have." in words(response)

    def test_spent_in_another_tab_is_said_and_nothing_moves_twice(
        self, member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
    ) -> None:
        add_balance(account, sandbox, 60_00)
        first = choose_bills(member, {bills[0]: "30.00", bills[1]: "20.00"}, use_balance="on")
        second = choose(member, bills[2], use_balance="on")
        seen = reviewed(member, second)
        press_pay(member, first)

        response = member.post(second, seen, follow=True)

        assert "Your account balance is less than you wanted to use." in words(response)
        account.refresh_from_db()
        assert (account.balance_cents, account.held_cents) == (10_00, 0)
        assert Payment.objects.filter(from_balance_cents__gt=0).count() == 1
        paying.assert_invariants(sandbox)


def test_back_from_the_next_step_everything_chosen_is_still_there(
    member: Client, account: BillingAccount, bills: list[Invoice], sandbox: Sandbox
) -> None:
    add_balance(account, sandbox, 100_00)
    more = {"use_balance": "on", "balance_amount": "5.00"}
    method = choose_bills(member, {bills[0]: "12.34", bills[2]: "50.00"}, **more)
    back = member.get(method).context["first_step"]

    page = member.get(back)

    text = page.content.decode()
    assert f'href="{back}"' in member.get(method).content.decode()
    assert f'name="amount_{bills[0].pk}" value="12.34"' in text
    assert text.count(" checked") == 3  # two bills and the account balance
    assert 'name="balance_amount" value="5.00"' in text
    assert "Total $62.34" in words(page)


def test_anothers_draft_fills_in_nothing(
    member: Client, bills: list[Invoice], sandbox: Sandbox
) -> None:
    theirs = paying.start_checkout(sandbox, make_invoice(total_cents=77_77))
    page = member.get(f"{CHOOSE}?draft={theirs.pk}")
    assert "77.77" not in page.content.decode()
    assert "Total $120.01" in words(page)
