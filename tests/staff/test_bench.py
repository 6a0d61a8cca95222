"""The benchmark of the desk: what it makes fits the models, and it finds what it is there to find."""

from dataclasses import replace

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Member, Region
from accounts.roles import Role
from bench import staff as bench
from bench.staff_seed import fill
from bench.statements import watched, whole_tables
from demo.postgres import Cluster
from tests.support.factories import make_staff


@pytest.mark.django_db
def test_a_table_that_grows_is_not_read_whole_unnoticed() -> None:
    with watched() as watch:
        list(Member.objects.filter(first_name__contains="a"))
        list(Region.objects.all())
    assert watch.count == 2
    assert watch.seconds > 0
    assert list(whole_tables(watch)) == ["accounts_member"]


def test_a_target_that_is_missed_is_said_and_ends_the_run_as_failed(
    capsys: pytest.CaptureFixture[str],
) -> None:
    visit = bench.Visit("a household", "/admin/")
    good = bench.Result(visit, [12], [9.0, 10.0], [1.0, 2.0], {})
    assert bench.report([good])
    assert "a household" in capsys.readouterr().out
    whole = {"accounts_member": "SELECT"}
    for bad, said in (
        (bench.Result(visit, [13], [9.0], [1.0], {}), "13 statements; 12 is the most"),
        (bench.Result(visit, [12], [9.0], [1.0], whole), "reads all of accounts_member"),
        (
            bench.Result(visit, [12], [900.0], [101.0], {}),
            "waits 101 ms for PostgreSQL; 100 is",
        ),
    ):
        assert not bench.report([good, bad])
        assert f"FAIL a household: {said}" in capsys.readouterr().out


@pytest.mark.django_db(transaction=True)
def test_a_small_plan_is_made_and_every_page_of_it_answers(cluster: Cluster) -> None:
    with cluster.connect(connection.settings_dict["NAME"]) as superuser:
        made = fill(superuser, members=200, fewest=30, tell=lambda _words: None)
    assert (made["accounts_member"], made["billing_invoice"]) == (200, 3_000)
    client = Client()
    client.force_login(make_staff(Role.SUPERVISOR))
    for visit in bench.visits(200):
        once = replace(visit, typed=visit.typed[:1], urls=visit.urls[:1])
        result = bench.measure(once, client, rounds=1)
        assert result.statements <= (visit.most_statements or 20), visit.name
        assert visit.typed or visit.urls or visit.name.startswith(("dashboard", "list")), visit.name
