"""Conversations, files and banners in tests, put in through the services."""

import datetime as dt
import io

from PIL import Image

from accounts.models import User
from accounts.roles import Role
from billing.models import BillingAccount
from common.clock import now
from payments.models import Payment
from support.models import Banner, ChatFile, Conversation
from support.services import chat, records, unsubscribing
from support.services.attachments import look_into
from tests.support.factories import make_region, make_staff

# What a guest fills in to start.
GUEST = {
    "name": "Gia Guest",
    "email": "gia@example.com",
    "region": "HI",
    "subject": "A letter",
    "text": "I got a letter",
}


def make_conversation(
    account: BillingAccount | None,
    text: str = "My bill is wrong",
    *,
    subject: str = "A bill",
    payment: Payment | None = None,
    email: str = "gia@example.com",
    at: dt.datetime | None = None,
) -> Conversation:
    """One that waits; a guest's where there is no account."""
    if account is None:
        return chat.open_by_guest(
            name="Gia Guest",
            email=email,
            region=make_region(),
            subject=subject,
            text=text,
            language="en",
            at=at or now(),
        )
    return chat.open_by_user(
        user=account.guarantor.user,
        account=account,
        region=account.region,
        subject=subject,
        text=text,
        language="en",
        payment=payment,
        at=at or now(),
    )


def picture(kind: str = "PNG", size: tuple[int, int] = (8, 8)) -> bytes:
    """A real one."""
    out = io.BytesIO()
    Image.new("RGB", size, "red").save(out, kind)
    return out.getvalue()


def attach(conversation: Conversation, name: str = "photo.png") -> ChatFile:
    """A picture that the person sent."""
    message = chat.write_as_person(
        conversation=conversation,
        text="",
        file=look_into(name=name, content=picture()),
        at=now(),
    )
    return message.file


def make_banner(*, by: User | None = None, **fields: object) -> Banner:
    """One for everybody that runs now, unless `fields` say otherwise."""
    at = now()
    given = {
        "text": "Bank transfers take longer",
        "text_es": "Las transferencias tardan",
        "starts_at": at - dt.timedelta(hours=1),
        "ends_at": at + dt.timedelta(hours=1),
        **fields,
    }
    return records.save(record=Banner(**given), by=by or make_staff(Role.SUPERVISOR))


def stop_token(account: BillingAccount) -> str:
    """What the link that ends reminders ends in."""
    return unsubscribing.path(account.guarantor.user).split("/")[-2]


def texts(conversation: Conversation) -> list[str]:
    """What was said, in order."""
    return list(conversation.messages.order_by("pk").values_list("text", flat=True))


def answer(conversation: Conversation, agent: User, text: str = "We look into it", **at: float) -> None:
    """Somebody of ours answers; `at` is so much later than now."""
    chat.write_as_staff(conversation=conversation, by=agent, text=text, at=now() + dt.timedelta(**at))
