"""Named places where a test may stop the process or raise, inert everywhere else.

Tests set KPPAY_FAILPOINTS="payments.after_create=kill" for a child process, or `active` in their own.
"""

import os
import signal
from typing import Literal

Act = Literal["kill", "raise"]


class FailpointReached(BaseException):
    """Raised at a failpoint; not an Exception, so that no handler can swallow it."""


def _from_environment() -> dict[str, Act]:
    pairs = (pair.partition("=") for pair in os.environ.get("KPPAY_FAILPOINTS", "").split(","))
    return {name: "kill" if act == "kill" else "raise" for name, _, act in pairs if name}


active: dict[str, Act] = _from_environment()


def failpoint(name: str) -> None:
    """Do what the test asked for at this line; nothing where none asked."""
    if not active:
        return
    act = active.get(name)
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    if act == "raise":
        raise FailpointReached(name)
