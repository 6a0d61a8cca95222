"""Why a payment does not start. Each has its sentence for people in payments.forms."""


class CannotPay(Exception):
    """Base: nothing was charged, nothing was changed."""


class BillNotPayable(CannotPay):
    """The bill is paid or canceled, or less is owed than was to be paid."""


class BillBusy(CannotPay):
    """Another payment of this bill has not ended yet."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference


class NotReviewed(CannotPay):
    """Confirmed without a method chosen, or with another one than the page showed."""


class AmountOutOfRange(CannotPay):
    """Less than Stripe charges at all, or more than it charges at once."""

    def __init__(self, charge_cents: int) -> None:
        super().__init__(charge_cents)
        self.charge_cents = charge_cents


class MixedBills(CannotPay):
    """Premiums and medical bills are paid separately."""


class BalanceTooLow(CannotPay):
    """The account balance, without what is held, is less than was to be used."""


class MethodNotUsable(CannotPay):
    """The saved method was removed or blocked, has expired, waits, or is somebody else's."""


class MethodInFlight(Exception):
    """A saved method cannot be removed while a payment with it has not ended."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference
