"""How often one may look: honest people get through, guessers do not, and nobody else notices."""

import datetime as dt
import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.http import HttpResponse
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from accounts.models import Region
from billing.models import BillingAccount, Invoice
from common import references
from common.money import format_cents
from demo.stripe.core import Sandbox
from payments.guest import finding, limits, outcome, pages, views
from payments.guest.limits import ADDRESS, GUESSING, NETWORK, PERSON, REFERENCE, TooManyTries
from payments.models import Payment, State
from support.models import Organisation
from tests.support import guests
from tests.support.billing import words
from tests.support.factories import make_account, make_invoice, make_member, make_region
from tests.support.guests import BILL, CARD, PAYMENT, START

pytestmark = pytest.mark.django_db(transaction=True)

AT = dt.datetime(2026, 11, 20, 12, 0, 1, tzinfo=dt.UTC)
GUESSES = 100_000


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The errors that this module logs."""
    raised: list[str] = []
    monkeypatch.setattr(limits.log, "error", lambda event, **_: raised.append(event))
    return raised


@pytest.fixture
def asked(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What Stripe is asked, look-ups included."""
    paths: list[str] = []
    handle = sandbox.handle

    def noted(method: str, path: str, *given: Any) -> Any:
        paths.append(f"{method} {path}")
        return handle(method, path, *given)

    monkeypatch.setattr(sandbox, "handle", noted)
    return paths


def note(
    address: str = "192.0.2.1", reference: str = "X", at: dt.datetime = AT, person: str = ""
) -> limits.Try:
    return limits.note_try(address=address, region="NCAL", reference=reference, at=at, person=person)


def tries(
    address: str, count: int, *, at: dt.datetime = AT, reference: str = "", person: str = ""
) -> int:
    """How many of `count` look-ups are let through."""
    through = 0
    for number in range(count):
        try:
            note(address, reference or f"{address}-{number}", at, person)
        except TooManyTries:
            continue
        through += 1
    return through


class TestHonestPeople:
    def test_two_typos_and_then_the_right_code_get_through(self, client: Client) -> None:
        bill = make_invoice()
        for _ in range(2):
            wrong = guests.by_code(bill, code=references.generate("", 12))
            assert guests.find(client, wrong).status_code == 422
        assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL

    def test_two_typos_get_through_also_while_somebody_is_guessing(self) -> None:
        for number in range(GUESSING):
            note(f"10.{number // 250}.{number % 250}.1", str(number))
        assert tries("192.0.2.9", 3) == 3

    def test_who_finds_bills_may_go_on(self, client: Client) -> None:
        for _ in range(ADDRESS.most + 5):
            bill = make_invoice()
            assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL

    def test_the_next_quarter_of_an_hour_starts_anew(self) -> None:
        assert tries("192.0.2.1", 50) == ADDRESS.most
        assert tries("192.0.2.1", 50, at=AT + dt.timedelta(minutes=15)) == ADDRESS.most


