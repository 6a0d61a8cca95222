"""The Stripe accounts that keys exist for, each with the regions that use it."""

from dataclasses import dataclass

from django.db.models import QuerySet

from accounts.models import Region
from payments import gateway
from payments.models import Payment


@dataclass(frozen=True, slots=True)
class StripeAccount:
    """One account at Stripe, by the name of its keys; several regions may share it."""

    name: str
    regions: tuple[Region, ...]

    @property
    def home(self) -> Region:
        """Whose books take what belongs to no payment: a payout, a monthly fee."""
        return self.regions[0]

    @property
    def region_ids(self) -> list[int]:
        return [region.pk for region in self.regions]

    def payments(self) -> QuerySet[Payment]:
        """Those that this account was, or should have been, asked for."""
        return Payment.objects.filter(region__in=self.region_ids)


def configured_accounts() -> list[StripeAccount]:
    """Every account with keys in this environment, in the regions' order."""
    names = dict.fromkeys(
        gateway.key_name(name) for name in Region.objects.values_list("stripe_account", flat=True)
    )
    return [
        StripeAccount(name, tuple(gateway.regions(name))) for name in names if gateway.has_keys(name)
    ]
