"""Where money or identity is in doubt, FHIR is refused, with the resource and the reason."""

from pathlib import Path
from typing import Any

import pytest

from accounts.models import Member
from billing.importing import json_stream
from billing.models import Invoice
from tests.support.importing import (
    Outcome,
    adjudication,
    bundle,
    explanation,
    identifier,
    import_bills,
    item,
    patient,
    usd,
    write_json,
)

pytestmark = pytest.mark.django_db


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ann.json"


def bring(path: Path, *resources: Any, **options: Any) -> Outcome:
    """Import one bundle of the resources."""
    write_json(path, bundle(*resources))
    return import_bills(path, "fhir", region="NCAL", **options)


def with_amount(**money: Any) -> dict[str, Any]:
    """An explanation whose coinsurance is this Money."""
    one = item()
    one["adjudication"][2]["amount"] = money
    return explanation(one)


def with_two(code: str) -> dict[str, Any]:
    one = item()
    one["adjudication"].append(adjudication(code, 1))
    return explanation(one)


SUBMITTED = {"category": {"coding": [{"code": "submitted"}]}, "amount": usd(200)}
COPAY = {"category": {"coding": [{"code": "copay"}]}, "amount": usd(20)}

REFUSED = [
    (with_amount(value=40, currency="EUR"), "item[0].adjudication[2].amount is not in USD"),
    (with_amount(value=40), "amount is not in USD"),
    (with_amount(value=-40, currency="USD"), "amount is negative"),
    (with_amount(value="40", currency="USD"), "amount.value is not a number"),
    (with_amount(value=True, currency="USD"), "amount.value is not a number"),
    (with_amount(currency="USD"), "amount.value is not a number"),
    (with_amount(value=1e9, currency="USD"), "amount is too large"),
    (with_amount(value=2e8, currency="USD"), "is more than $99,999,999.99"),
    (with_amount(value=200.01, currency="USD"), "asks the patient for more than was charged"),
    (with_two("line_coinsrnc_amt"), "item[0] has two amounts for coinsurance"),
    (explanation(total=[SUBMITTED, SUBMITTED]), "it has two submitted totals"),
    (explanation(adjudication=[COPAY]), "stands on the whole claim and not on its items"),
    (explanation(addItem=[{}]), "lines added by the payer are not supported"),
    (
        explanation({"detail": [{"adjudication": [COPAY]}], "productOrService": {"text": "x"}}),
        "the patient's part stands below the item",
    ),
    (explanation(created="last week"), "created is not a complete date"),
    (explanation(created="2020"), "created is not a complete date"),
    (explanation(item(servicedPeriod={"start": "2020-13-01"})), "item[0].serviced is not a date"),
    (
        explanation(item(servicedPeriod={"start": "2020-03-02", "end": "2020-03-01"})),
        "ends before it begins",
    ),
    (explanation(item="none"), "item is not a list"),
    (explanation(item=["none"]), "item[0] is not an object"),
    (explanation(item=[{}] * 1001), "item has more than 1000 elements"),
    (explanation(patient={"reference": "Patient/somebody-else"}), "its patient is not in this file"),
    (explanation(patient="Patient/ann"), "patient is not an object"),
    (explanation(patient={}), "its patient is not in this file"),
    (explanation(type={"coding": {"code": "x"}}), "type.coding is not a list"),
]


@pytest.mark.parametrize(("refused", "reason"), REFUSED)
def test_an_explanation_in_doubt_is_no_bill_and_the_next_one_is(
    path: Path, refused: dict[str, Any], reason: str
) -> None:
    outcome = bring(path, patient(), refused, explanation(id="eob-2"))
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("ann.json ExplanationOfBenefit/eob-1: ")
    assert reason in outcome.errors[0]
    assert Invoice.objects.get().source_id == "NCAL/48201937/eob-2"


