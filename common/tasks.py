from celery import shared_task
from post_office import mail

from common.clock import check_clock
from common.locks import advisory_lock
from common.smtp import end_refused


@shared_task
def deliver_mail() -> None:
    """Send what waits in the outbox, one sender at a time on any number of machines.

    Batches are small (POST_OFFICE["BATCH_SIZE"]): a sender that dies has not yet noted what it sent
    in the batch, and only that is sent again. A sender whose clock is off leaves it to the others: when
    a notice was delivered decides when money may be drawn.
    """
    check_clock()
    with advisory_lock("deliver_mail") as mine:
        while mine and mail.get_queued().exists():
            mail.send_queued()
        if mine:
            end_refused()
