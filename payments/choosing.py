"""Step 1 of paying as a form: which bills, how much of each, and how much of the account balance.

A row is a bill with a tick and an amount; one more row stands for the bills that are not shown.
Amounts are integer cents; what a person typed is kept where it has to be typed again.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from django import forms
from django.http import QueryDict
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from billing.hooks import Draw, draws_of
from common.forms import MoneyField
from common.money import format_cents
from payments.exceptions import MixedBills
from payments.forms import sentence, stranding
from payments.queries import MAX_BILLS, PayableBill, Side
from payments.services.checkout import MIN_CENTS
from payments.split import allocate

REST = "rest"  # stands for a bill's key in the row of bills that are not shown
AMOUNT = "amount_"


@dataclass(frozen=True, slots=True)
class Row:
    """One line to tick, with its amount as it stands in the box."""

    key: str  # the invoice's key, or REST
    bill: PayableBill | None
    count: int  # bills that it stands for
    payable_cents: int
    ticked: bool
    amount: str
    errors: list[str]
    draw: Draw | None = None  # it will be paid by itself

    @property
    def amount_name(self) -> str:
        return f"{AMOUNT}{self.key}"


@dataclass(frozen=True, slots=True)
class Start:
    """What is filled in before anybody types: cents by row, and of the account balance."""

    parts: Mapping[str, int]
    from_balance_cents: int = 0


class ChooseForm(forms.Form):
    """Cleans to `parts` (cents by the invoice's key), `rest_cents` and `from_balance_cents`."""

    pay = forms.MultipleChoiceField(
        label=gettext_lazy("Bills"),
        widget=forms.CheckboxSelectMultiple,
        error_messages={
            "required": gettext_lazy("Tick at least one bill to pay."),
            "invalid_choice": gettext_lazy(
                "A bill that you ticked cannot be paid now. It may have been paid meanwhile."
            ),
        },
    )
    use_balance = forms.BooleanField(label=gettext_lazy("Use my account balance"), required=False)
    balance_amount = MoneyField(
        label=gettext_lazy("How much of it"),
        required=False,
        help_text=gettext_lazy("Leave this empty to use as much as possible."),
    )

    def __init__(
        self,
        data: QueryDict | None = None,
        *,
        side: Side,
        other: Side,
        start: Start,
        with_rest: bool,
        spendable_cents: int,
        whole_cents: int,
    ) -> None:
        """`whole_cents` can be paid on the side, also where only one bill of it is shown."""
        initial = {
            "use_balance": bool(start.from_balance_cents),
            "balance_amount": start.from_balance_cents or None,
        }
        super().__init__(data, initial=initial)
        self._start = start
        self._of_other_side = {str(bill.pk) for bill in other.shown}
        self._spendable_cents = spendable_cents
        self._whole_cents = whole_cents
        self._bills: dict[str, PayableBill | None] = {str(bill.pk): bill for bill in side.shown}
        self._limits = {str(bill.pk): bill.payable_cents for bill in side.shown}
        self._rest_count = side.rest_count if with_rest and side.count <= MAX_BILLS else 0
        if self._rest_count:
            self._bills[REST], self._limits[REST] = None, side.rest_cents
        cast(forms.MultipleChoiceField, self.fields["pay"]).choices = [
            (key, key) for key in self._bills
        ]
        for key in self._ticked():
            self.fields[AMOUNT + key] = MoneyField(
                required=False,
                max_cents=self._limits[key],
                error_messages={
                    "too_much": _("Enter %(limit)s or less: that is what can be paid on this bill.")
                },
            )
        self.order_fields(["pay", *(name for name in self.fields if name.startswith(AMOUNT))])
        self.total_cents = sum(start.parts.values())
        self.from_balance_cents = min(start.from_balance_cents, self.total_cents)

    @property
    def charge_cents(self) -> int:
        """What is left for a card or a bank account."""
        return self.total_cents - self.from_balance_cents

    def _ticked(self) -> list[str]:
        if not self.is_bound:
            return [key for key in self._bills if key in self._start.parts]
        ticked = set(cast(QueryDict, self.data).getlist("pay"))
        return [key for key in self._bills if key in ticked]

    def rows(self) -> list[Row]:
        """The lines of the page; reading them checks what was typed."""
        ticked = self._ticked()
        draws = draws_of([bill.pk for bill in self._bills.values() if bill])
        return [
            Row(
                key=key,
                bill=bill,
                count=1 if bill else self._rest_count,
                payable_cents=self._limits[key],
                ticked=key in ticked,
                amount=self._typed(key),
                errors=[str(error) for error in self.errors.get(AMOUNT + key, [])],
                draw=draws.get(bill.pk) if bill else None,
            )
            for key, bill in self._bills.items()
        ]

    def _typed(self, key: str) -> str:
        if self.is_bound and AMOUNT + key in self.data:
            return str(self.data[AMOUNT + key])
        cents = self._start.parts.get(key, self._limits[key])
        return str(MoneyField().prepare_value(cents))

    def clean(self) -> dict[str, Any]:
        """Sum what is ticked, and hold the account balance against it."""
        data = super().clean() or {}
        self._refuse_mixed()
        parts: dict[str, int] = {}
        for key in self._ticked():
            cents = data.get(AMOUNT + key)
            if cents is not None:
                parts[key] = cents
            elif AMOUNT + key not in self.errors:
                self.add_error(AMOUNT + key, _("Enter the amount you want to pay."))
        self.total_cents = sum(parts.values())
        self.from_balance_cents = self._clean_balance(data)
        self._refuse_to_strand(parts)
        data["rest_cents"] = parts.pop(REST, 0)
        data["parts"] = {int(key): cents for key, cents in parts.items()}
        data["from_balance_cents"] = self.from_balance_cents
        return data

    def _refuse_mixed(self) -> None:
        ticked = cast(QueryDict, self.data).getlist("pay")
        if self._of_other_side.intersection(ticked):
            self.errors.pop("pay", None)  # "cannot be paid now" would be wrong
            self.add_error("pay", sentence(MixedBills()))

    def _refuse_to_strand(self, parts: Mapping[str, int]) -> None:
        """No bill ends with a few cents that nothing can pay: neither a card nor the balance."""
        if self.errors or not parts:
            return
        why = stranding(payable_cents=self._whole_cents, paid_cents=self.total_cents)
        left = self._whole_cents - self.total_cents
        if why and left > self._spendable_cents - self.from_balance_cents:
            in_part = [key for key, cents in parts.items() if cents < self._limits[key]]
            self.add_error(AMOUNT + in_part[-1] if in_part else "pay", why)

    def _clean_balance(self, data: Mapping[str, Any]) -> int:
        """Cents of the account balance; as many as possible where no amount was typed."""
        if not data.get("use_balance") or "balance_amount" in self.errors:
            return 0
        most = min(self._spendable_cents, self.total_cents)
        asked = data.get("balance_amount")
        if asked is None:
            return most_usable(self.total_cents, self._spendable_cents)
        if asked > most:
            self.add_error("balance_amount", self._balance_refusal(most))
            return 0
        if 0 < self.total_cents - asked < MIN_CENTS <= self.total_cents:
            self.add_error("balance_amount", self._too_little_for_a_card())
            return 0
        return int(asked)

    def _too_little_for_a_card(self) -> str:
        facts = {
            "least": format_cents(MIN_CENTS),
            "most": format_cents(self.total_cents - MIN_CENTS),
            "all": format_cents(self.total_cents),
        }
        if self._spendable_cents < self.total_cents:
            return (
                _(
                    "That leaves less than %(least)s, too little for a card or bank account. "
                    "Enter %(most)s or less."
                )
                % facts
            )
        return (
            _(
                "That leaves less than %(least)s, too little for a card or bank account. "
                "Enter %(most)s or less, or all of it, %(all)s."
            )
            % facts
        )

    def _balance_refusal(self, most: int) -> str:
        amount = {"amount": format_cents(most)}
        if most == self._spendable_cents:
            return _("Enter %(amount)s or less: that is what you have.") % amount
        return _("Enter %(amount)s or less: that is what you are paying.") % amount


def most_usable(total_cents: int, spendable_cents: int) -> int:
    """As much of the balance as leaves nothing to charge, or no less than can be charged."""
    if spendable_cents >= total_cents:
        return total_cents
    return max(0, min(spendable_cents, total_cents - MIN_CENTS))


class TotalForm(forms.Form):
    """A total to be divided over a side's bills; cleans to `total` in cents."""

    total = MoneyField(label=gettext_lazy("Total to pay"))

    def __init__(self, data: Mapping[str, Any] | None = None, *, side: Side) -> None:
        super().__init__(data)
        cast(MoneyField, self.fields["total"]).max_cents = side.payable_cents


def everything(side: Side) -> Start:
    """All that can be paid, ticked."""
    parts = {str(bill.pk): bill.payable_cents for bill in side.shown}
    return Start({**parts, REST: side.rest_cents} if side.rest_cents else parts)


def divided(total_cents: int, side: Side) -> Start:
    """A total over the side's bills, oldest due first; bills that are not shown come last.

    `total_cents` is at most what can be paid on that side.
    """
    over_shown = min(total_cents, side.payable_cents - side.rest_cents)
    parts = {str(bill.pk): cents for bill, cents in allocate(over_shown, side.shown)}
    rest_cents = total_cents - over_shown
    return Start({**parts, REST: rest_cents} if rest_cents else parts)
