"""Whether payments agree with the books and with what is set aside on bills."""

from collections.abc import Callable, Iterator

from billing.services.verification import CHECKS as BOOK_CHECKS
from billing.services.verification import differing_rows
from payments.models import RESERVING, SETTLED

_RESERVING_SQL = ", ".join(f"'{state.value}'" for state in RESERVING)
_SETTLED_SQL = ", ".join(f"'{state.value}'" for state in SETTLED)


def reservations_off() -> Iterator[str]:
    """Bills whose amount on its way is not the sum of the payments that are on their way."""
    return differing_rows(
        f"""
        SELECT i.id, i.reserved_cents, coalesce(a.total, 0)
        FROM billing_invoice i LEFT JOIN (
            SELECT a.invoice_id, sum(a.amount_cents) AS total
            FROM payments_allocation a JOIN payments_payment p ON p.id = a.payment_id
            WHERE p.state IN ({_RESERVING_SQL}) GROUP BY a.invoice_id
        ) a ON a.invoice_id = i.id
        WHERE i.reserved_cents <> coalesce(a.total, 0)
        """,  # noqa: S608
        "bill {} sets {} cents aside, payments on their way cover {}",
    )


def holds_off() -> Iterator[str]:
    """Accounts whose held balance is not what the payments on their way will use."""
    return differing_rows(
        f"""
        SELECT a.id, a.held_cents, coalesce(p.total, 0)
        FROM billing_billingaccount a LEFT JOIN (
            SELECT account_id, sum(from_balance_cents) AS total FROM payments_payment
            WHERE state IN ({_RESERVING_SQL}) GROUP BY account_id
        ) p ON p.account_id = a.id
        WHERE a.held_cents <> coalesce(p.total, 0)
        """,  # noqa: S608
        "account {} holds {} cents, payments on their way will use {}",
    )


def settled_but_not_posted() -> Iterator[str]:
    """Payments that succeeded without an entry of their amount, and entries without such a payment."""
    return differing_rows(
        f"""
        SELECT coalesce(p.id::text, e.source_id), coalesce(p.amount_cents, 0), coalesce(e.total, 0)
        FROM (SELECT * FROM payments_payment WHERE state IN ({_SETTLED_SQL})) p
        FULL JOIN (
            SELECT e.source_id, sum(l.amount_cents) AS total
            FROM billing_journalentry e JOIN billing_journalline l ON l.entry_id = e.id
            WHERE e.kind = 'payment_settled' AND l.amount_cents > 0 GROUP BY e.source_id
        ) e ON e.source_id = p.id::text
        WHERE p.amount_cents IS DISTINCT FROM e.total
        """,  # noqa: S608
        "payment {} of {} cents is in the books with {}",
    )


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    **BOOK_CHECKS,
    "amounts on their way agree with payments": reservations_off,
    "held balances agree with payments": holds_off,
    "settled payments are in the books": settled_but_not_posted,
}
