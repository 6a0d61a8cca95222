"""A CSV goes in to the cent, and a second time without effect."""

import datetime as dt
from pathlib import Path

import pytest
from django.conf import settings
from django.core.management import call_command
from django.db.models import Sum

from accounts.models import Member
from accounts.services import registration
from billing.models import BillingAccount, Invoice, InvoiceLine, JournalEntry, LedgerCode
from tests.support.factories import make_account, make_region
from tests.support.importing import import_bills, people_only, row, write_csv

pytestmark = pytest.mark.django_db

SAMPLE = settings.BASE_DIR / "demo" / "samples" / "bills.csv"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bills.csv"


def test_the_sample_goes_in_to_the_cent_and_a_second_run_changes_nothing() -> None:
    first = import_bills(SAMPLE)
    assert first.code == 0
    assert first.errors == []
    assert first.summary("Members") == "5 new, 0 changed, 0 unchanged"
    assert first.summary("Accounts") == "3 new, 0 unchanged"
    assert first.summary("Bills").startswith("5 new ($1,728.35), 0 unchanged")
    assert first.summary("Unexplained").startswith("$0.05 charged that nothing explains (1)")
    assert first.summary("Changes:") == "13"
    assert Invoice.objects.aggregate(cents=Sum("open_cents")) == {"cents": 172_835}
    assert JournalEntry.objects.count() == 5

    second = import_bills(SAMPLE)
    assert second.code == 0
    assert second.summary("Members") == "0 new, 0 changed, 5 unchanged"
    assert second.summary("Bills").startswith("0 new ($0.00), 5 unchanged ($1,728.35)")
    assert second.summary("Changes:") == "0"
    assert Invoice.objects.count() == 5
    assert JournalEntry.objects.count() == 5
    call_command("verify_ledger")


def test_a_bill_has_its_lines_its_patient_and_its_dates(path: Path) -> None:
    write_csv(
        path,
        [
            row(
                patient_member_number="1002",
                patient_first_name="José",
                patient_last_name="O’Brien",
                patient_date_of_birth="2015-02-28",
                bill_total="57.60",
                service_to="2026-09-16",
            ),
            row(
                patient_member_number="1002",
                patient_first_name="José",
                patient_last_name="O’Brien",
                patient_date_of_birth="2015-02-28",
                bill_total="57.60",
                service_on="2026-09-12",
                description='Blood test, "complete"',
                charge="68.00",
                plan_paid="",
                adjustment="50.40",
                your_part="17.60",
            ),
        ],
    )
    assert import_bills(path).code == 0
    invoice = Invoice.objects.get()
    assert (invoice.account.account_number, invoice.account.guarantor.full_name) == ("A-1", "Ann Lee")
    assert (invoice.patient.full_name, invoice.patient.date_of_birth) == (
        "José O’Brien",
        dt.date(2015, 2, 28),
    )
    assert (invoice.number, invoice.kind) == ("B-1", Invoice.Kind.MEDICAL)
    assert (invoice.total_cents, invoice.open_cents, invoice.unexplained_cents) == (57_60, 57_60, 0)
    assert (invoice.issued_on, invoice.due_on) == (dt.date(2026, 10, 1), dt.date(2026, 10, 31))
    assert (invoice.service_from, invoice.service_to) == (dt.date(2026, 9, 12), dt.date(2026, 9, 16))
    lines = invoice.lines.values_list(
        "description", "charge_cents", "plan_paid_cents", "adjustment_cents", "patient_cents"
    )
    assert list(lines) == [
        ("Office visit", 200_00, 140_00, 20_00, 40_00),
        ('Blood test, "complete"', 68_00, 0, 50_40, 17_60),
    ]


def test_the_guarantor_of_an_imported_account_can_register(path: Path) -> None:
    write_csv(path, [row()])
    import_bills(path)
    member = registration.find_member(
        region=make_region(),
        member_number="1001",
        first_name="Ann",
        last_name="Lee",
        date_of_birth=dt.date(1980, 5, 3),
    )
    assert member.billing_account.invoices.get().open_cents == 40_00


def test_rows_of_a_bill_may_stand_anywhere_in_the_file(path: Path) -> None:
    write_csv(
        path,
        [
            row(bill_number="B-1", bill_total="50.00", description="first"),
            row(bill_number="B-2"),
            row(bill_number="B-1", bill_total="50.00", your_part="10.00", description="second"),
        ],
    )
    outcome = import_bills(path)
    assert outcome.code == 0
    assert dict(Invoice.objects.values_list("number", "total_cents")) == {"B-1": 50_00, "B-2": 40_00}
    descriptions = InvoiceLine.objects.filter(invoice__number="B-1").values_list(
        "description", flat=True
    )
    assert list(descriptions) == ["first", "second"]


def test_a_row_without_a_bill_delivers_the_people(path: Path) -> None:
    write_csv(path, [people_only()])
    outcome = import_bills(path)
    assert outcome.code == 0
    assert outcome.summary("Changes:") == "2"
    assert BillingAccount.objects.get().guarantor.full_name == "Ann Lee"
    assert not Invoice.objects.exists()


def test_a_premium_is_a_month_of_coverage(path: Path) -> None:
    write_csv(
        path, [row(bill_kind="premium", service_on="2026-11-01", service_to="2026-11-30", code="")]
    )
    assert import_bills(path).code == 0
    invoice = Invoice.objects.get()
    assert invoice.is_premium
    assert (invoice.service_from.day, invoice.service_to.day) == (1, 30)


