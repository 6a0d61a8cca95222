"""Celery wakes workers; the database is the queue.

Every task takes ids, claims its rows in PostgreSQL and is harmless when run twice, so Redis may be
lost at any moment without losing work: beat's sweeps find it again.
"""

import os
from typing import Any

import structlog
from celery import Celery, Task
from celery.signals import worker_ready

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "kppay.settings.demo")


class BackgroundTask(Task):
    """Nobody waits for a worker: what it asks of Stripe keeps to our rate (payments.ratelimit)."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        from payments import gateway  # models are ready only when tasks run

        with gateway.background():
            return super().__call__(*args, **kwargs)


app = Celery("kppay", task_cls=BackgroundTask)
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@worker_ready.connect
def warm_up(**_: Any) -> None:
    """Load the PDF engine before the first receipt waits for it."""
    from billing import pdf

    try:
        pdf.warm()
    except pdf.PdfUnavailable as error:  # receipts wait; everything else goes on
        structlog.get_logger(__name__).error("pdf.unavailable", error=str(error))
