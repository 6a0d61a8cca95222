"""Stripe's search language, as far as the portal speaks it: clauses joined by AND.

`metadata['payment']:'p_1' AND status:'succeeded' AND created>1700000000`
(docs.stripe.com/search#search-query-language)
"""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Iterable
from typing import Any

from demo.stripe.errors import invalid
from demo.stripe.store import Object

FIELDS = frozenset(["amount", "created", "currency", "customer", "status"])
_CLAUSE = re.compile(
    r"""\s*(?P<field>[a-z_]+)(?:\[(?P<q>['"])(?P<key>.+?)(?P=q)\])?\s*
        (?P<op>:|>=|<=|>|<)\s*
        (?:(?P<q2>['"])(?P<text>(?:(?!(?P=q2)).)*)(?P=q2)|(?P<number>\d+))\s*(?:(?P<and>AND)\b|$)""",
    re.VERBOSE,
)
_COMPARE: dict[str, Callable[[Any, Any], bool]] = {
    ":": operator.eq,
    ">": operator.gt,
    "<": operator.lt,
    ">=": operator.ge,
    "<=": operator.le,
}
Test = Callable[[Object], bool]


def matches(objects: Iterable[Object], query: str) -> list[Object]:
    """Objects that satisfy every clause. Raises ApiError (400) for a query it cannot read."""
    tests = _read(query)
    return [obj for obj in objects if all(test(obj) for test in tests)]


def _read(query: str) -> list[Test]:
    tests: list[Test] = []
    position, more = 0, True
    while more:
        clause = _CLAUSE.match(query, position)
        if clause is None:
            raise invalid(
                f"We were unable to parse your search query: {query[position : position + 80]}",
                param="query",
            )
        tests.append(_test(clause))
        position, more = clause.end(), clause["and"] is not None
    return tests


def _test(clause: re.Match[str]) -> Test:
    field, key = clause["field"], clause["key"]
    compare = _COMPARE[clause["op"]]
    if field == "metadata" and key is not None:
        return lambda obj: key in obj["metadata"] and compare(obj["metadata"][key], clause["text"])
    if field not in FIELDS or key is not None:
        raise invalid(f"Field `{field}` is an unsupported search field.", param="query")
    number = field in ("amount", "created")
    wanted = int(clause["number"] or clause["text"] or "0") if number else clause["text"]
    return lambda obj: obj[field] is not None and compare(obj[field], wanted)
