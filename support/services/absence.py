"""A mail when an answer comes while the person is away: the way back and nothing of what was said.

Whoever has the conversation's page open reads every answer within seconds; what stays unread longer
came while the person was away. One mail for each absence, which ends when the person comes back.
"""

import datetime as dt

from django.db import transaction

from common.batches import for_each
from common.locks import lock
from support import emails
from support.models import Conversation

# Longer than a page takes to fetch an answer, and its person to come back from another tab.
AWAY_AFTER = dt.timedelta(seconds=20)
BATCH = 500


def mail_the_absent(*, at: dt.datetime) -> int:
    """Mail everybody who has an unread answer and was not mailed in this absence; returns how many."""
    due = Conversation.objects.filter(unread_since__lte=at - AWAY_AFTER, mailed_at=None)
    keys = list(due.order_by("unread_since").values_list("pk", flat=True)[:BATCH])
    return for_each(keys, lambda key: _mail(key, at), failing="answers that could not be mailed")


@transaction.atomic
def _mail(key: int, at: dt.datetime) -> bool:
    due = Conversation.objects.filter(
        pk=key, unread_since__lte=at - AWAY_AFTER, mailed_at=None
    ).select_related("user")
    for conversation in lock(due):
        emails.answer_waits(conversation=conversation, at=at)
        conversation.mailed_at = at
        conversation.save(update_fields=["mailed_at"])
        return True
    return False
