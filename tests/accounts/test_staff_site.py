"""The staff pages are behind the portal's log-in, and show rather than change."""

import re
import time

import pytest
from allauth.account.models import EmailAddress
from django.contrib import admin
from django.contrib.auth.models import Group
from django.test import Client
from django.urls import NoReverseMatch, reverse
from post_office.models import Email

from accounts.models import User
from accounts.roles import Role
from accounts.services.second_steps import code_at
from tests.support.factories import PASSWORD, SECRET, make_member, make_region, make_staff

pytestmark = pytest.mark.django_db


def test_staff_log_in_through_the_portal_and_come_back(client: Client) -> None:
    member_page = reverse("admin:accounts_member_changelist")
    answer = client.get(member_page)
    assert answer.url == "/login/?next=%2Fadmin%2Faccounts%2Fmember%2F"
    agent = make_staff(Role.BILLING_AGENT)
    asked = client.post("/login/", {"login": agent.email, "password": PASSWORD, "next": member_page})
    assert asked.url == "/login/code/"
    back = client.post(asked.url, {"code": code_at(SECRET, time.time())})
    assert back.url == member_page
    assert client.get(member_page).status_code == 200


def test_the_admins_own_log_in_form_is_never_shown(client: Client) -> None:
    answer = client.get("/admin/login/")
    assert answer.status_code == 302
    assert answer.url.startswith("/login/")
    staff = make_staff(None)
    posted = client.post("/admin/login/", {"username": staff.email, "password": PASSWORD})
    assert posted.url.startswith("/login/")
    assert "_auth_user_id" not in client.session


def test_a_member_is_refused_without_being_offered_a_form(client: Client) -> None:
    client.force_login(make_member().user)
    for url in ("/admin/", "/admin/login/", "/admin/accounts/member/", "/admin/nothing/"):
        answer = client.get(url)
        assert answer.status_code == 403
        assert 'type="password"' not in answer.text


def test_staff_leave_by_the_portals_door(client: Client) -> None:
    client.force_login(make_staff(Role.AUDITOR))
    assert client.post("/admin/logout/").headers["Clear-Site-Data"]
    assert "_auth_user_id" not in client.session


def test_an_agent_finds_a_member_by_name_and_number(client: Client) -> None:
    make_member(last_name="Abara", member_number="31415926")
    make_member(last_name="Zhou")
    client.force_login(make_staff(Role.BILLING_AGENT))
    for asked in ("Abara", "31415926"):
        page = client.get(reverse("admin:accounts_member_changelist"), {"q": asked}).text
        assert "Abara" in page
        assert "Zhou" not in page


def test_a_superuser_corrects_a_regions_telephone_and_nobody_else_does(client: Client) -> None:
    region = make_region("HI")
    url = reverse("admin:accounts_region_change", args=[region.pk])
    data = {
        "name": region.name,
        "time_zone": region.time_zone,
        "phone": "800-000-0000",
        "tty": region.tty,
        "hours": region.hours,
        "mailing_address": region.mailing_address,
        "legal_entity": region.legal_entity,
        "position": region.position,
        "code": "XX",
        "stripe_account": "other",
    }
    for role in Role:
        client.force_login(make_staff(role))
        assert client.post(url, data).status_code == 403
    client.force_login(make_staff(None))
    assert client.post(url, data).status_code == 302
    region.refresh_from_db()
    assert (region.phone, region.code, region.stripe_account) == ("800-000-0000", "HI", "hi")


@pytest.mark.parametrize("model", [Email, EmailAddress, Group])
def test_mails_confirmed_addresses_and_roles_are_not_in_the_admin(model: type) -> None:
    """Stored mails hold links that open somebody's log-in."""
    assert not admin.site.is_registered(model)
    meta = model._meta  # type: ignore[attr-defined]
    with pytest.raises(NoReverseMatch):
        reverse(f"admin:{meta.app_label}_{meta.model_name}_changelist")


def test_not_even_a_superuser_edits_a_log_in_or_a_member_there(client: Client) -> None:
    member = make_member()
    client.force_login(make_staff(None))
    for model, key in (("member", member.pk), ("user", member.user_id)):
        url = reverse(f"admin:accounts_{model}_change", args=[key])
        assert "_save" not in client.get(url).text
        assert client.post(url, {"email": "x@example.com"}).status_code == 403
    assert User.objects.filter(email="x@example.com").count() == 0


INLINE = re.compile(r"<script(?![^>]*\ssrc=)|<style|<[^>]*\s(?:style|on\w+)=", re.IGNORECASE)


def test_the_staff_pages_need_nothing_that_the_content_policy_forbids(client: Client) -> None:
    """No script, style or handler in the page itself: the policy allows files of ours only."""
    member = make_member()
    client.force_login(make_staff(None))
    pages = ["/admin/", "/admin/accounts/"]
    for model, key in (("member", member.pk), ("user", member.user_id), ("region", make_region().pk)):
        pages.append(reverse(f"admin:accounts_{model}_changelist"))
        pages.append(reverse(f"admin:accounts_{model}_change", args=[key]))
        pages.append(reverse(f"admin:accounts_{model}_history", args=[key]))
    for page in pages:
        answer = client.get(page)
        assert answer.status_code == 200, page
        assert INLINE.findall(answer.text) == [], page
    assert INLINE.search('<p class="a" onclick="b">')
    assert INLINE.search("<script>b</script>")
