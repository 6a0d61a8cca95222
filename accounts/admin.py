"""Regions, log-ins and members, to look at. Only a superuser edits a region's telephone and hours."""

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from allauth.usersessions.models import UserSession
from django.contrib import admin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from post_office.models import Attachment, Email, EmailTemplate, Log

from accounts.models import Member, Region, User
from common.admin import ReadOnlyAdmin

# Stored mails hold links that log people in; verified addresses, sessions and a role's permissions
# are moved by the portal and by migrations. None of them is staff's to read or to edit.
for model in (EmailAddress, Authenticator, UserSession, Group, Email, Log, EmailTemplate, Attachment):
    if admin.site.is_registered(model):
        admin.site.unregister(model)


@admin.register(Region)
class RegionAdmin(admin.ModelAdmin):
    list_display = ("name", "code", "phone", "time_zone", "stripe_account")
    readonly_fields = ("code", "stripe_account")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False

    def has_delete_permission(self, request: HttpRequest, obj: Region | None = None) -> bool:
        return False


@admin.register(User)
class UserAdmin(ReadOnlyAdmin):
    fields = (
        "email",
        "first_name",
        "last_name",
        "is_active",
        "is_staff",
        "is_superuser",
        "groups",
        "language",
        "last_login",
        "date_joined",
    )
    list_display = ("email", "first_name", "last_name", "is_staff", "is_active", "last_login")
    list_filter = ("is_staff", "is_active", "groups")
    search_fields = ("email", "first_name", "last_name")
    ordering = ("email",)


@admin.register(Member)
class MemberAdmin(ReadOnlyAdmin):
    fields = (
        "region",
        "member_number",
        "first_name",
        "last_name",
        "date_of_birth",
        "user",
        "registered_at",
    )
    list_display = ("member_number", "last_name", "first_name", "region", "registered_at")
    list_filter = ("region",)
    list_select_related = ("region",)
    search_fields = ("member_number", "last_name", "first_name", "user__email")
    ordering = ("last_name", "first_name")
