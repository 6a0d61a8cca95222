"""An explanation of benefits becomes a bill of the patient's part, to the cent, and of nothing else."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.core.management import call_command
from fhir.resources.R4B.explanationofbenefit import ExplanationOfBenefit

from accounts.models import Member
from billing.models import BillingAccount, Invoice
from tests.support.importing import (
    Outcome,
    adjudication,
    bundle,
    encounter_item,
    explanation,
    identifier,
    import_bills,
    item,
    patient,
    usd,
    write_json,
    write_ndjson,
)

pytestmark = pytest.mark.django_db

SUBMITTED = {"coding": [{"code": "submitted"}]}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ann.json"


def bring(path: Path, *resources: dict[str, Any], **options: Any) -> Outcome:
    """Import one bundle of the resources."""
    write_json(path, bundle(*resources))
    return import_bills(path, "fhir", region="NCAL", **options)


def test_a_patient_becomes_a_member_with_an_account_and_the_explanation_a_bill(path: Path) -> None:
    outcome = bring(
        path,
        explanation(encounter_item(), item(), type={"coding": [{"code": "institutional"}]}),
        patient(),  # after what speaks of her: order does not matter
    )
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.summary("Changes:") == "3"
    invoice = Invoice.objects.get()
    member = invoice.patient
    assert (member.member_number, member.full_name) == ("48201937", "Ann Lee")
    assert (member.date_of_birth, member.region.code) == (dt.date(1980, 5, 3), "NCAL")
    assert invoice.account.guarantor == member
    assert (invoice.kind, invoice.number) == (Invoice.Kind.HOSPITAL, "eob-1")
    assert (invoice.issued_on, invoice.due_on) == (dt.date(2020, 3, 5), dt.date(2020, 4, 4))
    assert invoice.service_from == invoice.service_to == dt.date(2020, 3, 2)
    assert (invoice.provider, invoice.facility) == ("Lake Clinic", "Urgent Care Facility")
    lines = invoice.lines.values_list(
        "description", "code", "code_system", "charge_cents", "plan_paid_cents", "patient_cents"
    )
    assert list(lines) == [
        ("Encounter for check up", "", "", 0, 0, 0),
        ("Check-up", "185349003", "SNOMED CT", 200_00, 160_00, 40_00),
    ]
    call_command("verify_ledger")


def test_what_the_tests_import_is_fhir_by_the_models_of_others() -> None:
    one = explanation(
        item(),
        insurance=[{"focal": True, "coverage": {"display": "private"}}],
        insurer={"display": "private"},
    )
    one["item"][0]["adjudication"] = [
        {"category": {"coding": [{"code": a["category"]["coding"][0]["code"]}]}, "amount": a["amount"]}
        for a in one["item"][0]["adjudication"]
    ]
    assert ExplanationOfBenefit.model_validate(one).item[0].adjudication[2].amount.value == 40


@pytest.mark.parametrize(
    ("coinsurance", "deductible", "copay", "cents"),
    [
        ("28.104000000000003", "0", "0", 28_10),
        ("28.105", "0", "0", 28_10),  # half to even: down
        ("28.115", "0", "0", 28_12),  # half to even: up
        ("28.1050000000000001", "0", "0", 28_11),  # more than half: a float would not know
        ("0.004", "0.004", "0.004", 1),  # 0.012: added first, rounded once
        ("10", "5.555", "20", 35_56),
        ("1e1", "0", "0", 10_00),
    ],
)
def test_the_patients_part_is_added_exactly_and_rounded_once_a_line(
    path: Path, coinsurance: str, deductible: str, copay: str, cents: int
) -> None:
    one = item()
    one["adjudication"] = [
        adjudication("line_sbmtd_chrg_amt", 100),
        adjudication("line_coinsrnc_amt", "COINSURANCE"),
        adjudication("line_bene_ptb_ddctbl_amt", "DEDUCTIBLE"),
        {"category": {"coding": [{"code": "copay"}]}, "amount": usd("COPAY")},
    ]
    write_json(path, bundle(patient(), explanation(one)))
    text = path.read_text()
    for name, digits in (("COINSURANCE", coinsurance), ("DEDUCTIBLE", deductible), ("COPAY", copay)):
        text = text.replace(f'"{name}"', digits)
    path.write_text(text)
    assert import_bills(path, "fhir", region="NCAL").code == 0
    assert Invoice.objects.get().total_cents == cents


def test_two_lines_are_rounded_each_and_then_added(path: Path) -> None:
    lines = [item(submitted=10.02, coinsurance=10.014, paid=0) for _ in range(3)]
    assert bring(path, patient(), explanation(*lines)).code == 0
    assert Invoice.objects.get().total_cents == 3 * 10_01  # added first it would be 30.04


def test_what_was_submitted_and_nobody_explains_is_kept_and_not_billed(path: Path) -> None:
    outcome = bring(
        path,
        patient(),
        explanation(encounter_item(), item(), total=[{"category": SUBMITTED, "amount": usd(325)}]),
        verbosity=3,
    )
    invoice = Invoice.objects.get()
    assert (invoice.total_cents, invoice.unexplained_cents) == (40_00, 125_00)
    assert outcome.summary("Unexplained").startswith("$125.00 charged that nothing explains (1)")
    assert "ann.json ExplanationOfBenefit/eob-1: $125.00 unexplained" in outcome.out


def test_what_the_plan_did_not_allow_is_an_adjustment(path: Path) -> None:
    one = item(submitted=200, coinsurance=30, paid=120)
    one["adjudication"].append(adjudication("line_alowd_chrg_amt", 150))
    bring(path, patient(), explanation(one))
    invoice = Invoice.objects.get()
    assert invoice.lines.get().adjustment_cents == 50_00
    assert (invoice.total_cents, invoice.unexplained_cents) == (30_00, 0)


def test_a_payment_that_differs_from_the_lines_is_mentioned(path: Path) -> None:
    outcome = bring(path, patient(), explanation(payment={"amount": usd(150)}), verbosity=3)
    assert "the plan's payment is $150.00, on the lines $160.00" in outcome.out
    assert outcome.code == 0


def test_an_item_that_only_names_a_diagnosis_is_no_line(path: Path) -> None:
    diagnosis = {"diagnosisSequence": [1], "productOrService": {"text": "Viral sinusitis (disorder)"}}
    bring(path, patient(), explanation(encounter_item(), diagnosis, item()))
    descriptions = [line.description for line in Invoice.objects.get().lines.all()]
    assert descriptions == ["Encounter for check up", "Check-up"]


def test_an_explanation_that_asks_for_nothing_is_no_bill_until_it_does(path: Path) -> None:
    outcome = bring(path, patient(), explanation(encounter_item()))
    assert outcome.code == 0
    assert outcome.summary("No bill").startswith("1 ask nothing of the patient")
    assert (Member.objects.count(), BillingAccount.objects.count()) == (1, 1)
    assert not Invoice.objects.exists()

    assert bring(path, patient(), explanation(encounter_item(), item())).code == 0
    assert Invoice.objects.get().total_cents == 40_00


@pytest.mark.parametrize(
    ("elements", "reason"),
    [
        ({"status": "draft"}, "its status is draft"),
        ({"status": "cancelled"}, "its status is cancelled"),
        ({"use": "preauthorization"}, "its use is preauthorization"),
        ({"outcome": "queued"}, "its outcome is queued"),
    ],
)
def test_what_is_not_in_force_is_no_bill_and_withdraws_none(
    path: Path, elements: dict[str, str], reason: str
) -> None:
    outcome = bring(path, patient(), explanation(**elements))
    assert outcome.code == 0
    assert outcome.summary("No bill").endswith("1 not in force")
    assert not Invoice.objects.exists()

    bring(path, patient(), explanation())
    outcome = bring(path, patient(), explanation(**elements))
    assert outcome.code == 1
    assert outcome.errors == [
        f"ann.json ExplanationOfBenefit/eob-1: {reason}, but bill eob-1 was imported from it before"
    ]
    assert Invoice.objects.get().open_cents == 40_00


def test_a_second_run_changes_nothing_and_another_content_is_a_conflict(path: Path) -> None:
    assert bring(path, patient(), explanation()).summary("Changes:") == "3"
    assert bring(path, patient(), explanation()).summary("Changes:") == "0"
    outcome = bring(path, patient(), explanation(item(coinsurance=41)))
    assert outcome.code == 1
    assert outcome.errors == [
        "ann.json ExplanationOfBenefit/eob-1: bill eob-1 is not what was imported before"
    ]
    assert Invoice.objects.get().total_cents == 40_00


def test_two_explanations_of_one_claim_are_not_billed_twice(path: Path) -> None:
    claim = [{"system": "https://bluebutton.cms.gov/resources/variables/clm_id", "value": "C-77"}]
    outcome = bring(
        path,
        patient(),
        explanation(identifier=claim),
        explanation(item(coinsurance=50), id="eob-2", identifier=claim),
    )
    assert outcome.errors == [
        "ann.json ExplanationOfBenefit/eob-2: this account has another bill with the number C-77"
    ]
    assert Invoice.objects.get().total_cents == 40_00


def test_names_come_from_the_resources_that_are_referred_to(path: Path) -> None:
    doctor = {
        "resourceType": "Practitioner",
        "id": "d",
        "name": [{"prefix": ["Dr."], "given": ["Zoë"], "family": "Nuñez"}],
    }
    place = {"resourceType": "Location", "id": "l", "name": "St. Anne's"}
    bring(
        path,
        explanation(provider={"reference": "urn:uuid:d"}, facility={"reference": "Location/l"}),
        patient(), doctor, place,
    )  # fmt: skip
    invoice = Invoice.objects.get()
    assert (invoice.provider, invoice.facility) == ("Dr. Zoë Nuñez", "St. Anne's")


def test_a_long_identifier_becomes_a_short_number_the_same_every_time(path: Path) -> None:
    uuid = "fc712d1f-5a2e-4407-9c55-a2a2bad623c2"
    bring(path, patient(identifier=[identifier("MR", uuid)]))
    member = Member.objects.get()
    account = member.billing_account
    assert (member.member_number, account.account_number) == ("HZKZ-VD3R-T45", "6Y97-GYW4-BFZ")


def test_a_member_number_is_preferred_to_a_record_number(path: Path) -> None:
    bring(path, patient(identifier=[identifier("MR", "111"), identifier("MB", "222")]))
    assert Member.objects.get().member_number == "222"


def test_a_social_security_number_is_stored_nowhere_and_shown_nowhere(path: Path) -> None:
    number = "999-61-3984"
    outcome = bring(
        path,
        patient(identifier=[identifier("SS", number), identifier("MR", "48201937")]),
        explanation(),
        verbosity=3,
    )
    assert outcome.code == 0
    assert number not in outcome.out + outcome.err
    for model in apps.get_models():
        if model._meta.app_label in ("accounts", "billing"):
            for values in model._default_manager.values_list():
                assert number not in map(str, values)
                assert number.replace("-", "") not in map(str, values)


@pytest.mark.parametrize(
    "identifiers",
    [
        [identifier("SS", "999-61-3984"), identifier("MR", "999613984")],
        [identifier("MR", "999-61-3984")],
    ],
)
def test_a_social_security_number_in_place_of_a_record_number_is_refused(
    path: Path, identifiers: list[dict[str, Any]]
) -> None:
    outcome = bring(path, patient(identifier=identifiers), explanation())
    assert outcome.code == 1
    assert len(outcome.errors) == 2  # the patient, and the bill that has no patient now
    assert "social security number, which is never stored" in outcome.errors[0]
    assert "3984" not in outcome.err + outcome.out
    assert not Member.objects.exists()


def test_ndjson_of_a_bulk_export_is_read_as_one_world(tmp_path: Path) -> None:
    write_ndjson(tmp_path / "ExplanationOfBenefit.ndjson", [explanation(), explanation(id="eob-2")])
    write_ndjson(
        tmp_path / "Patient.ndjson", [patient(), patient(id="bo", identifier=[identifier("MR", "2")])]
    )
    outcome = import_bills(tmp_path, "fhir", region="NCAL")
    assert (outcome.code, outcome.errors) == (0, [])
    assert (Member.objects.count(), Invoice.objects.count()) == (2, 2)


def test_a_bad_line_of_ndjson_costs_that_line(tmp_path: Path) -> None:
    path = tmp_path / "all.ndjson"
    write_ndjson(
        path,
        [patient(), "{broken", "", "[1]", '"text"', "[" * 5000, explanation(), '{"a": NaN}'],
    )
    path.write_bytes(path.read_bytes() + b'{"a": "\xff"}\n')
    outcome = import_bills(path, "fhir", region="NCAL")
    assert outcome.code == 1
    assert outcome.errors == [
        "all.ndjson:2: not JSON: Expecting property name enclosed in double quotes at character 2",
        "all.ndjson:4: not a FHIR resource",
        "all.ndjson:5: not a FHIR resource",
        "all.ndjson:6: nested too deeply",
        "all.ndjson:8: NaN and Infinity are not JSON",
        "all.ndjson:9: not UTF-8 text",
    ]
    assert Invoice.objects.get().total_cents == 40_00
