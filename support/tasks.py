"""What workers are woken for. Each task finds its work in the database and may run twice."""

from celery import shared_task

from common.clock import now
from support.services import absence, reminding


@shared_task
def mail_the_absent() -> None:
    """Mail those who have an answer in the chat that they have not read."""
    absence.mail_the_absent(at=now())


@shared_task
def remind() -> None:
    """Queue the reminders that are due by each region's calendar."""
    reminding.remind(as_of=now())
