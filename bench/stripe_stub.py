"""The Stripe sandbox in a process of its own, as far away as Stripe: every answer takes a while.

python -m bench.stripe_stub STORE LATENCY_SECONDS      prints its address
"""

import sys
import time
from pathlib import Path
from typing import Any

from demo.stripe.core import Sandbox
from demo.stripe.exchange import Response
from demo.stripe.server import SandboxServer


class DistantSandbox(Sandbox):
    """Answers as late as a real one."""

    latency_seconds: float

    def handle(self, *args: Any, **kwargs: Any) -> Response:
        time.sleep(self.latency_seconds)
        return super().handle(*args, **kwargs)


def main(store: str, latency: str) -> None:
    sandbox = DistantSandbox(Path(store), deliver=lambda url, body, headers: 200)
    sandbox.latency_seconds = float(latency)
    with SandboxServer(sandbox) as server:
        print(server.url, flush=True)
        sys.stdin.read()  # until whoever started us closes it


if __name__ == "__main__":
    main(*sys.argv[1:])
