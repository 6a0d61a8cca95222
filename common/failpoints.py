"""Named places where a test may stop the process, raise or do something else, inert everywhere else.

Tests name them in `active`, in their own process or in a child.
"""

import os
import signal
from collections.abc import Callable
from typing import Literal

Act = Literal["kill", "raise"] | Callable[[], None]


class FailpointReached(BaseException):
    """Raised at a failpoint; not an Exception, so that no handler can swallow it."""


active: dict[str, Act] = {}


def failpoint(name: str) -> None:
    """Do what the test asked for at this line; nothing where none asked."""
    if not active:
        return
    act = active.get(name)
    if act == "kill":
        os.kill(os.getpid(), signal.SIGKILL)
    elif act == "raise":
        raise FailpointReached(name)
    elif act is not None:
        act()
