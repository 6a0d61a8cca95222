"""The books: double entry, append-only, balanced by PostgreSQL itself (docs/money-flow.md).

Amounts are signed: a debit is positive, a credit negative. An entry has two or more lines that sum
to zero. A mistake is corrected by another entry; no row is ever changed.
"""

import pgtrigger
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Region
from billing.models.invoices import BillingAccount, Invoice
from common.db import CurrentTransactionId, TransactionIdField, append_only


class LedgerCode(models.TextChoices):
    """The chart of accounts (seeded by migration)."""

    RECEIVABLE = "receivable", _("Receivable")  # asset: what members owe, per invoice
    ACCOUNT_BALANCE = (
        "account_balance",
        _("Account balance"),
    )  # liability: prepaid money, per account
    PROCESSOR_CLEARING = (
        "processor_clearing",
        _("Processor clearing"),
    )  # asset: at Stripe, not paid out
    BANK = "bank", _("Bank")  # asset: paid out to us
    PROCESSOR_FEES = "processor_fees", _("Processor fees")  # expense
    BILLED_REVENUE = "billed_revenue", _("Billed revenue")  # income
    WRITE_OFFS = "write_offs", _("Write-offs")  # expense
    REFUNDS = "refunds", _("Refunds")  # liability: promised back, not yet sent
    DISPUTES = "disputes", _("Disputes")  # asset: taken by a bank until decided


class EntryKind(models.TextChoices):
    """Why an entry was posted. With source and source_id it is unique, so posting is idempotent."""

    INVOICE_ISSUED = "invoice_issued", _("Bill issued")
    INVOICE_VOIDED = "invoice_voided", _("Bill canceled")
    PAYMENT_SETTLED = "payment_settled", _("Payment settled")
    REFUND_PROMISED = "refund_promised", _("Refund promised")
    REFUND_SENT = "refund_sent", _("Refund sent")
    REFUND_FAILED = "refund_failed", _("Refund came back")
    DISPUTE_OPENED = "dispute_opened", _("Dispute opened")
    DISPUTE_WON = "dispute_won", _("Dispute won")
    DISPUTE_LOST = "dispute_lost", _("Dispute lost or debit returned")
    FEE_BOOKED = "fee_booked", _("Processor fee")
    PAYOUT_BOOKED = "payout_booked", _("Payout")
    PAYMENT_MOVED = "payment_moved", _("Payment moved to another bill")
    BILL_ADJUSTED = "bill_adjusted", _("Adjustment")
    BILL_WRITTEN_OFF = "bill_written_off", _("Written off")


class LedgerAccount(models.Model):
    """One account of the chart."""

    class Nature(models.TextChoices):
        ASSET = "asset", _("Asset")  # a debit increases it
        LIABILITY = "liability", _("Liability")  # a credit increases it
        INCOME = "income", _("Income")  # a credit increases it
        EXPENSE = "expense", _("Expense")  # a debit increases it

    code = models.CharField(_("code"), max_length=30, primary_key=True, choices=LedgerCode.choices)
    nature = models.CharField(_("nature"), max_length=10, choices=Nature.choices)

    class Meta:
        verbose_name = _("ledger account")
        verbose_name_plural = _("ledger accounts")

    def __str__(self) -> str:
        return self.get_code_display()


# Runs once per row at commit: the entry of a new line (and, were a change ever possible, the entry
# that the line left) has two lines or more, and they sum to zero.
_BALANCED = """
    SELECT count(*), coalesce(sum(amount_cents), 0) INTO line_count, total
    FROM billing_journalline WHERE entry_id = {entry};
    IF line_count < 2 THEN
        RAISE EXCEPTION 'journal entry % has % line(s), needs two or more', {entry}, line_count
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_has_lines';
    END IF;
    IF total <> 0 THEN
        RAISE EXCEPTION 'journal entry % is off by % cents', {entry}, total
            USING ERRCODE = 'check_violation', CONSTRAINT = 'journal_entry_balances';
    END IF;
"""
_DECLARE = [("line_count", "bigint"), ("total", "numeric")]


