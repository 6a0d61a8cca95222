"""How often cards were tried: on one intent, and by guests on one account.

Whoever has the client secret of an intent confirms it at Stripe without passing through us. Stripe
tells us of each refusal by webhook, and the inbox keeps each event once; here they are counted. Where
webhooks are late, what is not known counts as if it had been tried.
"""

import datetime as dt

from django.db.models import Count, Exists, OuterRef

from billing.models import BillingAccount
from payments.models import CAME_TO_NOTHING, IN_FLIGHT, Payment, PaymentEvent, State, WebhookEvent

REFUSED = "payment_intent.payment_failed"
# After so many refusals an intent is canceled, whatever it waits for.
MOST_ON_AN_INTENT = 5
# So many attempts by guests on one account may reach Stripe within DAY.
MOST_BY_GUESTS = 20
DAY = dt.timedelta(days=1)


def is_card_testing(payment: Payment) -> bool:
    """Whether we heard of more refused cards on the payment's intent than any payer has."""
    refused = WebhookEvent.objects.filter(type=REFUSED, object_id=payment.intent_id or "")
    return refused.count() >= MOST_ON_AN_INTENT


def by_guests(account: BillingAccount, *, at: dt.datetime) -> int:
    """Attempts of guests on an account's bills that have, or may have, reached Stripe within a day."""
    waited = PaymentEvent.objects.filter(payment=OuterRef("pk"), to_state=State.REQUIRES_ACTION)
    sent = list(
        Payment.objects.filter(account=account, payer=Payment.Payer.GUEST, created_at__gt=at - DAY)
        .annotate(secret_was_out=Exists(waited))
        .values_list("intent_id", "state", "secret_was_out")
    )
    refused = dict(
        WebhookEvent.objects.filter(type=REFUSED, object_id__in=[key for key, *_ in sent if key])
        .values_list("object_id")
        .annotate(count=Count("pk"))
    )
    return sum(
        _counts_as(state, refused=refused.get(key or "", 0), secret_was_out=secret_was_out)
        for key, state, secret_was_out in sent
    )


def _counts_as(state: str, *, refused: int, secret_was_out: bool) -> int:
    """What was tried on one intent, or may be tried before we hear of it.

    Where the browser had the client secret, and the payment did not settle, more may have been tried
    than Stripe has told us so far.
    """
    last = 0 if state in CAME_TO_NOTHING and refused else 1  # the one that is no refusal
    may_hide_some = state in IN_FLIGHT or (
        secret_was_out and state in (*CAME_TO_NOTHING, State.PROCESSING)
    )
    return max(refused + last, MOST_ON_AN_INTENT if may_hide_some else 0)


def may_start(account: BillingAccount, *, at: dt.datetime) -> bool:
    """Whether a guest's payment more keeps within the limit even if its intent is tried to the end."""
    return by_guests(account, at=at) + MOST_ON_AN_INTENT <= MOST_BY_GUESTS
