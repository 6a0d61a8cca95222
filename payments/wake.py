"""Waking a worker for a row that was just committed.

The database is the queue: a wake-up that nobody hears loses nothing, because beat's sweeps find the
row. Tasks call services; services name the task they want, so that imports point one way.
"""

import structlog
from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)


def wake(task: str, key: int) -> None:
    """After the commit, ask a worker to run payments.tasks.`task` for one row."""
    transaction.on_commit(lambda: _send(task, key), robust=True)


def _send(task: str, key: int) -> None:
    try:
        current_app.tasks[f"payments.tasks.{task}"].delay(key)
    except OperationalError:
        log.warning("wake.no_worker", task=task)
