"""What people agree to: shown in full, stored as shown, needed before a bank debit is sent."""

import datetime as dt
import hashlib

import pytest
from django.db import ProgrammingError, connection, transaction
from django.test import RequestFactory
from django.utils import translation
from pytest_django import Settings

from accounts.models import Region
from demo.stripe.core import Sandbox
from payments import authorizations
from payments.authorizations import VERSION, Agreement, Terms, for_payment, for_saving
from payments.gateway import Consent
from payments.models import Authorization
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_region
from tests.support.methods import BANK, CONSENT

pytestmark = pytest.mark.django_db(transaction=True)
DAY = dt.date(2026, 11, 20)
ACCOUNT = "First Bank account ending in 6789"


@pytest.fixture
def region() -> Region:
    return make_region()


def debit(region: Region, *, cents: int = 42_10, keep: bool = False) -> Terms:
    """The terms of a bank debit."""
    terms = for_payment(
        region=region,
        kind="us_bank_account",
        method=ACCOUNT,
        charge_cents=cents,
        on=DAY,
        keep=keep,
    )
    assert terms is not None
    return terms


class TestTheTextOfABankDebit:
    def test_names_payee_amount_account_day_and_how_to_revoke(self, region: Region) -> None:
        text = debit(region).text
        for part in (region.legal_entity, "$42.10", ACCOUNT, "Nov. 20, 2026", region.phone, "revoke"):
            assert part in text, part
        assert "once" in text
        assert "this payment only" in text

    def test_discloses_the_returned_item_fee_where_there_is_one(
        self, region: Region, settings: Settings
    ) -> None:
        assert "returned-item fee" not in debit(region).text
        settings.RETURNED_ITEM_FEE_CENTS = 25_00
        assert "I owe a returned-item fee of $25.00." in debit(region).text

    def test_says_more_where_the_account_is_to_be_kept(self, region: Region) -> None:
        text = debit(region, keep=True).text
        assert debit(region).paragraphs == debit(region, keep=True).paragraphs[:3]
        assert "to keep my bank account" in text
        assert "Payment methods" in text

    def test_is_another_text_for_another_amount(self, region: Region) -> None:
        assert debit(region).sha256 != debit(region, cents=42_11).sha256


class TestTheTextOfKeeping:
    def test_a_card_says_when_it_is_charged_and_how_to_end_that(self, region: Region) -> None:
        terms = for_saving(region=region, kind="card", method="Visa ending in 4242")
        assert terms.purpose == Authorization.Purpose.SAVE
        assert "charged only when I choose it" in terms.text
        assert region.phone in terms.text

    def test_a_bank_account_authorizes_debits_that_are_chosen_one_by_one(self, region: Region) -> None:
        text = for_saving(region=region, kind="us_bank_account", method=ACCOUNT).text
        assert "only when I choose it for a payment and agree to the amount and the date" in text

    def test_a_card_payment_without_keeping_needs_none(self, region: Region) -> None:
        assert (
            for_payment(
                region=region,
                kind="card",
                method="Visa ending in 4242",
                charge_cents=1,
                on=DAY,
                keep=False,
            )
            is None
        )


def test_new_words_need_a_new_version(region: Region, settings: Settings) -> None:
    """Whoever changes the wording changes VERSION, and then these two."""
    settings.RETURNED_ITEM_FEE_CENTS = 25_00
    region.legal_entity, region.phone, region.tty = "Payee", "555-0100", "711"
    texts = [
        debit(region, keep=True).text,
        for_saving(region=region, kind="card", method="Card").text,
    ]
    wording = hashlib.sha256("\n".join(texts).encode()).hexdigest()[:16]
    assert (VERSION, wording) == ("2026-12", "14fc1334dc955694")


class TestWhatIsStored:
    def agreed(self, terms: Terms) -> Authorization:
        account = make_account()
        return authorizations.record(
            account=account,
            agreement=Agreement(terms, CONSENT),
            given_by=account.guarantor.user,
        )

    def test_is_the_text_word_for_word_with_who_when_and_from_where(self, region: Region) -> None:
        terms = debit(region)
        kept = self.agreed(terms)
        kept.refresh_from_db()
        assert kept.text == terms.text
        assert kept.sha256 == hashlib.sha256(kept.text.encode()).hexdigest()
        assert (kept.version, kept.language, kept.purpose) == (VERSION, "en", "debit")
        assert (kept.ip_address, kept.user_agent) == ("203.0.113.7", "Test browser")
        assert kept.given_by == kept.account.guarantor.user

    def test_says_in_which_language_it_was_read(self, region: Region) -> None:
        with translation.override("es"):
            assert self.agreed(debit(region)).language == "es"

    @pytest.mark.parametrize("statement", ["UPDATE {} SET text = ''", "DELETE FROM {}"])
    def test_is_final_even_in_postgresql(self, region: Region, statement: str) -> None:
        self.agreed(debit(region))
        with (
            pytest.raises(ProgrammingError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement.format(Authorization._meta.db_table))

    def test_comes_from_the_browser_that_agrees(self) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.9", HTTP_USER_AGENT="B" * 900)
        consent = authorizations.consent_from(request)
        assert (consent.ip_address, len(consent.user_agent)) == ("198.51.100.9", 400)

    def test_a_browser_without_a_name_is_still_one(self) -> None:
        request = RequestFactory().get("/", REMOTE_ADDR="198.51.100.9")
        assert authorizations.consent_from(request) == Consent("198.51.100.9", "unknown")

    def test_a_double_click_agrees_once(self, sandbox: Sandbox) -> None:
        checkout = paying.start_checkout(sandbox, make_invoice(), card=BANK)
        first, second = paying.confirm(checkout), paying.confirm(checkout)
        assert first == second
        assert Authorization.objects.count() == 1
