"""How staff change what people read: saved, written down field by field, and shown at once."""

from typing import TypeVar

from django.db import models, transaction

from accounts.models import User
from support import organisation
from support.models import Banner, Change, DeskHours, Organisation, SocialProfile

Record = TypeVar("Record", Organisation, SocialProfile, DeskHours, Banner)


@transaction.atomic
def save(*, record: Record, by: User) -> Record:
    """Save a new or changed record, and a Change for each field that is another than before."""
    before = type(record)._default_manager.select_for_update().filter(pk=record.pk).first()
    record.full_clean()
    record.save()
    _note(record, by=by, old=_values(before), new=_values(record))
    return record


@transaction.atomic
def delete(*, record: Record, by: User) -> None:
    """Take a record away; what it said stays in the Changes."""
    old = _values(record)
    name = _name(record)
    record.delete()
    Change.objects.bulk_create(
        Change(by=by, record=name, field=field, before=value, after="") for field, value in old.items()
    )
    transaction.on_commit(organisation.forget)


def _note(record: Record, *, by: User, old: dict[str, str], new: dict[str, str]) -> None:
    name = _name(record)
    Change.objects.bulk_create(
        Change(by=by, record=name, field=field, before=old.get(field, ""), after=value)
        for field, value in new.items()
        if old.get(field, "") != value
    )
    transaction.on_commit(organisation.forget)


def _name(record: models.Model) -> str:
    return f"{record._meta.model_name} {record.pk}: {record}"[:120]


def _values(record: models.Model | None) -> dict[str, str]:
    if record is None:
        return {}
    fields = [field for field in record._meta.concrete_fields if not field.primary_key]
    return {field.name: str(field.value_from_object(record) or "") for field in fields}
