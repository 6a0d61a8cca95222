"""From a FHIR Patient to a member. A social security number is never taken, stored or shown."""

import re

from billing.importing import cells
from billing.importing.csv_rows import Context
from billing.importing.fhir_values import Resource, child, children, codes, day, text
from billing.importing.numbers import derived_number, short_number
from billing.importing.records import AccountRecord, MemberRecord, Unacceptable

# HL7 v2 table 0203: a member number first, else a medical record number.
IDENTIFIER_TYPES = ("MB", "MR")
NAME_USES = ("official", "usual", "")
NUMBER_LENGTH = 10

_SSN_SYSTEM = "http://hl7.org/fhir/sid/us-ssn"
_LIKE_SSN = re.compile(r"\d{3}-?\d{2}-?\d{4}", re.ASCII)


def household_of(patient: Resource, region_code: str, context: Context) -> AccountRecord:
    """The patient as a member with an account of their own. Raises Unacceptable."""
    system, value = _identifier(patient)
    first_name, last_name = _name(patient)
    member = MemberRecord(
        region_code=region_code,
        member_number=cells.number(
            short_number("member", system, value, length=NUMBER_LENGTH), "identifier", limit=20
        ),
        first_name=first_name,
        last_name=last_name,
        date_of_birth=cells.birth_day(
            day(text(patient, "birthDate", "Patient"), "Patient.birthDate"),
            "Patient.birthDate",
            today=context.today,
        ),
    )
    return AccountRecord(
        account_number=derived_number("account", system, value, length=NUMBER_LENGTH),
        guarantor=member,
    )


def _identifier(patient: Resource) -> tuple[str, str]:
    """System and value of the member number or medical record number."""
    found: dict[str, tuple[str, str]] = {}
    social_security = set()
    for path, identifier in children(patient, "identifier", "Patient"):
        types = {code for _, code, _ in codes(child(identifier, "type", path), f"{path}.type")}
        system, value = text(identifier, "system", path), text(identifier, "value", path).strip()
        if "SS" in types or system == _SSN_SYSTEM:
            social_security.add(value.replace("-", ""))
        elif value and text(identifier, "use", path) != "old":
            for wanted in types.intersection(IDENTIFIER_TYPES):
                found.setdefault(wanted, (system, value))
    chosen = next((found[wanted] for wanted in IDENTIFIER_TYPES if wanted in found), None)
    if chosen is None:
        raise Unacceptable("it has no member number (MB) and no medical record number (MR)")
    if chosen[1].replace("-", "") in social_security or (
        _LIKE_SSN.fullmatch(chosen[1]) and "-" in chosen[1]
    ):
        raise Unacceptable("its number is a social security number, which is never stored")
    return chosen


def _name(patient: Resource) -> tuple[str, str]:
    """First and last name: the official name, else the usual one, else one without a use."""
    names = {
        text(name, "use", path): (path, name) for path, name in children(patient, "name", "Patient")
    }
    chosen = next((names[use] for use in NAME_USES if use in names), None)
    if chosen is None:
        raise Unacceptable("it has no official or usual name")
    path, name = chosen
    given = name.get("given", [])
    if not isinstance(given, list) or not all(isinstance(part, str) for part in given):
        raise Unacceptable(f"{path}.given is not a list of names")
    return (
        cells.text(given[0] if given else "", f"{path}.given", limit=80),
        cells.text(text(name, "family", path), f"{path}.family", limit=80),
    )
