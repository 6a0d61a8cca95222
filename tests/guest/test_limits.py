"""How often one may look: honest people get through, guessers do not, and nobody else notices."""

import datetime as dt
import random

import pytest
from django.test import Client
from redis.exceptions import ConnectionError as RedisAway

from billing.models import Invoice
from common import references
from payments.guest import finding, limits
from payments.guest.limits import ADDRESS, GUESSING, NETWORK, REFERENCE, TooManyTries
from tests.support import guests
from tests.support.billing import words
from tests.support.factories import make_invoice, make_region
from tests.support.guests import BILL, START

pytestmark = pytest.mark.django_db(transaction=True)

AT = dt.datetime(2026, 11, 20, 12, 0, 1, tzinfo=dt.UTC)
GUESSES = 100_000


@pytest.fixture
def alarms(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The errors that this module logs."""
    raised: list[str] = []
    monkeypatch.setattr(limits.log, "error", lambda event, **_: raised.append(event))
    return raised


def note(address: str = "192.0.2.1", reference: str = "X", at: dt.datetime = AT) -> limits.Try:
    return limits.note_try(address=address, region="NCAL", reference=reference, at=at)


def tries(address: str, count: int, *, at: dt.datetime = AT, reference: str = "") -> int:
    """How many of `count` look-ups are let through."""
    through = 0
    for number in range(count):
        try:
            note(address, reference or f"{address}-{number}", at)
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

    def test_an_address_written_as_ipv6_is_the_same_network(self) -> None:
        assert limits.network_of("::ffff:192.0.2.7") == limits.network_of("192.0.2.200")
        assert limits.network_of("192.0.2.7") == "192.0.2.0/24"
        assert limits.network_of("2001:db8:1:2::3") == "2001:db8:1::/48"

    def test_numbers_are_kept_as_hashes_alone(self) -> None:
        key = note("192.0.2.1", "NC2047718").keys
        assert not [part for part in key if "192.0.2" in part or "NC204" in part]

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


class TestWithoutRedis:
    @pytest.fixture(autouse=True)
    def _away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        class Away:
            def eval(self, *_: object) -> None:
                raise RedisAway

            def pipeline(self) -> "Away":
                raise RedisAway

        monkeypatch.setattr(limits, "_redis", Away)

    def test_nobody_looks_up_anything_and_it_is_said_kindly(
        self, client: Client, alarms: list[str]
    ) -> None:
        bill = make_invoice()
        response = guests.find(client, guests.by_code(bill))
        assert response.status_code == 503
        assert "paused" in words(response)
        assert "Log in" in words(response)
        assert alarms == ["guest.limits_away"]
        assert client.get(START).status_code == 200


def guess(rng: random.Random, region: object, at: dt.datetime, address: str) -> bool:
    """One guess of a pay code with a right check character, as the page's view does it."""
    code = "".join(rng.choices(references.ALPHABET, k=12))
    code += references.check_character(code)
    limits.note_try(address=address, region="NCAL", reference=code, at=at)
    return finding.by_code(region=region, code=code, on=at.date()) is not None  # type: ignore[arg-type]


class TestAHundredThousandGuesses:
    """The simulated attack: no hit, an alarm, and other guests do not notice."""

    def attack(self, addresses: list[str]) -> tuple[int, int]:
        """How many guesses were looked up, and how many found a bill; all within 14 minutes."""
        rng, region = random.Random(7), make_region()
        looked_up = hits = 0
        for number in range(GUESSES):
            at = AT + dt.timedelta(seconds=number * 14 * 60 / GUESSES)
            try:
                hits += guess(rng, region, at, addresses[number % len(addresses)])
            except TooManyTries:
                continue
            looked_up += 1
        return looked_up, hits

    def others_pay(self, bills: list[Invoice]) -> None:
        for number, bill in enumerate(bills):
            address = f"203.0.{number}.5"
            for typo in ("typo 1", "typo 2"):
                limits.note_try(address=address, region="NCAL", reference=typo, at=AT)
            limits.note_try(
                address=address, region="NCAL", reference=str(bill.pay_code), at=AT
            ).take_back()

    def test_from_one_address(self, alarms: list[str]) -> None:
        bills = [make_invoice() for _ in range(3)]
        assert self.attack(["198.51.100.1"]) == (ADDRESS.most, 0)
        assert alarms == ["guest.persistent"]
        self.others_pay(bills)

    def test_from_five_hundred_addresses(self, alarms: list[str]) -> None:
        bills = [make_invoice() for _ in range(3)]
        looked_up, hits = self.attack([f"10.{n // 250}.{n % 250}.1" for n in range(500)])
        assert hits == 0
        assert GUESSING <= looked_up <= 500 * ADDRESS.tight
        assert alarms.count("guest.guessing") == 1
        self.others_pay(bills)


def test_birthdays_for_one_account_get_ten_tries_a_day() -> None:
    """Who knows an account's number and name does not get the birthday by trying them all."""
    looked_up = 0
    for number in range(2_000):
        address = f"10.{number // 250}.{number % 250}.1"
        looked_up += tries(address, 1, reference="NC2047718")
    assert looked_up == REFERENCE.most
