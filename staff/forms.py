"""What staff type. Nothing here takes a card number (common.cards)."""

from typing import Any

from django import forms

from common.cards import refuse_card_number
from common.forms import MoneyField


class SafeText(forms.CharField):
    """One line, or several, in which no card number stands."""

    def __init__(self, *, lines: int = 1, **kwargs: Any) -> None:
        if lines > 1:
            kwargs["widget"] = forms.Textarea({"rows": lines})
        super().__init__(**kwargs)
        self.validators.append(refuse_card_number)


def reason_field(label: str = "Reason") -> SafeText:
    """Why; the audit log and, where a payment is concerned, the next colleague read it."""
    return SafeText(
        label=label,
        max_length=200,
        lines=2,
        help_text="What the member asked for, or what went wrong. No card numbers, no diagnoses.",
    )


class FindForm(forms.Form):
    q = SafeText(
        label="Find a member",
        max_length=80,
        help_text="Name, member number, account, e-mail, pay code, bill, payment, or last four digits",
    )


def amount_field(*, max_cents: int, label: str = "Amount", **kwargs: Any) -> MoneyField:
    return MoneyField(label=label, max_cents=max_cents, **kwargs)
