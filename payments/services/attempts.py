"""How often cards were tried: on one intent, and by guests on one account.

Whoever has the client secret of an intent confirms it at Stripe without passing through us. Stripe
tells us of each refusal by webhook, and the inbox keeps each event once; here they are counted.
"""

import datetime as dt

from django.db.models import Count

from billing.models import BillingAccount
from payments.models import Payment, WebhookEvent

REFUSED = "payment_intent.payment_failed"
# After so many refusals an intent is canceled, whatever it waits for.
MOST_ON_AN_INTENT = 5
# So many attempts by guests on one account may reach Stripe within DAY.
MOST_BY_GUESTS = 20
DAY = dt.timedelta(days=1)


def is_card_testing(payment: Payment) -> bool:
    """Whether more cards were refused on the payment's intent than any payer has."""
    refused = WebhookEvent.objects.filter(type=REFUSED, object_id=payment.intent_id or "")
    return refused.count() >= MOST_ON_AN_INTENT


def by_guests(account: BillingAccount, *, at: dt.datetime) -> int:
    """Attempts of guests on an account's bills that may have reached Stripe within the last day.

    Each payment is one, or as many as Stripe refused on its intent.
    """
    sent = Payment.objects.filter(
        account=account, payer=Payment.Payer.GUEST, created_at__gt=at - DAY
    ).values_list("intent_id", flat=True)
    intents = list(sent)
    refused = dict(
        WebhookEvent.objects.filter(type=REFUSED, object_id__in=[key for key in intents if key])
        .values_list("object_id")
        .annotate(count=Count("pk"))
    )
    return sum(max(1, refused.get(key or "", 0)) for key in intents)


def may_start(account: BillingAccount, *, at: dt.datetime) -> bool:
    """Whether a guest's payment more keeps within the limit even if its intent is tried to the end."""
    return by_guests(account, at=at) + MOST_ON_AN_INTENT <= MOST_BY_GUESTS
