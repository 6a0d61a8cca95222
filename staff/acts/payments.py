"""Recording a check or cash, and moving a payment to another bill."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.conf import settings
from django.http import Http404

from billing.models import BillingAccount, Invoice
from common.locks import lock_one
from common.money import format_cents
from payments import methods
from payments.exceptions import CannotPay
from payments.models import Payment
from payments.queries import payable_bills
from payments.services import moving, recorded
from payments.services.recorded_balance import recorded_cents
from payments.services.reversal import remaining
from payments.split import allocate
from staff.acts.base import Act, Plan, Refused, Subject
from staff.acts.refunds import left_of, payment_subject
from staff.forms import SafeText, amount_field, reason_field
from staff.models import Action, May
from staff.services.audit import Actor

MOST_CENTS = 100_000_00  # of one check; more is a typing mistake
SAME_CHECK = "A check of this number and amount is recorded for this account already."
TO_BALANCE, MEDICAL, PREMIUM = "balance", "medical", "premium"


def account_subject(key: int) -> Subject:
    account = BillingAccount.objects.select_related("guarantor__user", "region").filter(pk=key).first()
    if account is None:
        raise Http404
    return Subject(account, account, account.account_number)


def _name(invoice: Invoice) -> str:
    return f"{invoice.number}, {invoice.patient.full_name}, {format_cents(invoice.payable_cents)} owed"


def is_recorded(account: BillingAccount, data: Mapping[str, Any]) -> bool:
    """Whether a check of this number and amount stands in the account's books already."""
    return data.get("kind") == methods.CHECK and recorded.is_recorded(
        account=account, check_number=data["check_number"], amount_cents=data["amount"]
    )


