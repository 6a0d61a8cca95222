"""What goes back of a payment comes from its parts in proportion: exact, never more than is left."""

from fractions import Fraction
from unittest import mock

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from common.money import split_cents
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund
from payments.services import refunds, reversal
from payments.services.reversal import NothingLeft, PartKey
from tests.support import paying
from tests.support.factories import make_account, make_invoice

Parts = dict[PartKey, int]
CENTS = st.integers(1, 9) | st.integers(1, 1_000_000)


@st.composite
def left_of_a_payment(draw: st.DrawFn) -> Parts:
    """What is left of its bills, in their order, and perhaps of what was added to the balance."""
    keys: list[PartKey] = list(range(1, draw(st.integers(0, 8)) + 1))
    if not keys or draw(st.booleans()):
        keys.append(None)
    return {key: draw(CENTS) for key in keys}


def split(left: Parts, amount_cents: int) -> Parts:
    """As of a payment of which that much is left."""
    with mock.patch.object(reversal, "remaining", return_value=left):
        return reversal.split(Payment(reference="KP-1"), amount_cents)


def by_the_rule(total: int, weights: list[int]) -> list[int]:
    """Each its share rounded down; the odd cents one each to the largest remainders, the earlier part
    first. With fractions, as one would on paper.
    """
    exact = [Fraction(total * weight, sum(weights)) for weight in weights]
    whole = [int(share) for share in exact]
    odd = total - sum(whole)
    first = sorted(range(len(weights)), key=lambda i: (whole[i] - exact[i], i))[:odd]
    return [cents + (i in first) for i, cents in enumerate(whole)]


def check_parts(left: Parts, amount_cents: int, parts: Parts) -> None:
    assert sum(parts.values()) == amount_cents
    assert all(0 < cents <= left[key] for key, cents in parts.items())
    ruled = by_the_rule(amount_cents, list(left.values()))
    assert parts == {key: cents for key, cents in zip(left, ruled, strict=True) if cents}


@given(st.integers(0, 10**9), st.lists(st.integers(0, 10**6), min_size=1, max_size=12).filter(sum))
def test_cents_are_split_by_the_rule_and_no_part_is_negative(total: int, weights: list[int]) -> None:
    parts = split_cents(total, weights)
    assert parts == by_the_rule(total, weights)
    assert min(parts) >= 0
    if total <= sum(weights):  # something is taken from what is there
        assert all(part <= weight for part, weight in zip(parts, weights, strict=True))


@given(left_of_a_payment(), st.data())
def test_an_amount_is_taken_from_all_parts_and_from_none_more_than_it_has(
    left: Parts, data: st.DataObject
) -> None:
    amount = data.draw(st.integers(1, sum(left.values())))
    check_parts(left, amount, split(left, amount))


@given(left_of_a_payment(), st.integers(1, 100))
def test_nothing_and_more_than_is_left_is_refused(left: Parts, more: int) -> None:
    for amount in (0, -more, sum(left.values()) + more):
        with pytest.raises(NothingLeft):
            split(left, amount)


@given(left_of_a_payment(), st.data())
def test_part_after_part_nothing_is_left_over_and_nothing_is_taken_twice(
    left: Parts, data: st.DataObject
) -> None:
    taken = dict.fromkeys(left, 0)
    had, rest = dict(left), dict(left)
    for _ in range(6):
        if rest:
            amount = data.draw(st.integers(1, sum(rest.values())))
            parts = split(rest, amount)
            check_parts(rest, amount, parts)
            taken = {key: cents + parts.get(key, 0) for key, cents in taken.items()}
            rest = {key: had[key] - cents for key, cents in taken.items() if had[key] > cents}
    if rest:
        last = split(rest, sum(rest.values()))
        assert last == rest
        taken = {key: cents + last.get(key, 0) for key, cents in taken.items()}
    assert taken == had


@pytest.mark.django_db(transaction=True)
@given(
    st.lists(st.integers(50, 200_00), min_size=1, max_size=4),
    st.lists(st.floats(0, 1), min_size=2, max_size=4),
)
@settings(max_examples=6, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_refunds_one_after_another_reopen_each_bill_by_what_the_books_say(
    sandbox: Sandbox, bills: list[int], shares: list[float]
) -> None:
    account = make_account()
    invoices = [make_invoice(account=account, total_cents=cents) for cents in bills]
    payment = paying.pay_many(sandbox, {bill: bill.open_cents for bill in invoices})
    for share in shares:
        left = reversal.remaining(payment)
        amount = max(1, int(sum(left.values()) * share))
        if not left:
            break
        before = [paying.owed(account), sum(left.values())]
        made = refunds.request(
            payment=payment,
            amount_cents=amount,
            destination=Refund.Destination.BALANCE,
            reason="Duplicate visit",
            requested_by=None,
        )
        check_parts(left, amount, dict(made.parts.values_list("allocation_id", "amount_cents")))
        payment.refresh_from_db()
        after = [paying.owed(account), sum(reversal.remaining(payment).values())]
        assert after == [before[0] + amount, before[1] - amount]
    for invoice in invoices:
        invoice.refresh_from_db()
        assert 0 <= invoice.open_cents <= invoice.total_cents
    paying.assert_invariants(sandbox)