class JournalEntry(models.Model):
    """One event in the books."""

    append_only = True

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="+")
    kind = models.CharField(_("kind"), max_length=30, choices=EntryKind.choices)
    # What caused it, without this app knowing whose model that is: "payment", "41".
    source = models.CharField(_("source"), max_length=20)
    source_id = models.CharField(_("source key"), max_length=40)
    effective_on = models.DateField(_("effective"), help_text=_("On the region's calendar"))
    posted_at = models.DateTimeField(_("posted"), auto_now_add=True)
    # Which transaction wrote it: lets sealing wait for late commits (billing.services.sealing).
    xact_id = TransactionIdField(db_default=CurrentTransactionId(), editable=False)

    class Meta:
        verbose_name = _("journal entry")
        verbose_name_plural = _("journal entries")
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "source", "source_id"], name="journal_entry_posted_once"
            ),
        ]
        indexes = [models.Index(fields=["xact_id"], name="journal_entry_xact")]
        triggers = [
            *append_only("journal_entry"),
            pgtrigger.Trigger(
                name="journal_entry_balances",
                when=pgtrigger.After,
                operation=pgtrigger.Insert,
                timing=pgtrigger.Deferred,
                declare=_DECLARE,
                func=_BALANCED.format(entry="NEW.id") + " RETURN NULL;",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.source}/{self.source_id}"


class JournalLine(models.Model):
    """One side of an entry: a debit where positive, a credit where negative, in cents."""

    append_only = True

    entry = models.ForeignKey(JournalEntry, on_delete=models.PROTECT, related_name="lines")
    ledger_account = models.ForeignKey(LedgerAccount, on_delete=models.PROTECT, related_name="+")
    amount_cents = models.BigIntegerField(_("amount"))
    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, null=True, related_name="journal_lines"
    )
    invoice = models.ForeignKey(
        Invoice, on_delete=models.PROTECT, null=True, related_name="journal_lines"
    )

    class Meta:
        verbose_name = _("journal line")
        verbose_name_plural = _("journal lines")
        constraints = [
            models.CheckConstraint(condition=~Q(amount_cents=0), name="journal_line_not_zero"),
            models.CheckConstraint(
                condition=~Q(ledger_account="receivable") | Q(invoice__isnull=False),
                name="journal_line_receivable_names_invoice",
            ),
            models.CheckConstraint(
                condition=~Q(ledger_account="account_balance") | Q(account__isnull=False),
                name="journal_line_balance_names_account",
            ),
        ]
        triggers = [
            *append_only("journal_line"),
            pgtrigger.Trigger(
                name="journal_line_balances",
                when=pgtrigger.After,
                operation=pgtrigger.Insert | pgtrigger.Update | pgtrigger.Delete,
                timing=pgtrigger.Deferred,
                declare=_DECLARE,
                func=f"""
                    IF TG_OP <> 'DELETE' THEN {_BALANCED.format(entry="NEW.entry_id")} END IF;
                    IF TG_OP <> 'INSERT' THEN {_BALANCED.format(entry="OLD.entry_id")} END IF;
                    RETURN NULL;
                """,
            ),
        ]

    def __str__(self) -> str:
        return f"{self.ledger_account_id} {self.amount_cents}"


class LedgerBlock(models.Model):
    """A sealed run of entries: its hash covers them and the hash of the block before it."""

    append_only = True

    number = models.PositiveBigIntegerField(_("number"), primary_key=True)
    # Entries of transactions in [from_xact, to_xact) belong to this block; all of them had ended.
    from_xact = TransactionIdField()
    to_xact = TransactionIdField()
    entry_count = models.PositiveBigIntegerField(_("entries"))
    previous_hash = models.CharField(_("previous hash"), max_length=64)
    hash = models.CharField(_("hash"), max_length=64)
    sealed_at = models.DateTimeField(_("sealed"), auto_now_add=True)

    class Meta:
        verbose_name = _("ledger block")
        verbose_name_plural = _("ledger blocks")
        ordering = ["number"]
        triggers = append_only("ledger_block")

    def __str__(self) -> str:
        return f"{self.number}: {self.hash[:12]}"
