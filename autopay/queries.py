"""What pages and other apps read of autopay."""

from payments.models import PaymentMethod


def uses_of(method: PaymentMethod) -> list[str]:
    return []
