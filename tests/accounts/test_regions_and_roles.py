"""What migrations put in: the plan's eight regions, and what each staff role may look at."""

from zoneinfo import ZoneInfo

import pytest
from django.contrib.auth.models import Group, Permission

from accounts.models import Region
from accounts.roles import Role
from tests.support.factories import make_staff

pytestmark = pytest.mark.django_db


def test_the_plan_has_eight_regions_in_their_usual_order() -> None:
    assert list(Region.objects.values_list("code", "name", "stripe_account")) == [
        ("NCAL", "Northern California", "ncal"),
        ("SCAL", "Southern California", "scal"),
        ("CO", "Colorado", "co"),
        ("GA", "Georgia", "ga"),
        ("HI", "Hawaii", "hi"),
        ("MAS", "Mid-Atlantic States", "mas"),
        ("NW", "Northwest", "nw"),
        ("WA", "Washington", "wa"),
    ]


def test_each_region_can_be_called_written_to_and_has_a_real_calendar() -> None:
    for region in Region.objects.all():
        assert ZoneInfo(region.time_zone).key == region.time_zone
        assert len(region.phone) == len("800-464-4000"), region
        assert region.phone.replace("-", "").isdecimal(), region
        assert region.tty == "711"
        assert region.hours
        assert region.legal_entity.startswith("Kaiser Foundation Health Plan")
        assert region.mailing_address.endswith("Oakland, CA 94612")


def test_every_role_is_a_group() -> None:
    assert set(Group.objects.values_list("name", flat=True)) == {role.value for role in Role}


@pytest.mark.parametrize("role", Role)
def test_a_role_looks_and_never_touches_a_row(role: Role) -> None:
    """What it does, it does at the desk. Supervisors keep texts: banners, hours, the organisation."""
    permissions = make_staff(role).get_all_permissions()
    assert {"accounts.view_member", "accounts.view_region"} <= permissions
    touching = ("add_", "change_", "delete_")
    touched = {name for name in permissions if name.partition(".")[2].startswith(touching)}
    assert {name.partition(".")[0] for name in touched} <= {"support"}
    assert not touched or role == Role.SUPERVISOR


def test_acts_belong_to_roles() -> None:
    acts = {
        role: {
            name.removeprefix("staff.")
            for name in make_staff(role).get_all_permissions()
            if name.startswith("staff.") and ".view_" not in name
        }
        for role in Role
    }
    assert acts[Role.AUDITOR] == {"look_at_members", "search_audit"}
    assert "refund_payments" in acts[Role.BILLING_AGENT]
    assert acts[Role.SUPERVISOR] - acts[Role.BILLING_AGENT] == {
        "approve_refunds",
        "correct_bills",
        "release_autopay",
        "resolve_payments",
    }


def test_an_agent_does_not_see_who_may_log_in() -> None:
    assert not make_staff(Role.BILLING_AGENT).has_perm("accounts.view_user")
    assert make_staff(Role.AUDITOR).has_perm("accounts.view_user")


def test_permissions_made_by_the_migration_are_the_ones_that_django_knows() -> None:
    names = Permission.objects.filter(codename="view_member")
    assert [permission.name for permission in names] == ["Can view member"]
