"""The application connects as a role that owns nothing."""

import pytest
from django.db import ProgrammingError, connection, transaction

from common.db import append_only_tables

pytestmark = pytest.mark.django_db


def test_the_application_owns_no_table_and_is_no_superuser() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_user, count(*) FROM pg_tables WHERE tableowner = current_user")
        assert cursor.fetchone() == ("kppay_app", 0)
        cursor.execute(
            "SELECT rolsuper OR rolcreatedb OR rolcreaterole FROM pg_roles WHERE rolname = current_user"
        )
        assert cursor.fetchone() == (False,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE anything (id int)",
        "ALTER TABLE accounts_region ADD COLUMN x int",
        "DROP TABLE accounts_region",
        "TRUNCATE accounts_region CASCADE",
        "ALTER TABLE billing_journalline DISABLE TRIGGER ALL",
        "DELETE FROM django_migrations",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_cannot_change_the_schema_or_switch_a_guard_off(statement: str) -> None:
    with (
        pytest.raises(ProgrammingError, match=r"permission denied|must be owner"),
        transaction.atomic(),
        connection.cursor() as cursor,
    ):
        cursor.execute(statement)


def test_rows_of_the_books_can_be_added_and_read_but_not_changed() -> None:
    tables = append_only_tables()
    assert {"billing_journalentry", "billing_journalline", "payments_paymentevent"} <= set(tables)
    with connection.cursor() as cursor:
        for table in tables:
            cursor.execute(
                "SELECT has_table_privilege(%s, 'INSERT'), has_table_privilege(%s, 'SELECT'),"
                " has_any_column_privilege(%s, 'UPDATE'), has_table_privilege(%s, 'DELETE'),"
                " has_table_privilege(%s, 'TRUNCATE')",
                [table] * 5,
            )
            assert cursor.fetchone() == (True, True, False, False, False), table