class RecordForm(forms.Form):
    kind = forms.ChoiceField(
        label="How it came",
        choices=[(methods.CHECK, "Check"), (methods.CASH, "Cash")],
        widget=forms.RadioSelect,
    )
    check_number = SafeText(label="Check number", max_length=20, required=False)
    amount = amount_field(max_cents=MOST_CENTS)
    pays = forms.ChoiceField(label="Pays")
    reason = reason_field("Note")

    def __init__(
        self, *args: Any, account: BillingAccount, bills: list[Invoice], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.account = account
        pays = self.fields["pays"]
        assert isinstance(pays, forms.ChoiceField)  # noqa: S101  # nosec B101  for the type checker
        pays.choices = [
            (MEDICAL, "Medical bills, oldest due first"),
            (PREMIUM, "Premiums, oldest due first"),
            *((str(bill.pk), _name(bill)) for bill in bills),
            (TO_BALANCE, "Nothing: it becomes account balance"),
        ]

    def clean(self) -> dict[str, Any]:
        data = super().clean() or {}
        if data.get("kind") == methods.CHECK and not data.get("check_number"):
            self.add_error("check_number", "Enter the number of the check.")
        elif data.get("amount") and is_recorded(self.account, data):
            self.fields["another"] = forms.BooleanField(
                label="It is another check, with the same number and amount", required=False
            )
            data["another"] = "another" in self.data
            if not data["another"]:
                self.add_error("another", SAME_CHECK)
        return data


class RecordPayment(Act):
    may, title, button = May.RECORD, "Record a check or cash", "Record"

    def subject(self, **keys: Any) -> Subject:
        return account_subject(keys["key"])

    def form(self, subject: Subject, data: Any = None) -> RecordForm:
        account = subject.household
        return RecordForm(data, account=account, bills=list(payable_bills(account)[:50]))

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        if is_recorded(subject.household, data) and not data.get("another"):
            raise Refused(SAME_CHECK)
        parts, rest = self._divide(subject.household, data)
        effects = [
            f"{format_cents(data['amount'])} by {self._how(data)} is posted to account"
            f" {subject.household.account_number} today."
        ]
        effects += [f"{format_cents(cents)} pays bill {bill.number}." for bill, cents in parts]
        if rest:
            self._check_balance(subject.household, rest)
            effects.append(f"{format_cents(rest)} becomes account balance.")
        effects.append("The member sees it in the history and gets a receipt by mail.")
        detail = {
            "amount_cents": data["amount"],
            "kind": data["kind"],
            "check_number": data["check_number"],
            "bills": {bill.number: cents for bill, cents in parts},
            "to_balance_cents": rest,
            "reason": data["reason"],
        }
        return Plan(Action.PAYMENT_RECORDED, effects, detail)

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        parts, rest = self._divide(subject.household, data)
        try:
            payment = recorded.record(
                account=subject.household,
                kind=data["kind"],
                amounts={bill.pk: cents for bill, cents in parts},
                to_balance_cents=rest,
                check_number=data["check_number"],
                recorded_by=by.user,
            )
        except CannotPay as error:
            raise Refused("A bill changed meanwhile. Look at it and try again.") from error
        return f"Payment {payment.reference} of {format_cents(payment.amount_cents)} is recorded."

    def locked(self, subject: Subject, by: Actor) -> Subject:
        account = lock_one(BillingAccount.objects.filter(pk=subject.household.pk))
        return replace(subject, account=account, thing=account)

    @staticmethod
    def _check_balance(account: BillingAccount, rest_cents: int) -> None:
        """No one person makes much spendable money; several small checks count together."""
        limit = settings.STAFF_REFUND_LIMIT_CENTS
        there = recorded_cents(account)
        if there + rest_cents > limit:
            raise Refused(
                f"{format_cents(there + rest_cents)} of account balance would be from checks and cash;"
                f" {format_cents(limit)} is the most. Record what pays bills, and send the rest back."
            )

    @staticmethod
    def _how(data: dict[str, Any]) -> str:
        return f"check {data['check_number']}" if data["kind"] == methods.CHECK else "cash"

    @staticmethod
    def _divide(account: BillingAccount, data: dict[str, Any]) -> tuple[list[tuple[Invoice, int]], int]:
        """Which bills it pays, and what is left for the balance; in cents."""
        wanted, payable = data["pays"], payable_bills(account)
        if wanted == TO_BALANCE:
            bills: list[Invoice] = []
        elif wanted == MEDICAL:
            bills = list(payable.medical())
        elif wanted == PREMIUM:
            bills = list(payable.premiums())
        else:
            bills = list(payable.filter(pk=wanted))
        paid = min(data["amount"], sum(bill.payable_cents for bill in bills))
        return allocate(paid, bills), data["amount"] - paid


class MoveForm(forms.Form):
    from_bill = forms.ChoiceField(label="From")
    to_bill = forms.ChoiceField(label="To")
    amount = amount_field(max_cents=MOST_CENTS)
    reason = reason_field()

    def __init__(self, *args: Any, parts: dict[int, str], bills: list[Invoice], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (
            ("from_bill", [(str(key), words) for key, words in parts.items()]),
            ("to_bill", [(str(bill.pk), _name(bill)) for bill in bills]),
        ):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101  # nosec B101  for the type checker
            field.choices = choices


class MovePayment(Act):
    may, title, button = May.MOVE, "Move a payment to another bill", "Move"

    def subject(self, **keys: Any) -> Subject:
        return payment_subject(keys["reference"])

    def form(self, subject: Subject, data: Any = None) -> MoveForm:
        payment: Payment = subject.thing
        left = remaining(payment) if left_of(payment) else {}
        paid = payment.allocations.filter(pk__in=[key for key in left if key]).select_related("invoice")
        parts = {
            part.invoice_id: f"{part.invoice.number}, {format_cents(left[part.pk])} of this payment"
            for part in paid
        }
        return MoveForm(data, parts=parts, bills=list(payable_bills(subject.household)[:50]))

    def plan(self, subject: Subject, data: dict[str, Any], by: Actor) -> Plan:
        old, new = self._bills(subject, data)
        cents = format_cents(data["amount"])
        return Plan(
            Action.PAYMENT_MOVED,
            [
                f"{cents} of payment {subject.reference} no longer pays bill {old.number}, which is"
                f" owed again by {cents}.",
                f"It pays bill {new.number} instead, with the date that the payment has.",
            ],
            {
                "amount_cents": data["amount"],
                "from": old.number,
                "to": new.number,
                "reason": data["reason"],
            },
        )

    def perform(self, subject: Subject, data: dict[str, Any], by: Actor) -> str:
        old, new = self._bills(subject, data)
        try:
            moving.move_to_bill(
                payment=subject.thing,
                from_invoice=old,
                to_invoice=new,
                amount_cents=data["amount"],
                reason=data["reason"],
                moved_by=by.user,
            )
        except moving.CannotMove as error:
            raise Refused(
                "That much cannot be moved: the payment or a bill has less, or one bill is a premium"
                " and the other is not."
            ) from error
        return f"Moved from bill {old.number} to bill {new.number}."

    @staticmethod
    def _bills(subject: Subject, data: dict[str, Any]) -> tuple[Invoice, Invoice]:
        bills = Invoice.objects.filter(account=subject.household)
        return bills.get(pk=data["from_bill"]), bills.get(pk=data["to_bill"])
