"""Who is who in a bundle: its patients and the names of its providers, by what references call them."""

import datetime as dt
import json
import re
from dataclasses import asdict, dataclass

from billing.importing.csv_rows import Context
from billing.importing.fhir_people import household_of
from billing.importing.fhir_values import Resource, children, resource_id, text
from billing.importing.records import AccountRecord, MemberRecord, Unacceptable
from billing.importing.spool import Spool

NAMED = ("Practitioner", "Organization", "Location")

_TYPE_AND_ID = re.compile(r"(?:^|/)([A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64})(?:/_history/[^/]*)?$", re.ASCII)


@dataclass(frozen=True, slots=True)
class Found:
    """A resource, where it stands, and how a bundle's references may call it besides by its id."""

    where: str
    resource: Resource
    full_url: str = ""

    @property
    def kind(self) -> str:
        kind = self.resource.get("resourceType")
        return kind if isinstance(kind, str) else ""


class Directory:
    """What was introduced so far. Kept on disk: a bulk export may hold a million patients."""

    def __init__(self, spool: Spool, context: Context) -> None:
        self._spool = spool
        self._context = context
        self.has_patients = False

    def introduce(self, found: Found) -> None:
        """Remember a patient, or a name; anything else is passed over."""
        if found.kind == "Patient":
            self.has_patients = True
            self._remember(found, json.dumps(self._account(found.resource)))
        elif found.kind in NAMED:
            try:
                self._remember(found, _name(found.resource))
            except Unacceptable:
                return  # a bill without its provider's name is still a bill

    def account(self, reference: str) -> AccountRecord:
        """The account of the patient whom a reference calls. Raises Unacceptable."""
        stored = self._look_up(reference, "Patient")
        if stored is None:
            raise Unacceptable("its patient is not in this file")
        account = json.loads(stored)
        if isinstance(account, str):
            raise Unacceptable(account)
        guarantor = account["guarantor"]
        guarantor["date_of_birth"] = dt.date.fromisoformat(guarantor["date_of_birth"])
        return AccountRecord(account["account_number"], MemberRecord(**guarantor))

    def name(self, reference: str) -> str:
        """The name of the provider or place whom a reference calls; empty where nobody is known."""
        return next((name for kind in NAMED if (name := self._look_up(reference, kind))), "")

    def is_first(self, found: Found) -> bool:
        """Whether this id has not been read before; the second of two is left out."""
        key = f"done {found.kind}/{resource_id(found.resource)}"
        if self._spool.first(key) is not None:
            return False
        self._spool.add(key, found.where)
        return True

    def _account(self, patient: Resource) -> dict[str, object] | str:
        """The patient's account as JSON knows it, or why the patient is left out."""
        try:
            region_code = str(self._context.default_region)
            account = asdict(household_of(patient, region_code, self._context))
        except Unacceptable as error:
            return str(error)
        account["guarantor"]["date_of_birth"] = account["guarantor"]["date_of_birth"].isoformat()
        return account

    def _remember(self, found: Found, value: str) -> None:
        self._spool.add(f"{found.kind} {found.kind}/{resource_id(found.resource)}", value)
        if found.full_url:
            self._spool.add(f"{found.kind} {found.full_url}", value)

    def _look_up(self, reference: str, kind: str) -> str | None:
        if not reference:
            return None
        stored = self._spool.first(f"{kind} {reference}")
        if stored is None and (match := _TYPE_AND_ID.search(reference)):
            stored = self._spool.first(f"{kind} {match[1]}")
        return stored


def _name(resource: Resource) -> str:
    """What an organization, a place or a practitioner is called."""
    if isinstance(resource.get("name"), str):
        return str(resource["name"])
    for path, name in children(resource, "name", "name"):
        parts = [*name.get("prefix", []), *name.get("given", []), text(name, "family", path)]
        return " ".join(part for part in parts if isinstance(part, str) and part)
    return ""
