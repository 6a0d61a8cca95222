"""Eleven patients from outside the project go in whole, and the sums agree with plain arithmetic."""

import json
from decimal import ROUND_HALF_EVEN, Decimal
from pathlib import Path
from typing import Any

import pytest
from django.apps import apps
from django.conf import settings
from django.core.management import call_command
from django.db.models import Sum
from fhir.resources.R4B.explanationofbenefit import ExplanationOfBenefit
from fhir.resources.R4B.patient import Patient

from accounts.models import Member
from accounts.services import registration
from billing.models import BillingAccount, Invoice, JournalEntry, LedgerCode
from tests.support.factories import make_region
from tests.support.importing import import_bills

BUNDLES = settings.BASE_DIR.parent / "shared" / "data" / "fhir-eob"

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.skipif(not BUNDLES.is_dir(), reason=f"the real bundles are not at {BUNDLES}"),
]

VARIABLES = "https://bluebutton.cms.gov/resources/variables/"
PATIENTS_PART = [VARIABLES + "line_coinsrnc_amt", VARIABLES + "line_bene_ptb_ddctbl_amt", "copay"]


def resources(kind: str) -> list[dict[str, Any]]:
    """Every resource of a kind, with numbers as the files write them."""
    return [
        entry["resource"]
        for path in sorted(BUNDLES.glob("*.json"))
        for entry in json.loads(path.read_text(), parse_float=Decimal)["entry"]
        if entry["resource"]["resourceType"] == kind
    ]


