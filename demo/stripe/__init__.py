"""A small, honest Stripe for the demo and the tests: its own process, its own book.

It simulates the part of Stripe's API that the portal uses, moves no money and accepts published
test numbers only. `python -m demo.stripe --help` runs it; `demo.stripe.core.Sandbox` is the same
thing without sockets.
"""

API_VERSION = "2026-10-28.endive"  # the version of the SDK this sandbox is checked against
