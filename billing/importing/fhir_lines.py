"""From the items of an ExplanationOfBenefit to the lines of a bill, to the cent.

The patient's part of a line is coinsurance, deductible and copay, added exactly and rounded once,
half to even (docs/import.md, Rounding). Every other amount is rounded on its own.
"""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from billing.importing import cells
from billing.importing.fhir_values import (
    Resource,
    child,
    children,
    codes,
    day,
    dollars,
    shortened,
    text,
    words,
)
from billing.importing.records import Unacceptable
from billing.services.invoices import LineDraft
from common.money import round_to_cents

# What an adjudication's category means: Blue Button variables (the code's last part) and the codes of
# FHIR's own adjudication code system and of CARIN's. Other categories say nothing about the bill.
MEANINGS = {
    "line_sbmtd_chrg_amt": "submitted",
    "submitted": "submitted",
    "line_alowd_chrg_amt": "allowed",
    "eligible": "allowed",
    "line_prvdr_pmt_amt": "plan_paid",
    "benefit": "plan_paid",
    "line_coinsrnc_amt": "coinsurance",
    "coinsurance": "coinsurance",
    "line_bene_ptb_ddctbl_amt": "deductible",
    "deductible": "deductible",
    "copay": "copay",
}
PATIENTS_PART = ("coinsurance", "deductible", "copay")

# How a bill names the code systems of its codes.
CODE_SYSTEMS = {
    "http://snomed.info/sct": "SNOMED CT",
    "http://hl7.org/fhir/sid/cvx": "CVX",
    "http://www.ama-assn.org/go/cpt": "CPT",
    "https://bluebutton.cms.gov/resources/codesystem/hcpcs": "HCPCS",
    "http://www.nlm.nih.gov/research/umls/rxnorm": "RxNorm",
    "http://hl7.org/fhir/sid/ndc": "NDC",
    "http://www.ada.org/cdt": "CDT",
}
LONGEST_CODE = 20


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill, and what the bill needs to know about it besides."""

    draft: LineDraft
    plan_paid: Decimal  # dollars, not rounded
    service_to: dt.date
    place: str


def meaning_of(concept: Resource, path: str) -> str | None:
    """What an adjudication is about, in our words; None where it is none of our business."""
    for _, code, _ in codes(concept, path):
        if meaning := MEANINGS.get(code.rsplit("/", 1)[-1].lower()):
            return meaning
    return None


def amounts(parent: Resource, path: str) -> dict[str, Decimal]:
    """The adjudicated amounts of an item by meaning. Raises Unacceptable."""
    found: dict[str, Decimal] = {}
    for at, adjudication in children(parent, "adjudication", path):
        meaning = meaning_of(child(adjudication, "category", at), f"{at}.category")
        amount = dollars(adjudication, "amount", at)
        if meaning is None or amount is None:
            continue
        if meaning in found:
            raise Unacceptable(f"{path} has two amounts for {meaning.replace('_', ' ')}")
        found[meaning] = amount
    return found


def line_of(item: Resource, path: str, default_day: str) -> Line | None:
    """The line that an item makes. Raises Unacceptable.

    An item without amounts is a line of zeros (the encounter itself), so that the bill shows the
    visit; one that only points to a diagnosis is no service, and no line.
    """
    found = amounts(item, path)
    if not found and "encounter" not in item and "diagnosisSequence" in item:
        return None
    cents = {meaning: cells.bounded(round_to_cents(amount), path) for meaning, amount in found.items()}
    patient_cents = cells.bounded(
        round_to_cents(sum((found.get(part, Decimal(0)) for part in PATIENTS_PART), Decimal(0))), path
    )
    charge_cents = cents.get("submitted", 0)
    if patient_cents > charge_cents:
        raise Unacceptable(f"{path} asks the patient for more than was charged")
    first, last = _days(item, path, default_day)
    service = child(item, "productOrService", path)
    code_system, code = _code(service, f"{path}.productOrService")
    draft = LineDraft(
        service_on=first,
        code=code,
        code_system=code_system,
        description=shortened(words(service, f"{path}.productOrService"), 240) or code or "—",
        charge_cents=charge_cents,
        plan_paid_cents=cents.get("plan_paid", 0),
        adjustment_cents=max(0, charge_cents - cents["allowed"]) if "allowed" in cents else 0,
        patient_cents=patient_cents,
    )
    place = child(item, "locationCodeableConcept", path)
    plan_paid = found.get("plan_paid", Decimal(0))
    return Line(draft, plan_paid, last, words(place, f"{path}.locationCodeableConcept"))


def _days(item: Resource, path: str, default_day: str) -> tuple[dt.date, dt.date]:
    """First and last day of the service, as written where it was given."""
    period = child(item, "servicedPeriod", path)
    start = text(item, "servicedDate", path) or text(period, "start", f"{path}.servicedPeriod")
    first = day(start, f"{path}.serviced") if start else default_day
    end = text(period, "end", f"{path}.servicedPeriod")
    last = day(end, f"{path}.servicedPeriod.end") if end else first
    if last < first:
        raise Unacceptable(f"{path}.servicedPeriod ends before it begins")
    return dt.date.fromisoformat(first), dt.date.fromisoformat(last)


def _code(service: Resource, path: str) -> tuple[str, str]:
    """System and code of the first coding that has a code."""
    for system, code, _ in codes(service, path):
        if code:
            clean = cells.text(code, f"{path}.code", limit=LONGEST_CODE)
            return CODE_SYSTEMS.get(system, ""), clean
    return "", ""
