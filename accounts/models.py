"""Regions, the people who log in, and the members whom the billing feed knows."""

from typing import Any, ClassVar

from django.contrib.auth.base_user import AbstractBaseUser, BaseUserManager
from django.contrib.auth.models import PermissionsMixin
from django.db import models
from django.db.models import F
from django.db.models.functions import Collate, Lower, Upper
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from accounts.matching import COMPARABLE_MEMBER_NUMBER


class Region(models.Model):
    """A legal entity of the plan: its calendar, its telephone, its Stripe account."""

    code = models.SlugField(_("code"), max_length=8, unique=True)
    name = models.CharField(_("name"), max_length=60)
    time_zone = models.CharField(_("time zone"), max_length=40, help_text=_("IANA name"))
    phone = models.CharField(_("phone"), max_length=20)
    tty = models.CharField(_("TTY"), max_length=20, default="711")
    hours = models.CharField(_("hours"), max_length=120)
    hours_es = models.CharField(
        _("hours in Spanish"), max_length=120, blank=True, default="", db_default=""
    )
    mailing_address = models.TextField(_("mailing address"))
    legal_entity = models.CharField(_("legal entity"), max_length=120)
    stripe_account = models.SlugField(
        _("Stripe account"), max_length=20, help_text=_("Name of the keys in the settings")
    )
    position = models.PositiveSmallIntegerField(_("position"), default=0)

    class Meta:
        verbose_name = _("region")
        verbose_name_plural = _("regions")
        ordering = ["position", "name"]

    def __str__(self) -> str:
        return self.name

    @property
    def hours_read(self) -> str:
        """The hours in the reader's language, if staff have written them in it."""
        return self.hours_es if get_language() == "es" and self.hours_es else self.hours


class UserManager(BaseUserManager["User"]):
    """Users are known by their e-mail address, in lower case."""

    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=email.strip().lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str | None = None, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)

    def get_by_natural_key(self, username: str | None) -> "User":
        return self.get(email=(username or "").strip().lower())


class User(AbstractBaseUser, PermissionsMixin):
    """Someone who logs in: a member, or staff."""

    email = models.EmailField(_("e-mail address"), unique=True)
    first_name = models.CharField(_("first name"), max_length=80, blank=True)
    last_name = models.CharField(_("last name"), max_length=80, blank=True)
    is_staff = models.BooleanField(_("staff"), default=False)
    is_active = models.BooleanField(_("active"), default=True)
    language = models.CharField(_("language"), max_length=2, default="en")
    date_joined = models.DateTimeField(_("joined"), auto_now_add=True)

    USERNAME_FIELD = "email"
    EMAIL_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = []

    objects: ClassVar[UserManager] = UserManager()

    class Meta:
        verbose_name = _("user")
        verbose_name_plural = _("users")
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_unique_whatever_case"),
        ]

    def __str__(self) -> str:
        return self.email

    def get_full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    def get_short_name(self) -> str:
        return self.first_name


def display_name(user: User) -> str:
    """How allauth's pages and mails call a user."""
    return user.get_full_name() or user.email


class Member(models.Model):
    """A person whom the billing feed delivered: a guarantor, a patient, or both.

    `user` is set when the person has registered and confirmed an e-mail address; until then nobody
    sees anything of this record through the portal.
    """

    region = models.ForeignKey(Region, on_delete=models.PROTECT, related_name="members")
    member_number = models.CharField(_("member number"), max_length=20)
    first_name = models.CharField(_("first name"), max_length=80)
    last_name = models.CharField(_("last name"), max_length=80)
    date_of_birth = models.DateField(_("date of birth"))
    user = models.OneToOneField(
        User, on_delete=models.SET_NULL, null=True, blank=True, related_name="member"
    )
    registered_at = models.DateTimeField(_("registered"), null=True, blank=True)

    class Meta:
        verbose_name = _("member")
        verbose_name_plural = _("members")
        constraints = [
            models.UniqueConstraint(
                fields=["region", "member_number"], name="member_number_unique_in_region"
            ),
            models.CheckConstraint(
                condition=models.Q(user__isnull=True) | models.Q(registered_at__isnull=False),
                name="member_with_user_has_registered",
            ),
        ]
        indexes = [
            models.Index(F("region"), COMPARABLE_MEMBER_NUMBER, name="member_by_number_as_typed"),
            # Staff look in every region, and for the beginnings of names.
            models.Index(COMPARABLE_MEMBER_NUMBER, name="member_by_number_anywhere"),
            models.Index(
                Collate(Upper("last_name"), "C"),
                Collate(Upper("first_name"), "C"),
                name="member_by_last_name",
            ),
            models.Index(Collate(Upper("first_name"), "C"), name="member_by_first_name"),
        ]

    def __str__(self) -> str:
        return self.full_name

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}"


class Registration(models.Model):
    """A claim of a member record by a user whose e-mail address is not yet confirmed.

    Many may claim; the first who confirms by mail gets the record (accounts.services.registration).
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, related_name="registration")
    member = models.ForeignKey(Member, on_delete=models.CASCADE, related_name="registrations")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("registration")
        verbose_name_plural = _("registrations")


class UsedCode(models.Model):
    """The newest code of an authenticator app that let its owner in: neither it nor an older one
    does so again (accounts.services.second_steps).
    """

    user = models.OneToOneField(User, on_delete=models.CASCADE, primary_key=True, related_name="+")
    step = models.BigIntegerField()  # counts 30 seconds since 1970

    class Meta:
        verbose_name = "used code"
        verbose_name_plural = "used codes"

    def __str__(self) -> str:
        return str(self.step)
