from celery import shared_task

from billing.services import sealing


@shared_task
def seal_ledger() -> None:
    """Seal what is complete; harmless when run twice."""
    sealing.seal_ledger()
