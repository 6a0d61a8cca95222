"""Why autopay does not do what it was asked for. Nothing has changed then."""

import datetime as dt


class AutopayError(Exception):
    """Base: nothing was changed, nothing was drawn."""


class AlreadyEnrolled(AutopayError):
    """The account has an enrollment for these bills that has not been canceled."""


class NotEnrolled(AutopayError):
    """The enrollment was canceled, or is in a state that allows no such thing."""


class NotAgreed(AutopayError):
    """What was agreed to is not what would be stored: the choice changed after the page was shown."""


class BadChoice(AutopayError):
    """A day that no month has, a limit that is not above zero, a start in the past."""

    def __init__(self, field: str) -> None:
        super().__init__(field)
        self.field = field  # "day_of_month", "limit_cents", "starts_on"


class NoAddress(AutopayError):
    """Nobody has an e-mail address to which notices could go."""


class AlreadySent(AutopayError):
    """The draw has been submitted, or has ended: it can no longer be skipped."""

    def __init__(self, reference: str) -> None:
        super().__init__(reference)
        self.reference = reference  # of its payment; empty where it ended without one


class FutureRun(AutopayError):
    """A run for a day that has not come yet."""


class ClockSetBack(AutopayError):
    """A later day was already run: this machine's clock, or an operator, is behind."""

    def __init__(self, last_run: dt.date) -> None:
        super().__init__(last_run.isoformat())
        self.last_run = last_run


class NotAllowed(AutopayError):
    """Only a supervisor decides about a held run."""


class NotHeld(AutopayError):
    """The run does not wait for a decision."""


class NoReason(AutopayError):
    """A decision without a reason."""
