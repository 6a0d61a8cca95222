"""The audit log only grows, is sealed, and a change behind its back is found."""

import time
import uuid

import pytest
from django.core.management import CommandError, call_command
from django.db import DatabaseError, connection, transaction

from demo.postgres import Cluster
from staff.models import Action, AuditBlock, AuditRecord
from staff.services import audit
from tests.support.factories import make_account
from tests.support.staff import actor

pytestmark = pytest.mark.django_db(transaction=True)


def looked() -> AuditRecord:
    account = make_account()
    return audit.record(by=actor(), action=Action.LOOKED, account=account, reference="B-1")


def seal_all() -> None:
    """Seal until every record is sealed; a transaction elsewhere in the cluster may hold it up."""
    deadline = time.monotonic() + 20
    while sum(AuditBlock.objects.values_list("entry_count", flat=True)) < AuditRecord.objects.count():
        assert time.monotonic() < deadline, "an open transaction holds sealing up"
        audit.seal_audit()


def test_a_record_says_who_when_from_where_what_and_about_whom() -> None:
    by = actor()
    account = make_account()
    record = audit.record(by=by, action=Action.LOOKED, account=account, detail={"amount_cents": 5})
    assert (record.who, record.role, record.ip_address) == (by.user, "Billing agent", "203.0.113.9")
    assert (record.account, record.member) == (account, account.guarantor)
    assert (record.request_id, record.detail) == ("0123456789abcdef", {"amount_cents": 5})
    assert record.at is not None


@pytest.mark.parametrize("how", ["UPDATE {} SET role = 'x'", "DELETE FROM {}", "TRUNCATE {} CASCADE"])
def test_nobody_changes_it(how: str) -> None:
    looked()
    with pytest.raises(DatabaseError), transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(how.format("staff_auditrecord"))
    assert AuditRecord.objects.get().role == "Billing agent"


def test_one_confirmation_page_is_one_record() -> None:
    key, by = uuid.uuid4(), actor()
    first = audit.record(by=by, action=Action.REFUNDED, act_key=key)
    with pytest.raises(audit.ActedAlready) as again:
        audit.record(by=by, action=Action.REFUNDED, act_key=key)
    assert again.value.record == first
    assert AuditRecord.objects.count() == 1


def test_blocks_chain_and_the_command_says_so(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        looked()
        seal_all()
    first, second = AuditBlock.objects.order_by("number")
    assert (first.entry_count, second.entry_count) == (1, 1)
    assert second.previous_hash == first.hash
    call_command("verify_audit")
    assert f"head {second.hash}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE staff_auditrecord SET reference = 'B-2'",
        "UPDATE staff_auditrecord SET ip_address = '198.51.100.1'",
        """UPDATE staff_auditrecord SET detail = '{"amount_cents": 1}'""",
        "DELETE FROM staff_auditrecord",
        "UPDATE staff_auditblock SET hash = repeat('0', 64)",
    ],
)
def test_a_change_past_the_triggers_is_found(cluster: Cluster, change: str) -> None:
    looked()
    seal_all()
    with cluster.connect(connection.settings_dict["NAME"]) as superuser:
        superuser.execute("SET session_replication_role = replica")
        superuser.execute(change)
    with pytest.raises(CommandError) as failure:
        call_command("verify_audit")
    assert failure.value.returncode == 1


def test_the_newest_hash_goes_to_the_log_every_day(caplog: pytest.LogCaptureFixture) -> None:
    from staff.tasks import write_audit_head

    looked()
    seal_all()
    with caplog.at_level("INFO"):
        write_audit_head()
    assert AuditBlock.objects.get().hash in caplog.text
