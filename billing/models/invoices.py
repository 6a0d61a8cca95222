"""What is owed: an account of a guarantor, its invoices, their lines. People read "bill"."""

import datetime as dt

from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from accounts.matching import comparable_in_sql
from accounts.models import Member, Region

# An account number without spaces and hyphens, in capitals: how people type it.
COMPARABLE_ACCOUNT_NUMBER = comparable_in_sql("account_number")


class BillingAccount(models.Model):
    """The account of one guarantor, who answers for the bills of a household's patients."""

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="billing_accounts")
    account_number = models.CharField(_("account number"), max_length=20)
    guarantor = models.OneToOneField(Member, on_delete=models.PROTECT, related_name="billing_account")
    # Prepaid money. Moves only together with a journal entry (billing.services.ledger).
    balance_cents = models.BigIntegerField(_("account balance"), default=0)
    # The part of the balance that payments on their way will use.
    held_cents = models.BigIntegerField(_("held"), default=0, db_default=0)
    # The owner wants new bills paid from the balance as they come.
    auto_apply_balance = models.BooleanField(
        _("pay new bills from the balance"), default=False, db_default=False
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("billing account")
        verbose_name_plural = _("billing accounts")
        constraints = [
            models.UniqueConstraint(
                fields=["region", "account_number"], name="account_number_unique_in_region"
            ),
            models.CheckConstraint(
                condition=Q(balance_cents__gte=0), name="account_balance_not_negative"
            ),
            models.CheckConstraint(
                condition=Q(held_cents__gte=0) & Q(held_cents__lte=F("balance_cents")),
                name="account_held_between_zero_and_balance",
            ),
        ]
        indexes = [
            models.Index(F("region"), COMPARABLE_ACCOUNT_NUMBER, name="account_by_number_as_typed"),
            models.Index(COMPARABLE_ACCOUNT_NUMBER, name="account_by_number_anywhere"),
            models.Index(
                fields=["-balance_cents", "id"],
                name="account_with_balance",
                condition=Q(balance_cents__gt=0),
            ),
        ]

    def __str__(self) -> str:
        return self.account_number

    @property
    def spendable_cents(self) -> int:
        """The balance without what payments on their way hold."""
        return self.balance_cents - self.held_cents


class InvoiceQuerySet(models.QuerySet["Invoice"]):
    def open(self) -> "InvoiceQuerySet":
        return self.filter(open_cents__gt=0)

    def paid(self) -> "InvoiceQuerySet":
        return self.filter(open_cents=0, voided_at__isnull=True)

    def medical(self) -> "InvoiceQuerySet":
        """Medical and hospital bills: what premiums are never mixed with."""
        return self.exclude(kind=Invoice.Kind.PREMIUM)

    def premiums(self) -> "InvoiceQuerySet":
        return self.filter(kind=Invoice.Kind.PREMIUM)


class Invoice(models.Model):
    """One bill to one account for one patient. Its amounts move only together with the ledger."""

    class Kind(models.TextChoices):
        MEDICAL = "medical", _("Medical")  # professional services
        HOSPITAL = "hospital", _("Hospital")  # facility services
        PREMIUM = "premium", _("Premium")  # a month of coverage
        CHARGE = "charge", _("Charge")  # a returned-item fee, or money that came back unpaid

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="invoices")
    patient = models.ForeignKey(Member, on_delete=models.PROTECT, related_name="invoices")
    kind = models.CharField(_("kind"), max_length=10, choices=Kind.choices)
    number = models.CharField(_("bill number"), max_length=40)
    # Printed on the bill; finds it for a guest. Random (common.references), dies with the bill.
    pay_code = models.CharField(_("pay code"), max_length=20, unique=True, null=True, blank=True)

    issued_on = models.DateField(_("issued"))
    due_on = models.DateField(_("due"))
    service_from = models.DateField(_("first day of service"))
    service_to = models.DateField(_("last day of service"))
    provider = models.CharField(_("provider"), max_length=160, blank=True)
    facility = models.CharField(_("place of service"), max_length=160, blank=True)

    total_cents = models.BigIntegerField(_("amount billed"))
    open_cents = models.BigIntegerField(_("amount owed"))
    # On its way: the part of what is owed that payments in progress already cover.
    reserved_cents = models.BigIntegerField(_("amount on its way"), default=0)
    # The plan's figures did not add up by this much; reported at import, never charged.
    unexplained_cents = models.BigIntegerField(_("unexplained"), default=0)
    voided_at = models.DateTimeField(_("voided"), null=True, blank=True)

    # Who delivered it, and under which key: makes the import repeatable.
    source = models.CharField(_("source"), max_length=20)
    source_id = models.CharField(_("key at the source"), max_length=120)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = InvoiceQuerySet.as_manager()

    class Meta:
        verbose_name = _("bill")
        verbose_name_plural = _("bills")
        constraints = [
            models.UniqueConstraint(fields=["account", "number"], name="number_unique_in_account"),
            models.UniqueConstraint(fields=["source", "source_id"], name="invoice_imported_once"),
            models.CheckConstraint(
                condition=Q(open_cents__gte=0) & Q(open_cents__lte=F("total_cents")),
                name="invoice_open_between_zero_and_total",
            ),
            models.CheckConstraint(
                condition=Q(reserved_cents__gte=0) & Q(reserved_cents__lte=F("open_cents")),
                name="invoice_reserved_between_zero_and_open",
            ),
            models.CheckConstraint(
                condition=Q(voided_at__isnull=True) | Q(open_cents=0),
                name="invoice_void_owes_nothing",
            ),
            models.CheckConstraint(
                condition=Q(service_from__lte=F("service_to")), name="invoice_service_in_order"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "-due_on", "-id"], name="invoice_by_due_date"),
            models.Index(
                fields=["account", "due_on"], name="invoice_open", condition=Q(open_cents__gt=0)
            ),
            # With the amount, so that what is owed by age is added up from the index alone.
            models.Index(
                fields=["due_on"],
                name="invoice_open_by_due_date",
                condition=Q(open_cents__gt=0),
                include=["open_cents"],
            ),
            models.Index(fields=["number"], name="invoice_number"),
        ]

    def __str__(self) -> str:
        return self.number

    @property
    def payable_cents(self) -> int:
        """What a new payment may cover: owed and not already on its way."""
        return self.open_cents - self.reserved_cents

    @property
    def is_premium(self) -> bool:
        return self.kind == self.Kind.PREMIUM

    def status(self, on: dt.date) -> str:
        """One of STATUS_LABELS: what a person calls the state of this bill on a day."""
        return bill_status(
            voided=self.voided_at is not None,
            total_cents=self.total_cents,
            open_cents=self.open_cents,
            reserved_cents=self.reserved_cents,
            due_on=self.due_on,
            on=on,
        )