class TestEachLimit:
    def test_by_address(self) -> None:
        assert tries("192.0.2.1", 50) == ADDRESS.most
        assert tries("203.0.113.1", 1) == 1

    def test_by_network(self) -> None:
        through = sum(tries(f"192.0.2.{host}", 5) for host in range(1, 51))
        assert through == NETWORK.most
        assert tries("192.0.3.1", 1) == 1

    def test_by_network_of_ipv6_where_a_subscriber_has_endless_addresses(self) -> None:
        through = sum(tries(f"2001:db8:1:{host:x}::{host:x}", 1) for host in range(1, 200))
        assert through == NETWORK.most
        assert tries("2001:db8:2::1", 1) == 1

    def test_by_reference_from_wherever_for_a_day(self) -> None:
        through = sum(tries(f"10.{n}.0.1", 1, reference="5012345") for n in range(100))
        assert through == REFERENCE.most
        evening = AT + dt.timedelta(hours=11)
        assert tries("10.200.0.1", 1, at=evening, reference="5012345") == 0
        assert tries("10.200.0.1", 1, at=AT + dt.timedelta(hours=12), reference="5012345") == 1

    def test_by_whose_account_it_is_said_to_be_from_wherever_for_a_day(self) -> None:
        okafor = "okafor 1984-05-03"
        assert sum(tries(f"10.{n}.0.1", 1, person=okafor) for n in range(100)) == PERSON.most
        evening = AT + dt.timedelta(hours=11)
        assert tries("10.200.0.1", 1, at=evening, person=okafor) == 0
        assert tries("10.200.0.1", 1, at=evening, person="okafor 1984-05-04") == 1
        assert tries("10.200.0.1", 1, at=AT + dt.timedelta(hours=12), person=okafor) == 1

    def test_an_address_written_as_ipv6_is_the_same_network(self) -> None:
        assert limits.network_of("::ffff:192.0.2.7") == limits.network_of("192.0.2.200")
        assert limits.network_of("192.0.2.7") == "192.0.2.0/24"
        assert limits.network_of("2001:db8:1:2::3") == "2001:db8:1::/48"

    def test_numbers_are_kept_as_hashes_alone(self) -> None:
        keys = note("192.0.2.1", "NC2047718", person="okafor 1984-05-03").keys
        assert len(keys) == 5
        for told in ("192.0.2", "NC204", "okafor", "1984"):
            assert not [key for key in keys if told in key]

    def test_a_forged_proxy_header_changes_nothing(self, client: Client) -> None:
        bill = make_invoice()
        for number in range(ADDRESS.most):
            wrong = guests.by_code(bill, code=references.generate("", 12))
            response = guests.find(client, wrong, HTTP_X_FORWARDED_FOR=f"10.0.{number}.1")
            assert response.status_code == 422
        response = guests.find(client, guests.by_code(bill), HTTP_X_FORWARDED_FOR="10.9.9.9")
        assert response.status_code == 429
        assert response.headers["Retry-After"] == "900"
        assert "Nothing was charged" in words(response)

    def test_behind_a_trusted_proxy_the_person_counts(self, client: Client, settings: object) -> None:
        settings.ALLAUTH_TRUSTED_PROXY_COUNT = 1  # type: ignore[attr-defined]
        bill = make_invoice()
        for number in range(ADDRESS.most + 2):
            wrong = guests.by_code(bill, code=references.generate("", 12))
            header = f"10.0.{number}.1"
            assert guests.find(client, wrong, HTTP_X_FORWARDED_FOR=header).status_code == 422

    def test_steps_that_ask_stripe_are_counted_too(self) -> None:
        for _ in range(limits.STEPS_PER_ADDRESS):
            limits.note_step(address="192.0.2.1", at=AT)
        with pytest.raises(TooManyTries):
            limits.note_step(address="192.0.2.1", at=AT)
        limits.note_step(address="203.0.113.1", at=AT)


class Away:
    """A Redis that does not answer."""

    def eval(self, *_: object) -> None:
        raise RedisAway

    def pipeline(self) -> None:
        raise RedisAway


@contextmanager
def without_redis(redis: object = Away) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(limits, "_redis", redis)
        yield


class TestWithoutRedis:
    def is_said_kindly(self, response: HttpResponse) -> None:
        assert response.status_code == 503
        said = words(response)
        assert "Payments without an account are paused" in said
        assert "Nothing was charged" in said
        assert "Log in" in said
        line = Organisation.objects.get().public_line
        link = f'<a class="phone" href="tel:+1-{line}">{line}</a>'
        assert link in response.content.decode().split("<main")[1].split("</main>")[0]

    def test_nobody_looks_up_anything_and_it_is_said_kindly(
        self, client: Client, alarms: list[str]
    ) -> None:
        bill = make_invoice()
        with without_redis():
            self.is_said_kindly(guests.find(client, guests.by_code(bill)))
            assert alarms == ["guest.limits_away"]
            assert client.get(START).status_code == 200

    def test_halfway_stripe_is_asked_nothing_and_who_comes_back_goes_on(
        self, client: Client, sandbox: Sandbox, alarms: list[str], asked: list[str]
    ) -> None:
        bill = make_invoice()
        guests.find(client, guests.by_code(bill))
        client.post(BILL, {"how_much": "full"})
        token = {"confirmation_token": guests.token_for(sandbox, bill)}
        with without_redis():
            self.is_said_kindly(client.post(CARD, token))
            self.is_said_kindly(client.post(BILL, {"how_much": "full", **token}))
        assert alarms == ["guest.limits_away"] * 2
        assert asked == []
        assert client.post(CARD, token).headers["Location"] == guests.REVIEW

    def test_a_look_up_that_found_a_bill_leads_there_and_stays_counted(self, client: Client) -> None:
        bill, redis = make_invoice(), limits._redis()

        class TakesNothingBack(Away):
            def eval(self, *given: object) -> object:  # type: ignore[override]
                return redis.eval(*given)

        with without_redis(TakesNothingBack):
            for _ in range(ADDRESS.most):
                assert guests.find(client, guests.by_code(bill)).headers["Location"] == BILL
        assert client.get(BILL).status_code == 200
        assert guests.find(client, guests.by_code(bill)).status_code == 429

    def test_a_payment_that_waits_for_its_bank_is_not_asked_about(
        self, client: Client, sandbox: Sandbox, asked: list[str]
    ) -> None:
        guests.pay(client, sandbox, make_invoice(), card=guests.THREE_D_SECURE)
        asked.clear()
        with without_redis():
            assert "We are checking this payment" in words(client.get(PAYMENT))
        assert asked == []
        assert "data-client-secret" in client.get(PAYMENT).content.decode()