def test_a_bill_of_nothing_is_paid_at_once_and_books_nothing(path: Path) -> None:
    write_csv(path, [row(bill_total="0.00", your_part="0", plan_paid="180")])
    assert import_bills(path).code == 0
    invoice = Invoice.objects.get()
    assert invoice.status(dt.date(2026, 12, 1)) == "paid"
    assert not JournalEntry.objects.exists()


@pytest.mark.parametrize(
    ("charge", "unexplained_cents", "words"),
    [
        ("210.00", 10_00, "$10.00 charged that nothing explains (1), $0.00"),
        ("199.99", -1, "$0.00 charged that nothing explains (0), $0.01 explained beyond"),
    ],
)
def test_what_the_amounts_leave_open_is_reported_and_never_billed(
    path: Path, charge: str, unexplained_cents: int, words: str
) -> None:
    write_csv(path, [row(charge=charge)])
    outcome = import_bills(path, verbosity=3)
    assert outcome.code == 0
    assert words in outcome.summary("Unexplained")
    assert "bills.csv:2: " in outcome.out
    assert "unexplained" in outcome.out
    invoice = Invoice.objects.get()
    assert (invoice.total_cents, invoice.unexplained_cents) == (40_00, unexplained_cents)
    revenue = JournalEntry.objects.get().lines.get(ledger_account=LedgerCode.BILLED_REVENUE)
    assert revenue.amount_cents == -40_00


def test_a_bill_that_comes_again_with_other_content_is_a_conflict(path: Path) -> None:
    write_csv(path, [row()])
    import_bills(path)
    write_csv(path, [row(your_part="45.00", bill_total="45.00"), row(bill_number="B-2")])
    outcome = import_bills(path)
    assert outcome.code == 1
    assert outcome.errors == ["bills.csv:2: bill B-1 is not what was imported before"]
    assert outcome.summary("Bills") == "1 new ($40.00), 0 unchanged ($0.00), 1 in conflict ($45.00)"
    assert Invoice.objects.get(number="B-1").total_cents == 40_00


def test_a_bill_number_of_another_source_is_not_taken_over(path: Path) -> None:
    write_csv(path, [row()])
    import_bills(path)
    Invoice.objects.update(source="elsewhere")
    outcome = import_bills(path)
    assert outcome.errors == ["bills.csv:2: this account has another bill with the number B-1"]
    assert Invoice.objects.count() == 1


def test_a_new_name_is_taken_over(path: Path) -> None:
    write_csv(path, [row()])
    import_bills(path)
    write_csv(path, [row(guarantor_last_name="Lee-Okafor")])
    outcome = import_bills(path)
    assert outcome.code == 0
    assert outcome.summary("Members") == "0 new, 1 changed, 0 unchanged"
    assert outcome.summary("Changes:") == "1"
    assert Member.objects.get().last_name == "Lee-Okafor"
    assert import_bills(path).summary("Changes:") == "0"


def test_another_date_of_birth_is_another_person(path: Path) -> None:
    write_csv(path, [row()])
    import_bills(path)
    write_csv(path, [row(bill_number="B-2", guarantor_date_of_birth="1980-05-04")])
    outcome = import_bills(path)
    assert outcome.code == 1
    assert outcome.errors == ["bills.csv:2: member 1001 has another date of birth"]
    assert Member.objects.get().date_of_birth == dt.date(1980, 5, 3)
    assert Invoice.objects.count() == 1


def test_one_import_may_not_say_two_things_of_a_member(path: Path) -> None:
    write_csv(path, [row(), row(bill_number="B-2", guarantor_first_name="Anna")])
    outcome = import_bills(path)
    assert outcome.errors == ["bills.csv:3: member 1001 is given with two names or dates of birth"]
    assert Member.objects.get().first_name == "Ann"
    assert import_bills(path).summary("Changes:") == "0"


def test_an_account_keeps_its_guarantor(path: Path) -> None:
    write_csv(path, [row(), row(bill_number="B-2", guarantor_member_number="1009")])
    assert import_bills(path).errors == ["bills.csv:3: account A-1 is given with two guarantors"]

    write_csv(path, [row(bill_number="B-2", guarantor_member_number="1009")])
    assert import_bills(path).errors == ["bills.csv:2: account A-1 has another guarantor"]


def test_a_guarantor_has_one_account(path: Path) -> None:
    write_csv(path, [row(), row(account_number="A-2")])
    outcome = import_bills(path)
    assert outcome.errors == ["bills.csv:3: the guarantor of account A-2 has another one"]
    assert BillingAccount.objects.get().account_number == "A-1"


def test_the_same_numbers_in_another_region_are_other_people(path: Path) -> None:
    make_account()  # somebody else's bills are not touched
    write_csv(path, [row(), row(region="GA", guarantor_first_name="Bo")])
    assert import_bills(path).code == 0
    assert sorted(Member.objects.filter(member_number="1001").values_list("first_name", flat=True)) == [
        "Ann",
        "Bo",
    ]
    assert Invoice.objects.filter(number="B-1").count() == 2


def test_a_folder_brings_its_files_in_order_and_one_bad_file_is_one_error(tmp_path: Path) -> None:
    write_csv(tmp_path / "b.csv", [row(bill_number="B-2")])
    write_csv(tmp_path / "a.CSV", [row()])
    (tmp_path / "c.csv").write_bytes(b"PK\x03\x04")
    (tmp_path / "notes.txt").write_text("not for us")
    outcome = import_bills(tmp_path)
    assert outcome.code == 1
    assert [error.split(":")[0] for error in outcome.errors] == ["c.csv"]
    assert outcome.summary("Errors") == "1, 1 of 3 files refused"
    assert list(Invoice.objects.order_by("pk").values_list("number", flat=True)) == ["B-1", "B-2"]
