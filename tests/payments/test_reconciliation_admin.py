"""Where the books differ, as those who check them see it, and take it with them."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from accounts.roles import Role
from common.clock import now
from payments.models import Difference, StripePayout, StripeTransaction
from tests.support.factories import make_staff
from tests.support.reconciling import today

pytestmark = pytest.mark.django_db

Kind = Difference.Kind
LIST = "admin:payments_difference_changelist"


@pytest.fixture
def auditor() -> Client:
    client = Client()
    client.force_login(make_staff(Role.AUDITOR))
    return client


def difference(kind: Kind = Kind.FEE, object_id: str = "txn_1", **fields: object) -> Difference:
    given = {"ours_cents": -3_78, "theirs_cents": -4_78, "found_on": today(), **fields}
    return Difference.objects.create(stripe_account="ncal", kind=kind, object_id=object_id, **given)


def shown(client: Client, **query: str) -> list[str]:
    listed = client.get(reverse(LIST), query).context["cl"].queryset
    return sorted(listed.values_list("object_id", flat=True))


def test_open_differences_are_listed_first_of_all(auditor: Client) -> None:
    difference(object_id="txn_open")
    difference(object_id="txn_done", resolved_at=now(), resolution="agrees")
    assert shown(auditor) == ["txn_open"]
    assert shown(auditor, state="resolved") == ["txn_done"]
    assert shown(auditor, state="all") == ["txn_done", "txn_open"]


def test_amounts_are_shown_with_their_sign_and_what_a_book_lacks_is_empty(auditor: Client) -> None:
    row = difference(Kind.UNKNOWN_CHARGE, "pi_1", ours_cents=None, theirs_cents=120_00)
    fee = difference()
    page = auditor.get(reverse(LIST)).content.decode()
    assert page.count("$120.00") == 1
    assert page.count("−$3.78") == page.count("−$4.78") == 1
    for each in (row, fee):
        url = reverse("admin:payments_difference_change", args=[each.pk])
        assert auditor.get(url).status_code == 200


def export(client: Client, model: str, *keys: int) -> list[list[str]]:
    response = client.post(
        reverse(f"admin:payments_{model}_changelist"),
        {"action": "export_csv", "_selected_action": [str(key) for key in keys]},
    )
    assert response.status_code == 200
    assert response["Content-Type"] == "text/csv; charset=utf-8"
    text = b"".join(response.streaming_content).decode("utf-8-sig")
    return list(csv.reader(io.StringIO(text)))


def test_the_chosen_rows_are_downloaded_and_no_others(auditor: Client) -> None:
    fee = difference()
    difference(object_id="txn_2")
    charge = difference(Kind.UNKNOWN_CHARGE, "pi_1", ours_cents=None, theirs_cents=1_042_10)
    header, *rows = export(auditor, "difference", fee.pk, charge.pk)
    assert header[2:5] == ["object", "ours", "Stripe's"]
    assert [row[:6] for row in rows] == [
        ["ncal", "fee", "txn_1", "(3.78)", "(4.78)", str(today())],
        ["ncal", "unknown_charge", "pi_1", "", "1042.10", str(today())],
    ]


def test_payouts_and_movements_are_downloaded_too(auditor: Client) -> None:
    payout = StripePayout.objects.create(
        stripe_account="ncal", payout_id="po_1", amount_cents=67, status="paid", arrives_on=today()
    )
    movement = StripeTransaction.objects.create(
        stripe_account="ncal",
        transaction_id="txn_1",
        type="=cmd",
        amount_cents=1_00,
        fee_cents=33,
        net_cents=67,
        made_at=now(),
        payout=payout,
    )
    assert export(auditor, "stripepayout", payout.pk)[1][:3] == ["ncal", "po_1", "0.67"]
    row = export(auditor, "stripetransaction", movement.pk)[1]
    assert row[2] == "'=cmd"  # no spreadsheet computes it
    assert row[5:8] == ["1.00", "0.33", "0.67"]


def test_a_payouts_page_shows_what_it_consists_of(auditor: Client) -> None:
    payout = StripePayout.objects.create(
        stripe_account="ncal", payout_id="po_1", amount_cents=67, status="paid", arrives_on=today()
    )
    StripeTransaction.objects.create(
        stripe_account="ncal",
        transaction_id="txn_inside",
        type="charge",
        amount_cents=1_00,
        fee_cents=33,
        net_cents=67,
        made_at=now(),
        payout=payout,
    )
    url = reverse("admin:payments_stripepayout_change", args=[payout.pk])
    assert "txn_inside" in auditor.get(url).content.decode()


def test_a_billing_agent_downloads_nothing() -> None:
    row = difference()
    client = Client()
    client.force_login(make_staff(Role.BILLING_AGENT))
    data = {"action": "export_csv", "_selected_action": [str(row.pk)]}
    assert client.post(reverse(LIST), data).status_code == 403
