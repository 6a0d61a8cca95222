"""What a thousand open chats cost while nothing is said. Run by `make bench-chat`.

Each open page asks every few seconds whether something is new; nearly always nothing is. Measured is
that request, whole, through the middleware, with the CPU time of Python, PostgreSQL and Redis, beside
what a stream of server-sent events would do instead as often: the bare query, and a thread that waits
for each open page. docs/decisions/0021-chat-by-polling.md draws the conclusion.
"""

import argparse
import logging
import threading
from pathlib import Path
from typing import Any

from bench.charge import Cost, measure
from bench.world import World, world

EVERY_SECONDS = 3
WARM_UP = 50
STREAMS = 1_000


def arrange(people: int) -> list[tuple[Any, str]]:
    """So many members, each with an open conversation: a logged-in browser and what its page asks."""
    from django.conf import settings
    from django.test import Client
    from django.urls import reverse

    from tests.support.chat import make_conversation
    from tests.support.factories import make_account

    settings.ALLOWED_HOSTS = ["*"]
    pages = []
    for _ in range(people):
        account = make_account()
        conversation, client = make_conversation(account), Client()
        client.force_login(account.guarantor.user)
        poll = reverse("chat:new_messages", args=[conversation.pk])
        after = conversation.last_message_id
        pages.append((client, f"{poll}?seen={conversation.version}&after={after}"))
    return pages


def run(world: World, polls: int, people: int) -> None:
    import django

    django.setup()
    logging.disable(logging.WARNING)
    from support.models import Conversation

    pages = arrange(people)
    keys = list(Conversation.objects.values_list("pk", flat=True))

    def poll(number: int) -> None:
        client, url = pages[number % people]
        answer = client.get(url, headers={"X-Poll": "1"})
        assert answer.status_code == 204, answer.status_code

    def query(number: int) -> None:
        theirs = Conversation.objects.filter(pk=keys[number % people])
        assert theirs.values_list("last_message_id", "state", "assigned_to_id").first()

    measure(world, poll, range(WARM_UP), 1)
    measure(world, query, range(WARM_UP), 1)
    report(measure(world, poll, range(polls), 1), measure(world, query, range(polls), 1))


def report(poll: Cost, query: Cost) -> None:
    per_second = 1_000 / EVERY_SECONDS
    print(f"\n{'CPU ms each':<34}{'Python':>9}{'Postgres':>10}{'Redis':>8}{'total':>8}{'cores*':>8}")
    for name, cost in (("a page asks, nothing is new", poll), ("the bare query of a stream", query)):
        cores = cost.total * per_second / 1000
        print(
            f"{name:<34}{cost.python:>9.2f}{cost.postgres:>10.2f}{cost.redis:>8.2f}"
            f"{cost.total:>8.2f}{cores:>8.2f}"
        )
    print(f"* of 1,000 open pages that ask every {EVERY_SECONDS} s: {per_second:.0f} a second.")
    print(f"A thread that waits for each of {STREAMS} streams: {thread_kilobytes():.0f} KB each.")


def thread_kilobytes() -> float:
    """What an idle thread adds to the process's memory."""
    before, done = _resident_kb(), threading.Event()
    threads = [threading.Thread(target=done.wait) for _ in range(STREAMS)]
    for thread in threads:
        thread.start()
    grown = _resident_kb() - before
    done.set()
    for thread in threads:
        thread.join()
    return grown / STREAMS


def _resident_kb() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS"))


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m bench.chat", description=__doc__)
    parser.add_argument("--polls", type=int, default=1_000)
    parser.add_argument("--people", type=int, default=50)
    given = parser.parse_args()
    with world(latency_seconds=0) as made:
        run(made, given.polls, given.people)


if __name__ == "__main__":
    main()
