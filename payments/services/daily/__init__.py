"""Once a day, per Stripe account: copy Stripe's book, book fees and payouts, compare both ways.

The order is copying, healing (ask about what we should know by now), booking, comparing, and in the end
the balance: what our books call processor clearing is what Stripe holds for us. Every step is safe to
repeat; nothing here charges, refunds or changes what anybody owes.
"""

from payments.services.daily.accounts import StripeAccount, configured_accounts
from payments.services.daily.differences import Found
from payments.services.daily.report import Figure, Report
from payments.services.daily.running import AlreadyRunning, NotYet, catch_up, due_days, reconcile_day

__all__ = [
    "AlreadyRunning",
    "Figure",
    "Found",
    "NotYet",
    "Report",
    "StripeAccount",
    "catch_up",
    "configured_accounts",
    "due_days",
    "reconcile_day",
]
