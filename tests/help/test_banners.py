"""What staff want said now: to those whom it concerns, while it runs, until it is put away."""

import datetime as dt

import pytest
from django.core.cache import cache
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from redis.exceptions import ConnectionError as RedisAway

from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from demo.stripe.core import Sandbox
from payments import hooks
from support.models import Banner, Change
from support.services import records
from tests.meta.test_look import show
from tests.support import methods
from tests.support.axe import faults_in_every_look
from tests.support.browser import NewPage
from tests.support.chat import make_banner
from tests.support.factories import make_account, make_member, make_region, make_staff

pytestmark = pytest.mark.django_db
TEXT = "Bank transfers take longer"


def signed_in(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


def sees(client: Client) -> bool:
    return TEXT in client.get(reverse("contact")).content.decode()


class TestWhoSeesIt:
    def test_everybody_and_at_once_though_the_page_was_in_the_cache(
        self, django_capture_on_commit_callbacks: object
    ) -> None:
        assert not sees(Client())
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            banner = make_banner()
        assert sees(Client())
        with django_capture_on_commit_callbacks(execute=True):  # type: ignore[operator]
            banner.ends_at = now()
            records.save(record=banner, by=make_staff(Role.SUPERVISOR))
        assert not sees(Client())

    @pytest.mark.parametrize(
        ("starts", "ends", "seen"), [(-2, -1, False), (1, 2, False), (-1, 1, True)]
    )
    def test_only_while_it_runs(self, starts: int, ends: int, seen: bool) -> None:
        hour, at = dt.timedelta(hours=1), now()
        make_banner(starts_at=at + starts * hour, ends_at=at + ends * hour)
        assert sees(Client()) is seen

    def test_those_of_a_region(self) -> None:
        make_banner(audience="region", region=make_region("HI"))
        hawaiian = make_account(make_member(region=make_region("HI")))
        assert sees(signed_in(hawaiian))
        assert not sees(signed_in(make_account()))
        assert not sees(Client())

    def test_those_who_pay_from_a_bank_account(self, sandbox: Sandbox) -> None:
        make_banner(audience="bank")
        by_bank = make_account()
        methods.add(sandbox, by_bank, methods.BANK)
        by_card = make_account()
        methods.add(sandbox, by_card)
        assert (sees(signed_in(by_bank)), sees(signed_in(by_card))) == (True, False)

    def test_those_who_have_autopay(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make_banner(audience="autopay")
        enrolled = make_account()
        monkeypatch.setattr(hooks, "_enrolled", [lambda key: key == enrolled.pk])
        assert (sees(signed_in(enrolled)), sees(signed_in(make_account()))) == (True, False)

    def test_spanish_readers_in_spanish(self) -> None:
        make_banner()
        page = Client().get(reverse("contact"), headers={"accept-language": "es"}).content.decode()
        assert "Las transferencias tardan" in page
        assert TEXT not in page


class TestPuttingItAway:
    def test_it_is_gone_from_this_session_and_the_page_comes_back(self) -> None:
        first, second = make_banner(), make_banner(text="Another")
        client = Client()
        response = client.post(
            reverse("banner_away", args=[first.pk]), {"next": reverse("contact")}, follow=True
        )
        page = response.content.decode()
        assert response.redirect_chain == [(reverse("contact"), 302)]
        assert TEXT not in page
        assert second.text in page
        assert sees(Client())

    def test_it_leads_nowhere_else(self) -> None:
        response = Client().post(reverse("banner_away", args=[1]), {"next": "https://evil.example/"})
        assert response.url == "/"


def test_every_kind_of_banner_is_accessible_small_and_large_light_and_dark(new_page: NewPage) -> None:
    for kind in Banner.Kind.values:
        make_banner(kind=kind, text=f"A notice of the kind {kind}")
    page = new_page()
    show(page, Client().get(reverse("reminders_stop", args=["no-link"])).content.decode())
    assert page.get_by_role("region", name="Service notices").count() == 1
    assert page.get_by_role("button", name="Hide this notice").count() == 3
    assert faults_in_every_look(page) == []


class TestWhatItCosts:
    def test_no_query_for_visitors_and_at_most_one_more_a_page_for_who_is_logged_in(self) -> None:
        client = signed_in(make_account())
        client.get(reverse("contact"))
        with CaptureQueriesContext(connection) as without:
            client.get(reverse("contact"))
        make_banner(audience="bank")
        make_banner(audience="region", region=make_region("HI"))
        cache.clear()
        client.get(reverse("contact"))
        with CaptureQueriesContext(connection) as queries:
            client.get(reverse("contact"))
        assert len(queries) == len(without)

    def test_it_is_shown_while_the_cache_is_away(self, monkeypatch: pytest.MonkeyPatch) -> None:
        make_banner()

        def away(*_: object, **__: object) -> None:
            raise RedisAway

        monkeypatch.setattr("support.cached.cache.get", away)
        monkeypatch.setattr("support.cached.cache.delete", away)
        assert sees(Client())


class TestTheTrail:
    def test_each_field_that_a_supervisor_changed_is_written_down(self) -> None:
        supervisor = make_staff(Role.SUPERVISOR)
        client = Client()
        client.force_login(supervisor)
        response = client.post(
            reverse("admin:support_organisation_change", args=[1]),
            {
                "public_line": "800-555-0100",
                "employee_line": "800-731-4661",
                "tty": "711",
                "address": "Ordway Building\nKaiser Plaza\nOakland, CA 94612",
            },
        )
        assert response.status_code == 302
        change = Change.objects.get()
        assert (change.by, change.field) == (supervisor, "public_line")
        assert (change.before, change.after) == ("866-278-9502", "800-555-0100")
        cache.clear()
        assert "800-555-0100" in Client().get("/").content.decode()

    def test_a_number_that_is_none_is_refused(self) -> None:
        client = Client()
        client.force_login(make_staff(Role.SUPERVISOR))
        url = reverse("admin:support_organisation_change", args=[1])
        response = client.post(url, {"public_line": "call us", "employee_line": "1", "tty": "711"})
        assert response.status_code == 200
        assert not Change.objects.exists()

    @pytest.mark.parametrize("role", [Role.BILLING_AGENT, Role.AUDITOR])
    def test_others_change_nothing(self, role: Role) -> None:
        client = Client()
        client.force_login(make_staff(role))
        url = reverse("admin:support_organisation_change", args=[1])
        assert client.post(url, {"public_line": "800-555-0100"}).status_code == 403

    @pytest.mark.parametrize(
        "wrong",
        [{"audience": "region"}, {"starts_at": now(), "ends_at": now() - dt.timedelta(days=1)}],
    )
    def test_postgresql_refuses_a_banner_that_makes_no_sense(self, wrong: dict) -> None:
        at = now()
        given = {"starts_at": at, "ends_at": at + dt.timedelta(days=1)} | wrong
        with pytest.raises(IntegrityError), transaction.atomic():
            Banner.objects.create(text="x", text_es="x", **given)