def cents(amount: Decimal) -> int:
    return int((amount * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def patients_part_cents(explanation: dict[str, Any]) -> int:
    """Coinsurance, deductible and copay, added per line and rounded once: nothing of the importer's."""
    return sum(
        cents(
            sum(
                (
                    Decimal(one["amount"]["value"])
                    for one in item.get("adjudication", [])
                    if one["category"]["coding"][0]["code"] in PATIENTS_PART
                ),
                Decimal(0),
            )
        )
        for item in explanation["item"]
    )


def test_all_patients_go_in_and_the_bills_sum_to_the_patients_part_to_the_cent() -> None:
    explanations = resources("ExplanationOfBenefit")
    expected = [part for one in explanations if (part := patients_part_cents(one))]
    assert len(explanations) == 102

    outcome = import_bills(BUNDLES, "fhir", region="NCAL")
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.summary("Members") == "11 new, 0 changed, 0 unchanged"
    assert outcome.summary("Accounts") == "11 new, 0 unchanged"
    assert Member.objects.count() == BillingAccount.objects.count() == 11
    assert sorted(Invoice.objects.values_list("total_cents", flat=True)) == sorted(expected)
    assert Invoice.objects.aggregate(cents=Sum("open_cents")) == {"cents": sum(expected)}
    assert (Invoice.objects.count(), sum(expected)) == (70, 9_605_11)
    booked = JournalEntry.objects.filter(lines__ledger_account=LedgerCode.RECEIVABLE).aggregate(
        cents=Sum("lines__amount_cents")
    )
    assert booked == {"cents": 9_605_11}
    assert outcome.summary("No bill").startswith("32 ask nothing of the patient, 0 not in force")
    call_command("verify_ledger")


def test_what_was_submitted_and_nobody_explains_is_reported_to_the_cent() -> None:
    def unexplained_cents(explanation: dict[str, Any]) -> int:
        paid = sum(
            cents(Decimal(one["amount"]["value"]))
            for item in explanation["item"]
            for one in item.get("adjudication", [])
            if one["category"]["coding"][0]["code"] == VARIABLES + "line_prvdr_pmt_amt"
        )
        submitted = cents(Decimal(explanation["total"][0]["amount"]["value"]))
        return submitted - paid - patients_part_cents(explanation)

    explanations = resources("ExplanationOfBenefit")
    outcome = import_bills(BUNDLES, "fhir", region="NCAL")
    assert sum(map(unexplained_cents, explanations)) == 12_750_00
    assert outcome.summary("Unexplained").startswith("$12,750.00 charged that nothing explains (102)")
    on_bills = sum(unexplained_cents(one) for one in explanations if patients_part_cents(one))
    assert Invoice.objects.aggregate(cents=Sum("unexplained_cents")) == {"cents": on_bills}


def test_the_second_run_reports_no_change_and_makes_none() -> None:
    def everything() -> dict[str, list[Any]]:
        models = [Member, BillingAccount, Invoice, Invoice.lines.rel.related_model, JournalEntry]
        return {model.__name__: sorted(model.objects.values_list()) for model in models}

    import_bills(BUNDLES, "fhir", region="NCAL")
    before = everything()
    outcome = import_bills(BUNDLES, "fhir", region="NCAL")
    assert outcome.code == 0
    assert outcome.summary("Changes:") == "0"
    assert outcome.summary("Bills").startswith("0 new ($0.00), 70 unchanged ($9,605.11), 0 in conflict")
    assert everything() == before


def test_a_dry_run_says_the_same_and_writes_nothing() -> None:
    outcome = import_bills(BUNDLES, "fhir", region="NCAL", dry_run=True)
    assert outcome.code == 0
    assert outcome.summary("Bills").startswith("70 new ($9,605.11), 0 unchanged")
    assert outcome.summary("Changes:") == "0 made, 92 would be"
    assert not Member.objects.exists()
    assert not Invoice.objects.exists()
    assert not JournalEntry.objects.exists()


def test_each_patient_can_register_with_what_the_import_tells() -> None:
    outcome = import_bills(BUNDLES, "fhir", region="NCAL", verbosity=2)
    told = [line for line in outcome.out.splitlines() if line.startswith("member NCAL ")]
    assert len(told) == 11
    for member in Member.objects.all():
        words = f"member NCAL {member.member_number}: {member.full_name}, born {member.date_of_birth}"
        assert f"{words} (new)" in told
        found = registration.find_member(
            region=make_region(),
            member_number=member.member_number.replace("-", "").lower(),
            first_name=member.first_name,
            last_name=member.last_name,
            date_of_birth=member.date_of_birth,
        )
        assert found == member
        assert found.billing_account.invoices.open().exists()


def test_the_social_security_numbers_are_nowhere() -> None:
    outcome = import_bills(BUNDLES, "fhir", region="NCAL", verbosity=3)
    numbers = {
        identifier["value"]
        for patient in resources("Patient")
        for identifier in patient["identifier"]
        if identifier["system"] == "http://hl7.org/fhir/sid/us-ssn"
    }
    assert len(numbers) == 11
    stored = outcome.out + outcome.err
    for model in apps.get_models():
        if model._meta.app_label in ("accounts", "billing", "payments"):
            stored += " ".join(str(value) for row in model._base_manager.values_list() for value in row)
    for number in numbers:
        assert number not in stored
        assert number.replace("-", "") not in stored


def test_what_we_bill_from_is_fhir_by_the_models_of_others() -> None:
    for explanation in resources("ExplanationOfBenefit"):
        assert ExplanationOfBenefit.model_validate(explanation).id == explanation["id"]
    for patient in resources("Patient"):
        assert Patient.model_validate(patient).id == patient["id"]


def test_the_same_patients_as_ndjson_make_the_same_bills(tmp_path: Path) -> None:
    import_bills(BUNDLES, "fhir", region="NCAL")
    for kind in ("ExplanationOfBenefit", "Patient", "Practitioner"):
        with (tmp_path / f"{kind}.ndjson").open("w") as file:
            for path in sorted(BUNDLES.glob("*.json")):
                for entry in json.loads(path.read_text())["entry"]:
                    resource = entry["resource"]
                    if resource["resourceType"] != kind:
                        continue
                    for element, target in (("patient", "Patient"), ("provider", "Practitioner")):
                        if element in resource:
                            id_ = resource[element]["reference"].removeprefix("urn:uuid:")
                            resource[element]["reference"] = f"{target}/{id_}"
                    file.write(json.dumps(resource) + "\n")
    outcome = import_bills(tmp_path, "fhir", region="NCAL")
    assert (outcome.code, outcome.errors) == (0, [])
    assert outcome.summary("Members") == "0 new, 0 changed, 11 unchanged"
    assert outcome.summary("Bills").startswith("0 new ($0.00), 70 unchanged ($9,605.11)")
    assert outcome.summary("Changes:") == "0"
