"""Whether the books hold: recomputed from the lines, set by set, in the database."""

from collections.abc import Callable, Iterator

from django.db import connection

from billing.services.sealing import broken_blocks

SHOWN = 20  # differences of one kind that are spelled out


def differing_rows(sql: str, sentence: str) -> Iterator[str]:
    """Run a query whose rows are differences; yields a sentence for each of the first SHOWN."""
    with connection.cursor() as cursor:
        cursor.execute(sql)
        for row in cursor.fetchmany(SHOWN):
            yield sentence.format(*row)


def unbalanced_entries() -> Iterator[str]:
    """Entries that do not sum to zero over two lines or more."""
    return differing_rows(
        """
        SELECT e.id, count(l.id), coalesce(sum(l.amount_cents), 0)
        FROM billing_journalentry e LEFT JOIN billing_journalline l ON l.entry_id = e.id
        GROUP BY e.id HAVING count(l.id) < 2 OR sum(l.amount_cents) <> 0
        """,
        "entry {} has {} lines that sum to {} cents",
    )


def invoices_off_the_books() -> Iterator[str]:
    """Bills whose open amount is not the sum of their receivable lines."""
    return differing_rows(
        """
        SELECT i.id, i.open_cents, coalesce(l.total, 0)
        FROM billing_invoice i LEFT JOIN (
            SELECT invoice_id, sum(amount_cents) AS total FROM billing_journalline
            WHERE ledger_account_id = 'receivable' GROUP BY invoice_id
        ) l ON l.invoice_id = i.id
        WHERE i.open_cents <> coalesce(l.total, 0)
        """,
        "bill {} says {} cents are owed, the books say {}",
    )


def invoices_off_their_lines() -> Iterator[str]:
    """Bills whose total is not the sum of their lines."""
    return differing_rows(
        """
        SELECT i.id, i.total_cents, coalesce(sum(l.patient_cents), 0)
        FROM billing_invoice i LEFT JOIN billing_invoiceline l ON l.invoice_id = i.id
        GROUP BY i.id HAVING i.total_cents <> coalesce(sum(l.patient_cents), 0)
        """,
        "bill {} totals {} cents, its lines sum to {}",
    )


def balances_off_the_books() -> Iterator[str]:
    """Accounts whose prepaid balance is not the sum of their liability lines."""
    return differing_rows(
        """
        SELECT a.id, a.balance_cents, coalesce(-l.total, 0)
        FROM billing_billingaccount a LEFT JOIN (
            SELECT account_id, sum(amount_cents) AS total FROM billing_journalline
            WHERE ledger_account_id = 'account_balance' GROUP BY account_id
        ) l ON l.account_id = a.id
        WHERE a.balance_cents <> coalesce(-l.total, 0)
        """,
        "account {} holds {} cents, the books say {}",
    )


CHECKS: dict[str, Callable[[], Iterator[str]]] = {
    "entries balance": unbalanced_entries,
    "bills agree with the books": invoices_off_the_books,
    "bills agree with their lines": invoices_off_their_lines,
    "account balances agree with the books": balances_off_the_books,
    "sealed blocks hold": broken_blocks,
}