@pytest.mark.parametrize(("refused", "reason"), REFUSED)
def test_with_strict_nothing_goes_in(path: Path, refused: dict[str, Any], reason: str) -> None:
    outcome = bring(path, patient(), refused, explanation(id="eob-2"), strict=True)
    assert outcome.code == 1
    assert reason in outcome.errors[0]
    assert not Invoice.objects.exists()
    assert not Member.objects.exists()


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"identifier": []}, "no member number (MB) and no medical record number (MR)"),
        ({"identifier": [identifier("DL", "S99912573")]}, "no member number (MB)"),
        ({"name": []}, "no official or usual name"),
        ({"name": [{"use": "old", "family": "Lee", "given": ["Ann"]}]}, "no official or usual name"),
        ({"name": [{"family": "Lee"}]}, "given is empty"),
        ({"name": [{"family": "", "given": ["Ann"]}]}, "family is empty"),
        ({"name": [{"family": "Lee", "given": "Ann"}]}, "given is not a list of names"),
        ({"birthDate": "1980"}, "birthDate is not a complete date"),
        ({"birthDate": None}, "birthDate is not text"),
        ({"birthDate": "2100-01-01"}, "birthDate is in the future"),
    ],
)
def test_a_patient_in_doubt_is_left_out_with_the_bills(
    path: Path, elements: dict[str, Any], reason: str
) -> None:
    outcome = bring(path, patient(**elements), explanation())
    assert outcome.code == 1
    assert len(outcome.errors) == 2
    assert outcome.errors[0].startswith("ann.json Patient/ann: ")
    assert reason in outcome.errors[0]
    assert "ExplanationOfBenefit/eob-1: no bill without its patient" in outcome.errors[1]
    assert not Member.objects.exists()


def test_the_second_of_two_ids_is_left_out(path: Path) -> None:
    outcome = bring(path, patient(), explanation(), explanation(item(coinsurance=1)), patient())
    assert outcome.errors == [
        "ann.json ExplanationOfBenefit/eob-1: its id occurs twice; the second one is left out",
        "ann.json Patient/ann: its id occurs twice; the second one is left out",
    ]
    assert Invoice.objects.get().total_cents == 40_00


@pytest.mark.parametrize("id_", [None, 7, "", "a b", "x" * 65])
def test_a_resource_without_a_valid_id_is_named_by_its_place(path: Path, id_: object) -> None:
    outcome = bring(path, patient(), explanation(id=id_))
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert outcome.errors[0].endswith("it has no valid id")
    assert not Invoice.objects.exists()


@pytest.mark.parametrize("resource", [None, 7, "Patient", [], {}, {"resourceType": 1}])
def test_an_entry_that_is_no_resource_costs_that_entry(path: Path, resource: object) -> None:
    value = bundle(patient(), explanation())
    value["entry"] += [{"resource": resource}, {"fullUrl": "urn:uuid:empty"}]
    write_json(path, value)
    outcome = import_bills(path, "fhir", region="NCAL")
    assert outcome.errors == ["ann.json entry[2]: not a FHIR resource"]
    assert Invoice.objects.count() == 1


UNUSABLE = [
    ("", "the file is empty"),
    ("\0" * 10_000, "'{' expected"),
    ("[]", "'{' expected"),
    ("{}", "its resourceType is not Bundle"),
    ('{"resourceType": "Patient", "id": "ann"}', "its resourceType is not Bundle"),
    ('{"resourceType": "Bundle"}', "there is no Patient in it"),
    ('{"resourceType": "Bundle", "entry": {}}', "'[' expected"),
    ('{"resourceType": "Bundle", "entry": [', "not a FHIR bundle"),
    ('{"resourceType": "Bundle", "entry": []} and more', "something follows the bundle"),
    ('{"resourceType": "Bundle", "entry": [{"a": NaN}]}', "NaN and Infinity are not JSON"),
    ('{"resourceType": "Bundle", "entry": [' + "[" * 100_000, "nested too deeply"),
    ('{"resourceType": "Bundle", "total": ' + "9" * 5000 + "}", "a number is too long"),
    ('{"resourceType": "Bundle", "total": 1e-99999999999999999999}', "a number is out of range"),
]


