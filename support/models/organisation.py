"""What staff may change about how people reach us: numbers, social networks, desk hours, banners.

Every change leaves a Change, which stays.
"""

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import F, Q
from django.utils.translation import gettext_lazy as _

from accounts.models import Region
from common.db import append_only

phone_number = RegexValidator(r"^\d{3}-\d{3}-\d{4}$", _("Write it like 866-278-9502."))


class Organisation(models.Model):
    """The plan itself, whatever a person's area: one row. A region's own data are on Region."""

    ONLY = 1

    public_line = models.CharField(_("public line"), max_length=12, validators=[phone_number])
    employee_line = models.CharField(_("employees' line"), max_length=12, validators=[phone_number])
    tty = models.CharField(_("TTY"), max_length=20)
    hours = models.CharField(_("hours"), max_length=120, blank=True)
    hours_es = models.CharField(_("hours in Spanish"), max_length=120, blank=True)
    address = models.TextField(_("mailing address"), help_text=_("One line each."))

    class Meta:
        verbose_name = _("organisation")
        verbose_name_plural = _("organisation")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="organisation_is_one_row")]

    def __str__(self) -> str:
        return "KPPay"


class SocialProfile(models.Model):
    """The plan's page on a social network."""

    network = models.CharField(_("network"), max_length=40, unique=True)
    name = models.CharField(_("name there"), max_length=80)
    url = models.URLField(_("address"))
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("social profile")
        verbose_name_plural = _("social profiles")
        ordering = ["position", "network"]

    def __str__(self) -> str:
        return self.network


class DeskHours(models.Model):
    """When people of a region are answered in the chat on a day of the week, on its own clock.

    Minutes since midnight: 480 is 8 a.m., 1440 the end of the day. Closed on a day without a row, and
    on bank holidays (common.calendar). Region.hours says the telephone's hours in words.
    """

    class Weekday(models.IntegerChoices):
        MONDAY = 0, _("Monday")
        TUESDAY = 1, _("Tuesday")
        WEDNESDAY = 2, _("Wednesday")
        THURSDAY = 3, _("Thursday")
        FRIDAY = 4, _("Friday")
        SATURDAY = 5, _("Saturday")
        SUNDAY = 6, _("Sunday")

    region = models.ForeignKey(Region, on_delete=models.CASCADE, related_name="desk_hours")
    weekday = models.PositiveSmallIntegerField(_("day"), choices=Weekday.choices)
    opens = models.PositiveSmallIntegerField(_("opens, minutes since midnight"))
    closes = models.PositiveSmallIntegerField(_("closes, minutes since midnight"))

    class Meta:
        verbose_name = _("chat hours of a day")
        verbose_name_plural = _("chat hours")
        ordering = ["region", "weekday"]
        constraints = [
            models.UniqueConstraint(fields=["region", "weekday"], name="desk_hours_once_a_day"),
            models.CheckConstraint(
                condition=Q(weekday__lte=6) & Q(opens__lt=F("closes")) & Q(closes__lte=1440),
                name="desk_hours_within_a_day",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.region}, {self.get_weekday_display()}"


class Banner(models.Model):
    """A word to everybody, or to those whom it concerns, while something is not as usual."""

    class Kind(models.TextChoices):
        INFO = "info", _("Information")
        WARN = "warn", _("Warning")  # something is slower or other than usual
        BAD = "bad", _("Disturbance")  # something does not work

    class Audience(models.TextChoices):
        EVERYONE = "everyone", _("Everyone")
        MEMBERS = "members", _("Whoever is logged in")
        REGION = "region", _("Members of a region")
        BANK = "bank", _("Who pays from a bank account")  # has one saved, or a debit on its way
        AUTOPAY = "autopay", _("Who has autopay")

    text = models.CharField(_("text"), max_length=240)
    text_es = models.CharField(_("text in Spanish"), max_length=240)
    kind = models.CharField(_("kind"), max_length=4, choices=Kind.choices, default=Kind.INFO)
    audience = models.CharField(
        _("for"), max_length=10, choices=Audience.choices, default=Audience.EVERYONE
    )
    region = models.ForeignKey(Region, on_delete=models.CASCADE, null=True, blank=True)
    starts_at = models.DateTimeField(_("from"))
    ends_at = models.DateTimeField(_("until"))

    class Meta:
        verbose_name = _("banner")
        verbose_name_plural = _("banners")
        ordering = ["-starts_at", "-pk"]
        constraints = [
            models.CheckConstraint(
                condition=Q(starts_at__lt=F("ends_at")), name="banner_ends_after_it_starts"
            ),
            models.CheckConstraint(
                condition=Q(audience="region", region__isnull=False)
                | (~Q(audience="region") & Q(region__isnull=True)),
                name="banner_of_a_region_names_it",
            ),
        ]

    def __str__(self) -> str:
        return self.text


class Change(models.Model):
    """Who changed what people read here: one field, before and after."""

    append_only = True

    at = models.DateTimeField(_("at"), auto_now_add=True)
    by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    record = models.CharField(_("record"), max_length=120)
    field = models.CharField(_("field"), max_length=60)
    before = models.TextField(_("before"), blank=True)
    after = models.TextField(_("after"), blank=True)

    class Meta:
        verbose_name = _("change")
        verbose_name_plural = _("changes")
        ordering = ["-pk"]
        triggers = append_only("support_change")

    def __str__(self) -> str:
        return f"{self.record}: {self.field}"
