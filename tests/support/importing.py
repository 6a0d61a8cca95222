"""Running import_bills as a person would, and making the files that it reads."""

import csv
import io
import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.core.management import CommandError, call_command

from billing.importing.csv_format import REQUIRED
from billing.importing.csv_rows import OPTIONAL

BLUE_BUTTON = "https://bluebutton.cms.gov/resources/variables/"
TABLE_0203 = "http://terminology.hl7.org/CodeSystem/v2-0203"


@dataclass(frozen=True)
class Outcome:
    """What the command said and how it ended."""

    code: int
    out: str
    err: str

    @property
    def errors(self) -> list[str]:
        """The lines about what was left out."""
        return [
            line.removeprefix("error: ") for line in self.err.splitlines() if line.startswith("error: ")
        ]

    def summary(self, name: str) -> str:
        """The summary's line of this name, without the name."""
        lines = [line for line in self.out.splitlines() if line.strip().startswith(name)]
        assert len(lines) == 1, self.out
        return lines[0].strip().removeprefix(name).strip()


def import_bills(path: Path, format_name: str = "csv", **options: Any) -> Outcome:
    """Run the command; the exit code is what the shell would see."""
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        call_command(
            "import_bills",
            path,
            format_name=format_name,
            stdout=out,
            stderr=err,
            **options,
        )
    except CommandError as error:
        code = error.returncode
        err.write(f"CommandError: {error}\n")
    return Outcome(code, out.getvalue(), err.getvalue())


# --- CSV ------------------------------------------------------------------------------------------

COLUMNS = (*OPTIONAL, *REQUIRED)


def row(**cells: str) -> dict[str, str]:
    """One row: a bill of one line of $40.00 for Ann Lee, but for the given cells."""
    return {
        "region": "NCAL",
        "account_number": "A-1",
        "guarantor_member_number": "1001",
        "guarantor_first_name": "Ann",
        "guarantor_last_name": "Lee",
        "guarantor_date_of_birth": "1980-05-03",
        "bill_kind": "medical",
        "bill_number": "B-1",
        "bill_total": "40.00",
        "issued_on": "2026-10-01",
        "due_on": "2026-10-31",
        "provider": "Lake Clinic",
        "facility": "Lake Clinic, Oakland",
        "service_on": "2026-09-14",
        "code": "99213",
        "code_system": "CPT",
        "description": "Office visit",
        "charge": "200.00",
        "plan_paid": "140.00",
        "adjustment": "20.00",
        "your_part": "40.00",
    } | cells


def people_only(**cells: str) -> dict[str, str]:
    """A row that delivers an account without a bill."""
    people = [
        name for name in COLUMNS if name.startswith(("account", "guarantor", "patient", "region"))
    ]
    return {name: value for name, value in row(**cells).items() if name in people}


def write_csv(path: Path, rows: Iterable[dict[str, str]], columns: Iterable[str] = COLUMNS) -> Path:
    """A file with these rows; missing cells are empty."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), restval="", extrasaction="ignore")
        writer.writeheader()
        writer.writerows(rows)
    return path


# --- FHIR -----------------------------------------------------------------------------------------


def patient(**elements: Any) -> dict[str, Any]:
    """Ann Lee as a FHIR Patient with a medical record number, but for the given elements."""
    return {
        "resourceType": "Patient",
        "id": "ann",
        "identifier": [identifier("MR", "48201937")],
        "name": [{"use": "official", "family": "Lee", "given": ["Ann"]}],
        "birthDate": "1980-05-03",
    } | elements


def identifier(code: str, value: str, system: str = "http://hospital.example") -> dict[str, Any]:
    """An identifier of a type of HL7 table 0203."""
    return {
        "type": {"coding": [{"system": TABLE_0203, "code": code}]},
        "system": system,
        "value": value,
    }


def usd(value: Any) -> dict[str, Any]:
    return {"value": value, "currency": "USD"}


def adjudication(code: str, value: Any) -> dict[str, Any]:
    """An amount of a Blue Button category, such as line_coinsrnc_amt."""
    return {"category": {"coding": [{"code": f"{BLUE_BUTTON}{code}"}]}, "amount": usd(value)}


def item(
    submitted: Any = 200, coinsurance: Any = 40, paid: Any = 160, deductible: Any = 0, **elements: Any
) -> dict[str, Any]:
    """A service with its amounts, in dollars."""
    return {
        "sequence": 1,
        "productOrService": {
            "coding": [{"system": "http://snomed.info/sct", "code": "185349003"}],
            "text": "Check-up",
        },
        "servicedPeriod": {"start": "2020-03-02T09:00:00-08:00", "end": "2020-03-02T09:30:00-08:00"},
        "adjudication": [
            adjudication("line_sbmtd_chrg_amt", submitted),
            adjudication("line_prvdr_pmt_amt", paid),
            adjudication("line_coinsrnc_amt", coinsurance),
            adjudication("line_bene_ptb_ddctbl_amt", deductible),
        ],
    } | elements


def encounter_item() -> dict[str, Any]:
    """The visit itself, without any amount."""
    return {
        "sequence": 1,
        "productOrService": {"text": "Encounter for check up"},
        "servicedPeriod": {"start": "2020-03-02T09:00:00-08:00"},
        "locationCodeableConcept": {"coding": [{"display": "Urgent Care Facility"}]},
        "encounter": [{"reference": "urn:uuid:e"}],
    }


def explanation(*items: dict[str, Any], **elements: Any) -> dict[str, Any]:
    """An ExplanationOfBenefit for Ann Lee in force; of one item of $40.00 where none is given."""
    return {
        "resourceType": "ExplanationOfBenefit",
        "id": "eob-1",
        "status": "active",
        "use": "claim",
        "outcome": "complete",
        "type": {"coding": [{"code": "professional"}]},
        "patient": {"reference": "Patient/ann"},
        "created": "2020-03-05T10:00:00+00:00",
        "provider": {"display": "Lake Clinic"},
        "item": list(items) or [item()],
    } | elements


def bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of the resources, each under a urn too."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [
            {"fullUrl": f"urn:uuid:{resource.get('id')}", "resource": resource}
            for resource in resources
        ],
    }


def write_json(path: Path, value: Any) -> Path:
    path.write_text(json.dumps(value), encoding="utf-8")
    return path


def write_ndjson(path: Path, lines: Iterable[Any]) -> Path:
    """One value a line; a string goes in as it stands."""
    texts = (line if isinstance(line, str) else json.dumps(line) for line in lines)
    path.write_text("\n".join(texts) + "\n", encoding="utf-8")
    return path
