"""From a FHIR ExplanationOfBenefit to a bill, or to the reason why there is none."""

import datetime as dt
from decimal import Decimal, localcontext

from billing.importing.fhir_lines import PATIENTS_PART, Line, amounts, line_of, meaning_of
from billing.importing.fhir_values import (
    Resource,
    child,
    children,
    codes,
    day,
    dollars,
    resource_id,
    shortened,
    text,
)
from billing.importing.numbers import short_number
from billing.importing.records import (
    AccountRecord,
    BillRecord,
    NothingOwed,
    NotInForce,
    Unacceptable,
)
from billing.models import Invoice
from common.money import format_cents, round_to_cents

SOURCE = "fhir"
DUE_AFTER = dt.timedelta(days=30)
EXACT = 100  # digits of the sums before rounding; more than any amount we take has
BILL_NUMBER_LENGTH = 8

_IN_FORCE = {"status": ("active",), "use": ("claim",), "outcome": ("complete", "partial")}
_PATH = "ExplanationOfBenefit"


def why_not_in_force(explanation: Resource) -> str | None:
    """Drafts, canceled ones, estimates and unfinished ones are no ground to ask anybody for money."""
    for name, wanted in _IN_FORCE.items():
        value = text(explanation, name, _PATH)
        if value not in wanted:
            return f"its {name} is {shortened(value, 40) or 'missing'}"
    return None


def read_explanation(
    explanation: Resource, *, account: AccountRecord, where: str, provider: str, facility: str
) -> BillRecord | NothingOwed | NotInForce:
    """What comes of an explanation of benefits for a patient. Raises Unacceptable.

    `provider` and `facility` are names found elsewhere in the bundle, empty where there are none.
    """
    source_id = "/".join(
        [
            account.guarantor.region_code,
            account.guarantor.member_number,
            resource_id(explanation),
        ]
    )
    if reason := why_not_in_force(explanation):
        return NotInForce(where, SOURCE, source_id, reason)
    with localcontext(prec=EXACT):
        _refuse_what_items_do_not_show(explanation)
        lines = _lines(explanation)
        unexplained_cents, notes = _check_totals(explanation, lines)
    if not any(line.draft.patient_cents for line in lines):
        return NothingOwed(where, SOURCE, source_id, unexplained_cents)
    issued_on = dt.date.fromisoformat(_created(explanation))
    return BillRecord(
        where=where,
        account=account,
        patient=account.guarantor,
        kind=_kind(explanation),
        number=_number(explanation),
        issued_on=issued_on,
        due_on=issued_on + DUE_AFTER,
        service_from=min(line.draft.service_on for line in lines),
        service_to=max(line.service_to for line in lines),
        provider=shortened(provider, 160),
        facility=shortened(facility or next((line.place for line in lines if line.place), ""), 160),
        lines=tuple(line.draft for line in lines),
        unexplained_cents=unexplained_cents,
        source=SOURCE,
        source_id=source_id,
        notes=notes,
    )


def _created(explanation: Resource) -> str:
    return day(text(explanation, "created", _PATH), "created")


def _lines(explanation: Resource) -> list[Line]:
    """The lines of all items. Raises Unacceptable."""
    period = child(explanation, "billablePeriod", _PATH)
    start = text(period, "start", "billablePeriod")
    default_day = day(start, "billablePeriod.start") if start else _created(explanation)
    items = children(explanation, "item", _PATH)
    found = (line_of(item, path.removeprefix(f"{_PATH}."), default_day) for path, item in items)
    return [line for line in found if line is not None]


def _refuse_what_items_do_not_show(explanation: Resource) -> None:
    """Money asked of the patient anywhere else than on an item would be lost: better no bill."""
    for path, _ in children(explanation, "addItem", _PATH):
        raise Unacceptable(f"{path}: lines added by the payer are not supported")
    if _patients_part(explanation, _PATH):
        raise Unacceptable("the patient's part stands on the whole claim and not on its items")
    for path, item in children(explanation, "item", _PATH):
        if amounts(item, path):
            continue
        for detail_path, detail in children(item, "detail", path):
            if _patients_part(detail, detail_path):
                raise Unacceptable(f"{detail_path}: the patient's part stands below the item")


def _patients_part(parent: Resource, path: str) -> Decimal:
    found = amounts(parent, path)
    return sum((found.get(part, Decimal(0)) for part in PATIENTS_PART), Decimal(0))


def _check_totals(explanation: Resource, lines: list[Line]) -> tuple[int, tuple[str, ...]]:
    """What the submitted total leaves unexplained, in cents, and what else does not add up."""
    explained_cents = sum(
        line.draft.plan_paid_cents + line.draft.adjustment_cents + line.draft.patient_cents
        for line in lines
    )
    submitted = [
        amount
        for path, total in children(explanation, "total", _PATH)
        if meaning_of(child(total, "category", path), path) == "submitted"
        and (amount := dollars(total, "amount", path)) is not None
    ]
    if len(submitted) > 1:
        raise Unacceptable("it has two submitted totals")
    charged_cents = (
        round_to_cents(submitted[0]) if submitted else sum(line.draft.charge_cents for line in lines)
    )
    payment = dollars(child(explanation, "payment", _PATH), "amount", "payment")
    plan_paid_cents = round_to_cents(sum((line.plan_paid for line in lines), Decimal(0)))
    notes = []
    if payment is not None and round_to_cents(payment) != plan_paid_cents:
        notes.append(
            f"the plan's payment is {format_cents(round_to_cents(payment))},"
            f" on the lines {format_cents(plan_paid_cents)}"
        )
    return charged_cents - explained_cents, tuple(notes)


def _kind(explanation: Resource) -> Invoice.Kind:
    """A facility's claim is a hospital bill; every other one is for professional services."""
    types = {code for _, code, _ in codes(child(explanation, "type", _PATH), "type")}
    return Invoice.Kind.HOSPITAL if "institutional" in types else Invoice.Kind.MEDICAL


def _number(explanation: Resource) -> str:
    """From the claim, so that one claim cannot become two bills; without one, from the resource."""
    for path, identifier in children(explanation, "identifier", _PATH):
        types = {code for _, code, _ in codes(child(identifier, "type", path), path)}
        system, value = text(identifier, "system", path), text(identifier, "value", path)
        if value and ("uc" in types or system.endswith("/clm_id")):
            return short_number("bill", system, value, length=BILL_NUMBER_LENGTH)
    return short_number("bill", "", resource_id(explanation), length=BILL_NUMBER_LENGTH)
