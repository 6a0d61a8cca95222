"""A plan's worth of households for the staff benchmark, made inside PostgreSQL.

Each table is one INSERT of generated rows, with triggers and foreign keys off: there is nothing to
check in what is made up, and five million bills through the services would take a day. Columns that a
table's row below does not name take the default of their model.
"""

from collections.abc import Callable, Mapping
from typing import Any

BILLS_OF_ONE = 5
LARGE_ACCOUNT, LARGE_BILLS = 1, 2_000  # one household has so many more
FEWEST = 3_000  # rows of a table that grows slowly, so that a small trial plans as the full size does
_OPEN = "n % 5 = 0"  # every fifth bill is owed
_NAMES = "('{ka,lo,mi,ra,ten,wil,bru,sho,vel,quin,dar,pe,zu,hol,fin,gra,ost,ny,cam,jes}'::text[])"
# The letters of references, sixteen of them: a number in them is a reference, but for the hyphens.
_LETTERS = "translate(lpad(to_hex({n}), 12, '0'), '0123456789abcdef', 'BCDFGHJKMNPQRSTV')"
_GROUPED = "regexp_replace({letters}, '(.{{4}})(.{{4}})(.{{4}})', '\\1-\\2-\\3')"
_NOW = "now() - ({n}::bigint * 7919 % 525600) * interval '1 minute'"  # of the last year


def reference(prefix: str, n: str) -> str:
    """An expression: another reference, in fours, for every `n`."""
    return f"'{prefix}' || {_GROUPED.format(letters=_LETTERS.format(n=n))}"


def syllables(n: str, count: int) -> str:
    """An expression: a name of so many syllables; people share it as people do."""
    parts = [f"{_NAMES}[1 + ({n}) / {20**place} % 20]" for place in range(count)]
    return f"initcap({' || '.join(parts)})"


