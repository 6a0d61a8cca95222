"""A household on a fixed day, and the guarantor's browser."""

import datetime as dt

import pytest
from django.test import Client

from tests.billing.pages.household import Household
from tests.support.factories import make_account, make_member


@pytest.fixture(autouse=True)
def _today(monkeypatch: pytest.MonkeyPatch) -> None:
    noon_in_california = dt.datetime(2026, 11, 21, 20, tzinfo=dt.UTC)
    monkeypatch.setattr("common.clock.now", lambda: noon_in_california)


@pytest.fixture
def household(db: None) -> Household:
    ada = make_member(first_name="Ada", last_name="Okafor")
    ben = make_member(first_name="Ben", last_name="Okafor", registered=False)
    cleo = make_member(first_name="Cleo", last_name="Okafor", registered=False)
    client = Client()
    client.force_login(ada.user)
    return Household(make_account(ada, account_number="5000 1234"), ada, ben, cleo, client)
