"""Guests' payments stop for a while when too many accounts see nothing but refused cards.

Stolen cards are tried out where no log-in is needed. Counted by account and not by attempt: whoever
hammers one bill is stopped by that account's own limit (payments.services.attempts) and closes the way
for nobody else. Read from our payments, so it closes and opens by itself, on every machine at once.
"""

import datetime as dt
from dataclasses import dataclass

import structlog
from django.contrib.postgres.aggregates import BoolAnd
from django.db.models import BooleanField, Exists, ExpressionWrapper, OuterRef, Q, QuerySet

from payments.models import CAME_TO_NOTHING, Payment, State, WebhookEvent
from payments.services.attempts import REFUSED

log = structlog.get_logger(__name__)

WINDOW = dt.timedelta(minutes=30)
# Fewer accounts than this tell nothing about a rate.
FEWEST_ACCOUNTS = 20
# Of so many in a hundred accounts every card was refused. On ordinary days it is about ten.
REFUSED_PERCENT = 60


@dataclass(frozen=True, slots=True)
class Count:
    """The accounts on which guests' payments ended lately, and on how many every card was refused."""

    accounts: int
    refused: int

    @property
    def is_too_many(self) -> bool:
        enough = self.accounts >= FEWEST_ACCOUNTS
        return enough and self.refused * 100 >= REFUSED_PERCENT * self.accounts


_TOLD = WebhookEvent.objects.filter(type=REFUSED, object_id=OuterRef("intent_id"))


def _since(moment: dt.datetime) -> QuerySet[Payment]:
    return Payment.objects.filter(payer=Payment.Payer.GUEST, created_at__gt=moment)


def refused_since(moment: dt.datetime) -> QuerySet[Payment]:
    """Guests' payments that came to nothing because a card was refused, for staff."""
    return _since(moment).filter(Q(state=State.FAILED) | Q(Exists(_TOLD), state=State.CANCELED))


def is_open(*, at: dt.datetime) -> bool:
    """Whether guests have to wait; raises alarm where they do."""
    count = counted(at=at)
    if count.is_too_many:
        log.error("guest.breaker_open", accounts=count.accounts, refused=count.refused)
    return count.is_too_many


def counted(*, at: dt.datetime) -> Count:
    """How guests' payments ended within WINDOW, in one query.

    A payment that was called off tells of no card, unless one was refused on it before: whoever tries
    cards cannot make an account look honest by leaving a bank's step.
    """
    refused = ExpressionWrapper(Q(state__in=CAME_TO_NOTHING), output_field=BooleanField())
    accounts = (
        _since(at - WINDOW)
        .filter(~Q(state=State.CANCELED) | Exists(_TOLD), ended_at__isnull=False)
        .values("account_id")
        .annotate(only_refused=BoolAnd(refused))
        .values_list("only_refused", flat=True)
    )
    outcomes = list(accounts)
    return Count(accounts=len(outcomes), refused=sum(outcomes))
