"""How people pay again: saved methods, and what they authorised, word for word.

Stripe keeps the numbers; we keep what may be shown and the key under which Stripe knows it.
"""

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from billing.models import BillingAccount
from common.db import append_only


class StripeCustomer(models.Model):
    """The billing account as its region's Stripe account knows it: a key, and nothing about people."""

    account = models.OneToOneField(
        BillingAccount, on_delete=models.PROTECT, related_name="stripe_customer"
    )
    customer_id = models.CharField(_("Customer"), max_length=80, unique=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("Stripe customer")
        verbose_name_plural = _("Stripe customers")

    def __str__(self) -> str:
        return self.customer_id


class Authorization(models.Model):
    """What a person agreed to when a bank account was to be debited or a method to be kept.

    Stored as it was shown (Nacha WEB, 12 CFR 1005.10(b)): text, version, time, address, browser.
    """

    append_only = True

    class Purpose(models.TextChoices):
        DEBIT = "debit", _("One bank debit")  # this payment only
        SAVE = "save", _("Keeping a method")  # used again when the person says so
        AUTOPAY = "autopay", _("Autopay")  # recurring, on a schedule

    account = models.ForeignKey(BillingAccount, on_delete=models.PROTECT, related_name="authorizations")
    given_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    purpose = models.CharField(_("purpose"), max_length=10, choices=Purpose.choices)
    version = models.CharField(_("version"), max_length=20)
    language = models.CharField(_("language"), max_length=2)
    text = models.TextField(_("text"))
    sha256 = models.CharField(_("hash"), max_length=64)
    given_at = models.DateTimeField(_("given"), auto_now_add=True)
    ip_address = models.GenericIPAddressField(_("address"))
    user_agent = models.CharField(_("browser"), max_length=400, blank=True)

    class Meta:
        verbose_name = _("authorization")
        verbose_name_plural = _("authorizations")
        triggers = append_only("authorization")

    def __str__(self) -> str:
        return f"{self.purpose} {self.given_at:%Y-%m-%d}"


class PaymentMethod(models.Model):
    """A card or a bank account that somebody asked us to keep."""

    class Kind(models.TextChoices):
        CARD = "card", _("Card")
        BANK = "us_bank_account", _("Bank account")

    class Status(models.TextChoices):
        PENDING = "pending", _("Being set up")  # Stripe has not answered, or an extra step waits
        VERIFY = "verify", _("To be verified")  # micro-deposits are on their way
        ACTIVE = "active", _("Ready")  # can pay
        BLOCKED = "blocked", _("Blocked")  # the bank refuses it for good; blocked_code says why
        REMOVED = "removed", _("Removed")  # by its owner, or same_as; kept for the payments it made
        FAILED = "failed", _("Not added")  # refused or given up; it never could pay

    class VerifyBy(models.TextChoices):
        AMOUNTS = "amounts", _("Two amounts")  # of the two deposits, in cents
        CODE = "descriptor_code", _("Code")  # in the text of the one deposit: SM and four more

    account = models.ForeignKey(
        BillingAccount, on_delete=models.PROTECT, related_name="payment_methods"
    )
    added_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True)
    kind = models.CharField(_("kind"), max_length=20, choices=Kind.choices)
    brand = models.CharField(_("brand or bank"), max_length=40, blank=True)
    last4 = models.CharField(_("last four"), max_length=4, blank=True)
    funding = models.CharField(_("funding"), max_length=10, blank=True)  # credit, debit, prepaid
    exp_month = models.PositiveSmallIntegerField(_("expires, month"), null=True)
    exp_year = models.PositiveSmallIntegerField(_("expires, year"), null=True)
    status = models.CharField(
        _("status"), max_length=10, choices=Status.choices, default=Status.PENDING
    )
    blocked_code = models.CharField(_("blocked because"), max_length=60, blank=True)
    is_default = models.BooleanField(_("default"), default=False)
    authorization = models.ForeignKey(Authorization, on_delete=models.PROTECT)
    # Stripe's, the same for the same number in its account; empty where it was never told. Never shown.
    fingerprint = models.CharField(max_length=40, blank=True, default="", db_default="", editable=False)
    # Put away because this other row is the same card or bank account; its owner removed nothing.
    same_as = models.ForeignKey("self", on_delete=models.PROTECT, null=True, related_name="+")
    # Keys at Stripe; the setup's idempotency key is derived from this row's id.
    method_id = models.CharField(_("PaymentMethod"), max_length=80, null=True, unique=True)  # noqa: DJ001
    setup_id = models.CharField(_("SetupIntent"), max_length=80, null=True, unique=True)  # noqa: DJ001
    # Micro-deposits: what their receiver is asked for, when they arrive, and the answers so far.
    verify_by = models.CharField(
        _("verified by"), max_length=20, choices=VerifyBy.choices, blank=True, default="", db_default=""
    )
    deposits_on = models.DateField(_("deposits arrive"), null=True)
    verify_tries = models.PositiveSmallIntegerField(_("tries"), default=0, db_default=0)
    created_at = models.DateTimeField(_("added"), auto_now_add=True)
    # When a card got another expiration date, by its network or because its owner added it anew.
    renewed_at = models.DateTimeField(_("renewed"), null=True)
    removed_at = models.DateTimeField(_("removed"), null=True)
    # When Stripe is asked about it again; nothing is left to do where this is empty.
    next_check_at = models.DateTimeField(null=True)

    class Meta:
        verbose_name = _("payment method")
        verbose_name_plural = _("payment methods")
        indexes = [
            models.Index(fields=["last4", "-id"], name="method_by_last_four", condition=~Q(last4="")),
            models.Index(
                fields=["next_check_at"],
                name="method_unsettled",
                condition=Q(next_check_at__isnull=False),
            ),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["account"], condition=Q(is_default=True), name="one_default_method"
            ),
            models.UniqueConstraint(
                fields=["account", "kind", "fingerprint"],
                condition=Q(status="active") & ~Q(fingerprint=""),
                name="one_active_method_of_a_kind_and_number",
            ),
            models.CheckConstraint(
                condition=Q(same_as__isnull=True) | Q(status="removed"),
                name="method_same_as_another_is_put_away",
            ),
            models.CheckConstraint(
                condition=Q(is_default=False) | Q(status="active"), name="default_method_is_active"
            ),
            models.CheckConstraint(
                condition=~Q(status="active") | Q(method_id__isnull=False),
                name="active_method_is_known_to_stripe",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.last4}"