class TestOnePaymentLoadedAgainAndAgain:
    """A foreground call takes no turn at our rate: one open page could use up everybody's."""

    @pytest.fixture
    def payment(self, client: Client, sandbox: Sandbox) -> Payment:
        return guests.pay(client, sandbox, make_invoice(), card=guests.THREE_D_SECURE)

    @pytest.mark.parametrize("what", ["view", "refresh", "abandon"])
    def test_asks_stripe_so_often_and_then_says_we_are_checking(
        self, client: Client, payment: Payment, asked: list[str], what: str
    ) -> None:
        asked.clear()
        for _ in range(limits.LOOKS_PER_PAYMENT):
            assert "Continue to your bank" in words(client.get(PAYMENT))
        assert len(asked) == limits.LOOKS_PER_PAYMENT
        for _ in range(5):
            if what != "view":
                assert client.post(f"{PAYMENT}{what}/").headers["Location"] == PAYMENT
            assert "We are checking this payment" in words(client.get(PAYMENT))
            # The page asks our database alone, and is not loaded again before something has changed.
            assert client.get(f"{PAYMENT}state/", {"seen": payment.state}).status_code == 204
        assert len(asked) == limits.LOOKS_PER_PAYMENT

    def test_what_became_of_it_is_shown_all_the_same(
        self, client: Client, sandbox: Sandbox, payment: Payment
    ) -> None:
        for _ in range(limits.LOOKS_PER_PAYMENT + 1):
            client.get(PAYMENT)
        sandbox.complete_challenge("ncal", str(payment.intent_id))
        sandbox.webhooks.deliver_due()
        assert "Your payment has been made" in words(client.get(PAYMENT))

    def test_other_payments_are_asked_about(
        self, client: Client, sandbox: Sandbox, payment: Payment
    ) -> None:
        for _ in range(limits.LOOKS_PER_PAYMENT + 1):
            client.get(PAYMENT)
        other = Client()
        guests.pay(other, sandbox, make_invoice(), card=guests.THREE_D_SECURE)
        assert "Continue to your bank" in words(other.get(PAYMENT))


def guess_code(rng: random.Random, region: Region, at: dt.datetime, address: str) -> bool:
    """One guess of a pay code with a right check character, as the page's view does it."""
    code = "".join(rng.choices(references.ALPHABET, k=12))
    code += references.check_character(code)
    limits.note_try(address=address, region="NCAL", reference=code, at=at)
    return finding.by_code(region=region, code=code, on=at.date()) is not None


BORN = dt.date(1984, 5, 3)


def guess_number(rng: random.Random, region: Region, at: dt.datetime, address: str) -> bool:
    """One guess of an account number, by who knows the owner's name and birthday."""
    number = f"{rng.randrange(50_000_000, 50_200_000)}"
    person = f"okafor {BORN}"
    limits.note_try(address=address, region="NCAL", reference=number, person=person, at=at)
    found = finding.by_account(
        region=region, account_number=number, last_name="Okafor", date_of_birth=BORN
    )
    return found is not None


