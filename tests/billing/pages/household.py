import datetime as dt
from dataclasses import dataclass

from django.test import Client
from django.urls import reverse

from accounts.models import Member
from billing.models import BillingAccount, Invoice

TODAY = dt.date(2026, 11, 21)
HOME = "/billing/"
LIST = "/billing/bills/"


@dataclass
class Household:
    """Ada answers for Ben and Cleo."""

    account: BillingAccount
    ada: Member
    ben: Member
    cleo: Member
    client: Client


def detail(invoice: Invoice) -> str:
    """The address of a bill's page."""
    return reverse("billing:detail", args=[invoice.pk])