def tables(members: int, fewest: int) -> list[tuple[str, int, Mapping[str, str]]]:
    """Model, rows, and columns as expressions of `n`, which counts from 1. Parents come first."""
    payments, few = max(members // 5, 10 * fewest), max(members // 100, fewest)
    enrolled = max(members // 10, min(members, 10 * fewest))
    account, payment = f"1 + n % {members}", f"1 + n % {payments}"
    return [
        (
            "accounts.User",
            members // 2,
            {
                "id": "1000 + n",
                "email": "'person' || n || '@example.com'",
                "password": "'!'",
            },
        ),
        (
            "accounts.Member",
            members,
            {
                "id": "n",
                "region_id": "1 + n % 8",
                "member_number": "(10000000 + n)::text",
                "first_name": syllables("n % 400", 2),
                "last_name": syllables("(n::bigint * 7919) % 160000", 4),
                "date_of_birth": "date '1940-01-01' + n % 25000",
                "user_id": f"CASE WHEN n <= {members // 2} THEN 1000 + n END",
                "registered_at": f"CASE WHEN n <= {members // 2} THEN now() END",
            },
        ),
        (
            "billing.BillingAccount",
            members,
            {
                "id": "n",
                "region_id": "1 + n % 8",
                "account_number": "(50000000 + n)::text",
                "guarantor_id": "n",
                "balance_cents": "CASE WHEN n % 200 = 0 THEN 1000 + n % 9000 ELSE 0 END",
            },
        ),
        (
            "billing.Invoice",
            members * BILLS_OF_ONE + LARGE_BILLS,
            {
                "id": "n",
                "account_id": f"CASE WHEN n > {members * BILLS_OF_ONE} THEN {LARGE_ACCOUNT}"
                f" ELSE 1 + n / {BILLS_OF_ONE} % {members} END",
                "patient_id": f"CASE WHEN n > {members * BILLS_OF_ONE} THEN {LARGE_ACCOUNT}"
                f" ELSE 1 + n / {BILLS_OF_ONE} % {members} END",
                "kind": "CASE n % 4 WHEN 0 THEN 'premium' WHEN 1 THEN 'hospital' ELSE 'medical' END",
                "number": "'B-' || n",
                "pay_code": f"CASE WHEN {_OPEN} THEN {reference('', 'n')} END",
                "issued_on": "current_date - 30 - (n % 700)::int",
                "due_on": "current_date + 20 - (n % 700)::int",
                "service_from": "current_date - 40 - (n % 700)::int",
                "service_to": "current_date - 40 - (n % 700)::int",
                "provider": "'Lake Clinic'",
                "total_cents": "1000 + n % 90000",
                "open_cents": f"CASE WHEN {_OPEN} THEN 1000 + n % 90000 ELSE 0 END",
                "source": "'bench'",
                "source_id": "n::text",
            },
        ),
        (
            "payments.Payment",
            payments,
            {
                "id": "n",
                "reference": reference("KP-", "n"),
                "region_id": f"1 + ({account}) % 8",
                "account_id": account,
                "payer": "'member'",
                "amount_cents": "1000 + n % 90000",
                "state": "CASE WHEN n % 10 = 0 THEN 'failed' ELSE 'succeeded' END",
                "method_kind": "'card'",
                "method_brand": "'visa'",
                "method_last4": "lpad((n % 10000)::text, 4, '0')",
                "review_reason": "CASE WHEN n % 5000 = 0 THEN 'amount differs' ELSE '' END",
                "created_at": _NOW.format(n="n"),
                "settled_at": f"CASE WHEN n % 10 <> 0 THEN {_NOW.format(n='n')} END",
                "ended_at": _NOW.format(n="n"),
            },
        ),
        (
            "payments.Allocation",
            payments,
            {
                "id": "n",
                "payment_id": "n",
                "invoice_id": f"1 + ({account} - 1) * {BILLS_OF_ONE}",
                "amount_cents": "1000 + n % 90000",
                "in_flight": "false",
            },
        ),
        (
            "payments.PaymentEvent",
            3 * payments,
            {
                "id": "n",
                "payment_id": payment,
                "to_state": "'submitted'",
                "via": "'browser'",
            },
        ),
        (
            "payments.Refund",
            few,
            {
                "id": "n",
                "payment_id": payment,
                "reference": reference("RF-", "n"),
                "amount_cents": "500",
                "destination": "'source'",
                "reason": "''",
                "state": "CASE WHEN n % 500 = 0 THEN 'unknown' ELSE 'succeeded' END",
                "requested_by_id": f"1001 + n % {members // 2}",
                "created_at": _NOW.format(n="n"),
            },
        ),
        (
            "payments.Dispute",
            few,
            {
                "id": "n",
                "payment_id": payment,
                "dispute_id": "'dp_' || n",
                "amount_cents": "500",
                "reason": "'fraudulent'",
                "is_return": "n % 3 = 0",
                "state": "CASE WHEN n % 50 = 1 THEN 'open' ELSE 'lost' END",
                "opened_at": _NOW.format(n="n"),
            },
        ),
        (
            "payments.Difference",
            fewest,
            {
                "id": "n",
                "stripe_account": "'ncal'",
                "kind": "'fee'",
                "object_id": "'txn_' || n",
                "found_on": "current_date - (n % 700)::int",
                "resolved_at": "CASE WHEN n % 100 <> 0 THEN now() END",
            },
        ),
        (
            "payments.PaymentMethod",
            members // 3,
            {
                "id": "n",
                "account_id": account,
                "kind": "'card'",
                "brand": "'visa'",
                "last4": "lpad((n % 10000)::text, 4, '0')",
                "status": "'active'",
                "authorization_id": "n",
                "method_id": "'pm_' || n",
            },
        ),
        (
            "autopay.Enrollment",
            enrolled,
            {
                "id": "n",
                "reference": reference("AP-", "n"),
                "account_id": account,
                "scope": "'medical'",
                "method_id": "n",
                "authorization_id": "n",
                "enrolled_by_id": "1001",
                "starts_on": "current_date",
            },
        ),
        (
            "autopay.Draft",
            payments,
            {
                "id": "n",
                "enrollment_id": f"1 + n % {enrolled}",
                "invoice_id": "n",
                "draw_on": "current_date - (n % 700)::int",
                "amount_cents": "1000",
                "state": "CASE WHEN n % 400 = 0 THEN 'failed' WHEN n % 400 = 1 THEN 'held'"
                " ELSE 'drawn' END",
                "reason": "CASE WHEN n % 400 = 1 THEN 'over_limit' ELSE '' END",
                "noticed_cents": "1000",
                "noticed_on": "current_date - 30 - (n % 700)::int",
                "payment_id": f"CASE WHEN n <= {payments} THEN n END",
            },
        ),
        (
            "autopay.Run",
            fewest,
            {
                "id": "n",
                "region_id": "1 + n % 8",
                "as_of": "current_date - (n / 8)::int",
                "state": "CASE WHEN n % 1000 = 1 THEN 'held' ELSE 'done' END",
                "held_because": "CASE WHEN n % 1000 = 1 THEN 'too many' ELSE '' END",
                "held_at": "CASE WHEN n % 1000 = 1 THEN now() END",
            },
        ),
        (
            "support.Conversation",
            max(members // 10, fewest),
            {
                "id": "n",
                "user_id": "1001 + n % 1000",
                "account_id": account,
                "region_id": "1 + n % 8",
                "subject": "'A question'",
                "state": "CASE WHEN n % 1000 = 0 THEN 'waiting' ELSE 'closed' END",
                "opened_at": _NOW.format(n="n"),
                "waiting_since": "CASE WHEN n % 1000 = 0 THEN now() END",
                "last_message_id": "n",
            },
        ),
        (
            "post_office.Email",
            members // 2,
            {
                "id": "n",
                "from_email": "'billing@example.com'",
                "to": f"'person' || 1 + n % {members // 2} || '@example.com'",
                "subject": "'A bill is due'",
                "status": "CASE WHEN n % 10000 = 0 THEN 1 ELSE 0 END",  # failed, sent
            },
        ),
        (
            "mfa.Authenticator",
            max(members // 10, fewest),
            {
                "id": "n",
                "user_id": "1000 + n",
                "type": "'totp'",
                "data": "'{}'",
            },
        ),
        (
            "usersessions.UserSession",
            members // 10,
            {
                "id": "n",
                "user_id": "1000 + n",
                "ip": "'203.0.113.9'",
                "session_key": "'seed' || n",
            },
        ),
        (
            "sessions.Session",
            members // 10,
            {
                "session_key": "'seed' || n",
                "expire_date": "now() + interval '1 day'",
            },
        ),
        (
            "admin.LogEntry",
            fewest,
            {
                "id": "n",
                "user_id": f"1001 + n % {members // 2}",
                "action_flag": "2",
                "object_repr": "'A banner'",
            },
        ),
        (
            "staff.AuditRecord",
            members,
            {
                "id": "n",
                "at": _NOW.format(n="n"),
                "who_id": f"1001 + n % {members // 2}",
                "role": "'Billing agent'",
                "action": "'looked'",
                "member_id": account,
                "account_id": account,
                "reference": "'seed ' || n",
                "detail": "'{}'",
            },
        ),
        (
            "staff.RefundRequest",
            fewest,
            {
                "id": "n",
                "payment_id": payment,
                "amount_cents": "50000",
                "destination": "'source'",
                "reason": "'Paid twice'",
                "state": "CASE WHEN n % 300 = 0 THEN 'waiting' ELSE 'declined' END",
                "requested_by_id": "1001",
                "decided_by_id": "CASE WHEN n % 300 <> 0 THEN 1002 END",
                "decided_at": "CASE WHEN n % 300 <> 0 THEN now() END",
            },
        ),
    ]


def fill(
    superuser: Any, *, members: int, tell: Callable[[str], object], fewest: int = FEWEST
) -> dict[str, int]:
    """Make all of it by a superuser's connection; returns the rows by table."""
    from django.apps import apps

    superuser.execute("SET session_replication_role = replica")
    superuser.execute("SET maintenance_work_mem = '512MB'")
    made: dict[str, int] = {}
    for label, count, columns in tables(members, fewest):
        model = apps.get_model(label)
        table = model._meta.db_table
        tell(f"{count:>9,} rows of {table}")
        names, values = zip(*(columns | _defaults(model, columns)).items(), strict=True)
        superuser.execute(
            f"INSERT INTO {table} ({', '.join(map(_quoted, names))})"  # noqa: S608  # nosec B608
            f" SELECT {', '.join(values)} FROM generate_series(1, {count}) n"
        )
        if "id" in columns:
            key = f"pg_get_serial_sequence('{table}', 'id')"
            superuser.execute(f"SELECT setval({key}, max(id)) FROM {table}")  # noqa: S608  # nosec B608
        made[table] = count
    superuser.execute("SET session_replication_role = origin")
    tell("vacuuming")
    superuser.execute("VACUUM (ANALYZE)")
    return made


def _defaults(model: Any, given: Mapping[str, str]) -> dict[str, str]:
    """Expressions for the columns that nobody named and that PostgreSQL has no default for."""
    from django.db.models import NOT_PROVIDED, DateTimeField

    missing: dict[str, str] = {}
    for field in model._meta.concrete_fields:
        if field.column in given or field.primary_key or field.db_default is not NOT_PROVIDED:
            continue
        if isinstance(field, DateTimeField) and (field.auto_now_add or field.auto_now):
            missing[field.column] = "now()"
        elif not field.null:
            missing[field.column] = _literal(field.get_default())
    return missing


def _literal(value: object) -> str:
    if isinstance(value, bool | int):
        return str(value).lower()
    return "'{}'" if isinstance(value, dict) else f"'{value}'"


def _quoted(name: str) -> str:
    return f'"{name}"'
