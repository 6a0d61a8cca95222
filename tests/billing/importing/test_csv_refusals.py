"""What is wrong with a CSV is named with its line, and never goes in in part."""

from pathlib import Path

import pytest

from accounts.models import Member
from billing.models import BillingAccount, Invoice
from tests.support.importing import COLUMNS, import_bills, row, write_csv

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "bills.csv"


def nothing_was_written() -> bool:
    return not (Member.objects.exists() or BillingAccount.objects.exists() or Invoice.objects.exists())


BAD_ROWS = [
    ({"charge": "12,34"}, "charge is not an amount like 1042.10"),
    ({"charge": "-200.00"}, "charge is not an amount"),
    ({"your_part": "40.001"}, "your_part is not an amount"),
    ({"your_part": "forty"}, "your_part is not an amount"),
    ({"your_part": ""}, "your_part is not an amount"),
    ({"your_part": "1e3"}, "your_part is not an amount"),
    ({"your_part": "200.01"}, "your_part is more than charge"),
    ({"charge": "100000000.00"}, "charge is more than $99,999,999.99"),
    ({"bill_total": "41.00"}, "bill_total is $41.00, but your_part of its 1 row(s) comes to $40.00"),
    ({"service_on": "09/14/2026"}, "service_on is not a date like 2026-05-03"),
    ({"service_on": "2026-02-30"}, "service_on is not a date"),
    ({"service_on": "0026-09-14"}, "service_on is not between 1900 and 2100"),
    ({"service_on": ""}, "service_on is empty"),
    ({"service_to": "2026-09-13"}, "service_to is before service_on"),
    ({"due_on": "2026-09-30"}, "due_on is before issued_on"),
    ({"guarantor_date_of_birth": "2100-01-01"}, "guarantor_date_of_birth is in the future"),
    ({"guarantor_last_name": "  "}, "guarantor_last_name is empty"),
    ({"guarantor_first_name": "A" * 81}, "guarantor_first_name is longer than 80 characters"),
    ({"guarantor_first_name": "An\x07n"}, "guarantor_first_name contains a control character"),
    ({"guarantor_member_number": "12 34"}, "guarantor_member_number may contain letters, digits"),
    ({"guarantor_member_number": "999-61-3984"}, "looks like a social security number"),
    ({"patient_first_name": "Bo"}, "patient_member_number is empty"),
    ({"account_number": ""}, "account_number is empty"),
    ({"bill_kind": "dental"}, "bill_kind is not one of medical, hospital, premium"),
    ({"bill_number": ""}, "bill_number is empty"),
    ({"region": "XX"}, "region is not a region's code"),
    ({"region": ""}, "region is empty and no --region was given"),
    ({"description": "x" * 241}, "description is longer than 240 characters"),
    ({"description": "x" * 5000}, "a cell is longer than 4096 characters"),
]


@pytest.mark.parametrize(("cells", "reason"), BAD_ROWS)
def test_a_bad_row_is_named_with_its_line_and_the_rest_goes_in(
    path: Path, cells: dict[str, str], reason: str
) -> None:
    write_csv(path, [row(bill_number="B-0"), row(**cells), row(bill_number="B-2")])
    outcome = import_bills(path)
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("bills.csv:3: ")
    assert reason in outcome.errors[0]
    assert sorted(Invoice.objects.values_list("number", flat=True)) == ["B-0", "B-2"]


@pytest.mark.parametrize(("cells", "reason"), BAD_ROWS)
def test_with_strict_one_bad_row_and_nothing_goes_in(
    path: Path, cells: dict[str, str], reason: str
) -> None:
    write_csv(path, [row(bill_number="B-0"), row(**cells)])
    outcome = import_bills(path, strict=True)
    assert outcome.code == 1
    assert reason in outcome.errors[0]
    assert outcome.summary("Changes:").startswith("0 made")
    assert nothing_was_written()


def test_a_bad_row_keeps_its_whole_bill_out(path: Path) -> None:
    write_csv(
        path, [row(bill_total="80.00"), row(bill_total="80.00", charge="x"), row(bill_number="B-2")]
    )
    outcome = import_bills(path)
    assert outcome.errors == [
        "bills.csv:3: charge is not an amount like 1042.10 (no sign, at most two decimals)"
        " (its bill has 2 rows; all are left out)"
    ]
    assert list(Invoice.objects.values_list("number", flat=True)) == ["B-2"]


def test_a_bill_that_lost_a_row_on_the_way_is_not_sent(path: Path) -> None:
    write_csv(path, [row(bill_total="80.00"), row(bill_total="80.00")])
    whole = path.read_text().splitlines(keepends=True)
    path.write_text("".join([*whole[:2], "a,short,row\n"]))
    outcome = import_bills(path)
    assert outcome.code == 1
    assert outcome.errors == [
        f"bills.csv:3: 3 cells, but the header has {len(COLUMNS)}",
        "bills.csv:2: bill_total is $80.00, but your_part of its 1 row(s) comes to $40.00",
    ]
    assert nothing_was_written()