class TestAHundredThousandGuesses:
    """The simulated attack: no hit, an alarm, and other guests do not notice."""

    BOTNET = tuple(f"10.{n // 250}.{n % 250}.1" for n in range(500))

    @pytest.fixture
    def stand_at(self, monkeypatch: pytest.MonkeyPatch) -> Callable[[dt.datetime], None]:
        """Let the pages' clock stand."""

        def stand_at(moment: dt.datetime) -> None:
            for module in (views, pages, outcome):
                monkeypatch.setattr(module, "now", lambda: moment)

        return stand_at

    def attack(
        self,
        addresses: tuple[str, ...],
        guess: Callable[[random.Random, Region, dt.datetime, str], bool] = guess_code,
        *,
        guesses: int = GUESSES,
        midway: Callable[[dt.datetime], None] = lambda _at: None,
    ) -> tuple[int, int]:
        """How many guesses were looked up, and how many found a bill; all within 14 minutes."""
        rng, region = random.Random(7), make_region()
        looked_up = hits = 0
        for number in range(guesses):
            at = AT + dt.timedelta(seconds=number * 14 * 60 / guesses)
            if number == guesses // 2:
                midway(at)
            try:
                hits += guess(rng, region, at, addresses[number % len(addresses)])
            except TooManyTries:
                continue
            looked_up += 1
        return looked_up, hits

    def somebody_pays(self, sandbox: Sandbox, typed: dict[str, str], bill: Invoice) -> None:
        """From the first page to the receipt, with two typos, in the middle of it all."""
        browser = Client(REMOTE_ADDR="203.0.113.5")
        wrong = guests.by_code(bill, code=references.generate("", 12))
        for _ in range(2):
            assert guests.find(browser, wrong).status_code == 422
        assert guests.find(browser, typed).headers["Location"] == BILL
        guests.give_amount(browser, sandbox, bill)
        assert guests.confirm(browser).headers["Location"] == PAYMENT
        assert format_cents(bill.total_cents) in words(browser.get(PAYMENT))
        assert Payment.objects.latest("pk").state == State.SUCCEEDED

    def test_from_one_address(self, alarms: list[str]) -> None:
        assert self.attack(("198.51.100.1",)) == (ADDRESS.most, 0)
        assert alarms == ["guest.persistent"]

    def test_from_five_hundred_addresses(
        self, sandbox: Sandbox, alarms: list[str], stand_at: Callable[[dt.datetime], None]
    ) -> None:
        bill = make_invoice()

        def midway(at: dt.datetime) -> None:
            stand_at(at)
            self.somebody_pays(sandbox, guests.by_code(bill), bill)

        looked_up, hits = self.attack(self.BOTNET, midway=midway)
        assert hits == 0
        assert GUESSING <= looked_up <= 500 * ADDRESS.tight
        assert alarms.count("guest.guessing") == 1

    def test_of_account_numbers_for_a_known_name_and_birthday(
        self, sandbox: Sandbox, alarms: list[str], stand_at: Callable[[dt.datetime], None]
    ) -> None:
        """Over after ten, however many follow. Whoever really is that person gets in by a code."""
        theirs = make_account(make_member(last_name="Okafor", date_of_birth=BORN))
        others = make_account(make_member(last_name="Castellan", date_of_birth=BORN))
        bills = {account: make_invoice(account) for account in (theirs, others)}

        def midway(at: dt.datetime) -> None:
            stand_at(at)
            self.only_the_code_finds(theirs, bills[theirs])
            self.somebody_pays(sandbox, guests.by_account(others), bills[others])

        found = self.attack(self.BOTNET, guess_number, guesses=GUESSES // 3, midway=midway)
        assert found == (PERSON.most, 0)
        assert alarms.count("guest.persistent") == len(self.BOTNET)

    def only_the_code_finds(self, account: BillingAccount, bill: Invoice) -> None:
        browser = Client(REMOTE_ADDR="203.0.113.6")
        assert guests.find(browser, guests.by_account(account)).status_code == 429
        assert guests.find(browser, guests.by_code(bill)).headers["Location"] == BILL


def test_birthdays_for_one_account_get_ten_tries_a_day() -> None:
    """Who knows an account's number and name does not get the birthday by trying them all."""
    looked_up = 0
    for number in range(2_000):
        address = f"10.{number // 250}.{number % 250}.1"
        looked_up += tries(address, 1, reference="NC2047718")
    assert looked_up == REFERENCE.most