@pytest.mark.parametrize(("content", "reason"), UNUSABLE)
def test_a_file_that_is_no_bundle_is_refused_as_a_whole(path: Path, content: str, reason: str) -> None:
    path.write_text(content)
    outcome = import_bills(path, "fhir", region="NCAL")
    assert outcome.code == 2
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("ann.json: ")
    assert reason in outcome.errors[0]


def test_bytes_that_are_not_text_are_refused(path: Path) -> None:
    path.write_bytes(b'{"a": "\xff\xfe"}')
    outcome = import_bills(path, "fhir", region="NCAL")
    assert (outcome.code, outcome.errors) == (2, ["ann.json: not UTF-8 text"])


def test_a_bundle_that_breaks_off_brings_nothing_and_the_other_files_go_in(tmp_path: Path) -> None:
    whole = write_json(tmp_path / "a.json", bundle(patient(), explanation()))
    broken = bundle(patient(id="bo", identifier=[identifier("MR", "2")]))
    path = write_json(tmp_path / "b.json", broken)
    path.write_text(path.read_text()[:-3])
    outcome = import_bills(tmp_path, "fhir", region="NCAL")
    assert outcome.code == 1
    assert len(outcome.errors) == 1
    assert outcome.errors[0].startswith("b.json: not a FHIR bundle")
    assert Member.objects.get().member_number == "48201937"
    assert whole.exists()


def test_an_enormous_file_is_given_up_after_the_first_oversized_resource(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "LARGEST_RESOURCE", 100_000)
    read: list[int] = []
    path.write_text('{"resourceType": "Bundle", "entry": ["' + "a" * 20_000_000)
    with pytest.raises(json_stream.FileUnusable, match="one resource has more than 100,000"):
        list(json_stream.bundle_entries(path, read.append))
    assert sum(read) < 400_000


def test_a_long_bundle_is_read_in_pieces(path: Path) -> None:
    """A chunk ends anywhere: in a name, a number, a character of several bytes."""
    texts = [f"é{'x' * (n % 97)}" for n in range(20_000)]
    write_json(path, {"entry": texts, "total": 12345, "resourceType": "Bundle"})
    read: list[int] = []
    found = [value for _, value in json_stream.bundle_entries(path, read.append)]
    assert found == texts
    assert len(read) > 10


def test_an_oversized_line_of_ndjson_costs_that_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(json_stream, "LARGEST_RESOURCE", 1000)
    path = tmp_path / "a.ndjson"
    path.write_text('{"a": 1}\n' + "x" * 10_500 + '\n{"b": 2}\n')
    lines = list(json_stream.ndjson_lines(path, lambda _: None))
    assert lines == [
        (1, {"a": 1}),
        (2, json_stream.BadLine("the line has more than 1,000 bytes")),
        (3, {"b": 2}),
    ]


def test_half_a_character_anywhere_costs_no_more_than_its_resource(path: Path) -> None:
    half = "\ud83d"
    doctor = {"resourceType": "Practitioner", "id": "d", "name": [{"family": f"Nu{half}ñez"}]}
    outcome = bring(
        path,
        patient(),
        doctor,
        explanation(
            item(productOrService={"text": f"Check{half}up"}), provider={"reference": "urn:uuid:d"}
        ),
        explanation(id="eob-2", patient={"reference": half}),
        patient(id="bo", name=[{"family": f"L{half}ee", "given": ["Bo"]}]),
    )
    assert outcome.errors == [
        "ann.json ExplanationOfBenefit/eob-2: no bill without its patient:"
        " its patient is not in this file",
        "ann.json Patient/bo: Patient.name[0].family contains a control character or is not UTF-8",
    ]
    invoice = Invoice.objects.get()
    assert invoice.provider == "Nu ñez"
    assert invoice.lines.get().description == "Check up"