def test_rows_of_one_bill_must_agree_on_the_bill(path: Path) -> None:
    write_csv(path, [row(bill_total="80.00"), row(bill_total="80.00", due_on="2026-11-30")])
    outcome = import_bills(path)
    assert outcome.errors == [
        "bills.csv:3: due_on differs from line 2 of the same bill"
        " (its bill has 2 rows; all are left out)"
    ]
    assert nothing_was_written()


def test_errors_never_repeat_what_a_cell_says(path: Path) -> None:
    secrets = {
        "guarantor_first_name": "Zebedee\x07",
        "guarantor_date_of_birth": "31.12.1971",
        "guarantor_member_number": "999-61-3984",
    }
    for column, secret in secrets.items():
        write_csv(path, [row(**{column: secret})])
        outcome = import_bills(path)
        assert outcome.code == 1
        assert secret not in outcome.err + outcome.out
        assert "Zebedee" not in outcome.err


def test_the_region_option_fills_the_column_or_must_agree_with_it(path: Path) -> None:
    columns = [column for column in COLUMNS if column != "region"]
    write_csv(path, [row()], columns)
    assert import_bills(path).errors == [
        "bills.csv: there is no region column, and no --region was given"
    ]
    assert import_bills(path, region="ga").code == 0
    assert Member.objects.get().region.code == "GA"

    write_csv(path, [row(region="NCAL")])
    assert import_bills(path, region="GA").errors == ["bills.csv:2: region is not GA, as --region says"]


UNUSABLE = [
    (b"", "the file is empty"),
    (b"PK\x03\x04rest", "a spreadsheet or an archive"),
    ("a,b\n".encode("utf-16"), "UTF-16"),
    (b"region,account_number\nNCAL,1\n", "the columns do not fit; missing: guarantor_member_number"),
    (b"region;account_number\n", "not separated by commas"),
    (b"x" * 70_000, "line 1 is longer than 65,536 bytes"),
    (",".join(COLUMNS).encode() + b",surprise\n", "unknown: 'surprise'"),
    (",".join(COLUMNS).encode() + b",charge\n", "given twice: charge"),
    (",".join(COLUMNS).encode() + b"\n" + b"\0" * 100, "line 2 contains a zero byte"),
]


@pytest.mark.parametrize(("content", "reason"), UNUSABLE)
def test_a_file_that_is_not_our_csv_is_refused_as_a_whole(
    path: Path, content: bytes, reason: str
) -> None:
    path.write_bytes(content)
    outcome = import_bills(path)
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("bills.csv: ")
    assert reason in outcome.errors[0]
    assert nothing_was_written()


def test_a_file_that_breaks_off_in_the_middle_brings_nothing(path: Path) -> None:
    """Its rows are read to the end before the first bill goes out."""
    write_csv(path, [row()])
    path.write_bytes(path.read_bytes() + b"\0" * 1000)
    assert import_bills(path).code == 2
    assert nothing_was_written()


def test_a_byte_order_mark_and_lines_of_windows_are_fine(path: Path) -> None:
    write_csv(path, [row(guarantor_first_name="Renée")])
    path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    assert import_bills(path).code == 0
    assert Member.objects.get().first_name == "Renée"


def test_bytes_that_are_not_utf_8_cost_their_row(path: Path) -> None:
    write_csv(
        path,
        [
            row(guarantor_first_name="Renée"),
            row(account_number="A-2", bill_number="B-2", guarantor_member_number="1002"),
        ],
    )
    path.write_bytes(path.read_bytes().replace("é".encode(), b"\xe9"))
    outcome = import_bills(path)
    assert outcome.errors == [
        "bills.csv:2: guarantor_first_name contains a control character or is not UTF-8"
    ]
    assert Invoice.objects.get().number == "B-2"


@pytest.mark.parametrize("column", ["account_number", "bill_number", "region", "description"])
def test_bytes_that_are_not_utf_8_cost_their_row_in_any_column(path: Path, column: str) -> None:
    write_csv(path, [row(**{column: "Zoë"}), row(bill_number="B-2")])
    path.write_bytes(path.read_bytes().replace("ë".encode(), b"\xeb"))
    outcome = import_bills(path)
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("bills.csv:2: ")
    assert Invoice.objects.get().number == "B-2"


def test_a_quote_that_is_never_closed_cannot_make_a_bill_smaller(path: Path) -> None:
    """It swallows text up to the next quote; the bill of what is lost does not reach its total."""
    write_csv(
        path,
        [row(bill_total="80.00"), row(bill_total="80.00", description="QUOTE"), row(bill_number="B-2")],
    )
    path.write_text(path.read_text().replace("QUOTE", '"Office'))
    outcome = import_bills(path)
    assert outcome.code == 1
    assert outcome.errors == [
        "bills.csv:4: not CSV: ',' expected after '\"'",
        "bills.csv:2: bill_total is $80.00, but your_part of its 1 row(s) comes to $40.00",
    ]
    assert nothing_was_written()


def test_a_stray_quote_costs_its_row_and_reading_goes_on(path: Path) -> None:
    write_csv(path, [row(description="QUOTE"), row(bill_number="B-2")])
    path.write_text(path.read_text().replace("QUOTE", '"Office" visit'))
    outcome = import_bills(path)
    assert outcome.errors == ["bills.csv:2: not CSV: ',' expected after '\"'"]
    assert Invoice.objects.get().number == "B-2"
