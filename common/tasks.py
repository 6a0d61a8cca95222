from celery import shared_task
from post_office import mail


@shared_task
def deliver_mail() -> None:
    """Send what waits in the outbox. Rows are locked by post_office, so two runs do not send twice."""
    mail.send_queued_mail_until_done()
