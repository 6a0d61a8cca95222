"""What happened to a payment, for its page, its documents and its mails: read in one query."""

from dataclasses import dataclass
from typing import Any, TypeVar

from django.db.models import F, Model, QuerySet, TextField, Value

from payments.models import Dispute, DisputeState, Payment, PaymentEvent, Refund

Row = TypeVar("Row", bound=Model)


@dataclass(frozen=True, slots=True)
class Story:
    """What happened to a payment; each list in the order in which it came. Sums in cents."""

    events: list[PaymentEvent]
    refunds: list[Refund]
    disputes: list[Dispute]

    @property
    def taken(self) -> list[Dispute]:
        """What banks took for good."""
        return [each for each in self.disputes if each.state == DisputeState.LOST]

    @property
    def refunded_cents(self) -> int:
        return sum(refund.amount_cents for refund in self.refunds)

    @property
    def taken_cents(self) -> int:
        return sum(each.amount_cents for each in self.taken)

    @property
    def held_cents(self) -> int:
        """What banks hold until they decide."""
        return sum(each.amount_cents for each in self.disputes if each.state == DisputeState.OPEN)

    @property
    def error_cents(self) -> int:
        """What was taken back because it was recorded in error."""
        in_error = Refund.Destination.NOWHERE
        return sum(each.amount_cents for each in self.refunds if each.destination == in_error)


# The fields that a payment's page tells of each kind of row, side by side as one UNION returns them.
# The first two give every column its type.
_TOLD: dict[type[Model], tuple[str | None, ...]] = {
    Dispute: (
        "opened_at",
        "decided_at",
        None,
        "amount_cents",
        "state",
        "reason",
        None,
        "is_return",
        "excess_cents",
    ),
    Refund: (
        "created_at",
        "sent_at",
        "ended_at",
        "amount_cents",
        "state",
        "reference",
        "destination",
        None,
        None,
    ),
    PaymentEvent: ("at", None, None, None, "to_state", "detail", "from_state", None, None),
}


def story_of(payment: Payment) -> Story:
    """All that happened to a payment, in one query. Fields that no page tells are not loaded."""
    first, *others = (_told(model, payment) for model in _TOLD)
    found: dict[str, list[Any]] = {model._meta.model_name or "": [] for model in _TOLD}
    for name, *values in first.union(*others, all=True).order_by("pk"):
        found[name].append(values)
    return Story(
        events=[_filled(PaymentEvent, payment, row) for row in found["paymentevent"]],
        refunds=[_filled(Refund, payment, row) for row in found["refund"]],
        disputes=[_filled(Dispute, payment, row) for row in found["dispute"]],
    )


def _told(model: type[Model], payment: Payment) -> QuerySet[Any, tuple[Any, ...]]:
    nothing = Value(None, output_field=TextField())
    columns = [nothing if name is None else F(name) for name in _TOLD[model]]
    rows = model._default_manager.filter(payment=payment).order_by()
    return rows.values_list(Value(model._meta.model_name), "pk", *columns)


def _filled(model: type[Row], payment: Payment, values: list[Any]) -> Row:
    names = ("id", *_TOLD[model])
    known = {name: value for name, value in zip(names, values, strict=True) if name}
    known["payment_id"] = payment.pk
    in_order = [field.attname for field in model._meta.concrete_fields if field.attname in known]
    return model.from_db(None, in_order, [known[name] for name in in_order])