def bill_status(
    *,
    voided: bool,
    total_cents: int,
    open_cents: int,
    reserved_cents: int,
    due_on: dt.date,
    on: dt.date,
) -> str:
    """The rule behind Invoice.status, for reads that carry columns instead of models."""
    if voided:
        return "void"
    if open_cents == 0:
        return "paid"
    if reserved_cents == open_cents:
        return "on_its_way"
    if due_on < on:
        return "overdue"
    return "part_paid" if open_cents < total_cents else "open"


STATUS_LABELS = {
    "open": pgettext_lazy("bill", "Open"),
    "part_paid": pgettext_lazy("bill", "Partly paid"),
    "overdue": pgettext_lazy("bill", "Past due"),
    "on_its_way": pgettext_lazy("bill", "Payment on its way"),
    "paid": pgettext_lazy("bill", "Paid"),
    "void": pgettext_lazy("bill", "Canceled"),
}


class InvoiceLine(models.Model):
    """One service on a bill: what was charged, what the plan paid, what is the patient's part."""

    invoice = models.ForeignKey(Invoice, on_delete=models.PROTECT, related_name="lines")
    position = models.PositiveSmallIntegerField()
    service_on = models.DateField(_("date of service"))
    code = models.CharField(_("code"), max_length=20, blank=True)
    code_system = models.CharField(_("code system"), max_length=20, blank=True)
    description = models.CharField(_("service"), max_length=240)
    charge_cents = models.BigIntegerField(_("charge"))
    plan_paid_cents = models.BigIntegerField(_("plan paid"), default=0)
    adjustment_cents = models.BigIntegerField(_("adjustment"), default=0)
    patient_cents = models.BigIntegerField(_("your part"))

    class Meta:
        verbose_name = _("line")
        verbose_name_plural = _("lines")
        ordering = ["position"]
        constraints = [
            models.UniqueConstraint(fields=["invoice", "position"], name="line_position_unique"),
            models.CheckConstraint(
                condition=Q(charge_cents__gte=0) & Q(plan_paid_cents__gte=0) & Q(patient_cents__gte=0),
                name="line_amounts_not_negative",
            ),
        ]

    def __str__(self) -> str:
        return self.description
