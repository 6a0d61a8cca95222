"""The books refuse what books must refuse: PostgreSQL itself says no, whoever asks."""

import datetime as dt
import time

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import DatabaseError, IntegrityError, connection, transaction

from billing.models import EntryKind, Invoice, JournalEntry, JournalLine, LedgerBlock, LedgerCode
from billing.services import invoices as bills
from billing.services import ledger, sealing
from billing.services.ledger import Posting
from demo.postgres import Cluster
from payments.models import CAME_TO_NOTHING, RESERVING, Payment, PaymentEvent, State
from payments.services.verification import CHECKS
from tests.support.factories import make_account, make_invoice, make_region

pytestmark = pytest.mark.django_db(transaction=True)

A, B = LedgerCode.PROCESSOR_CLEARING, LedgerCode.BILLED_REVENUE


def post(lines: list[Posting], source_id: str = "1") -> JournalEntry:
    """One posting of a test's own, in a transaction of its own."""
    with transaction.atomic():
        return ledger.post(
            kind=EntryKind.PAYMENT_SETTLED,
            source="test",
            source_id=source_id,
            region=make_region(),
            effective_on=dt.date(2026, 11, 21),
            lines=lines,
        )[0]


def seal_all() -> None:
    """Seal until every entry is sealed.

    A transaction of another test's database may hold an older id for a moment: all databases of a
    cluster count in one sequence.
    """
    deadline = time.monotonic() + 20
    while sum(LedgerBlock.objects.values_list("entry_count", flat=True)) < entries():
        assert time.monotonic() < deadline, "an open transaction holds sealing up"
        sealing.seal_ledger()


def entries() -> int:
    """How many entries the books hold."""
    return JournalEntry.objects.count()


class TestAnEntryBalances:
    def test_two_lines_that_sum_to_zero_are_accepted(self) -> None:
        post([Posting(A, 5_00), Posting(B, -5_00)])
        assert entries() == 1

    def test_one_that_does_not_sum_to_zero_is_refused(self) -> None:
        with pytest.raises(IntegrityError, match="off by 1 cents"):
            post([Posting(A, 5_01), Posting(B, -5_00)])
        assert entries() == 0

    def test_an_empty_one_is_refused(self) -> None:
        with pytest.raises(IntegrityError, match="needs two or more"):
            post([])
        assert entries() == 0

    def test_one_of_a_single_line_is_refused(self) -> None:
        with pytest.raises(IntegrityError, match="needs two or more"):
            post([Posting(A, 5_00)])
        assert entries() == 0

    def test_a_line_of_zero_cents_is_refused(self) -> None:
        with pytest.raises(IntegrityError, match="journal_line_not_zero"):
            post([Posting(A, 0), Posting(B, 0)])

    def test_a_line_added_later_must_keep_the_balance(self) -> None:
        entry = post([Posting(A, 5_00), Posting(B, -5_00)])
        with pytest.raises(IntegrityError, match="off by 7 cents"), transaction.atomic():
            JournalLine.objects.create(entry=entry, ledger_account_id=A, amount_cents=7)

    def test_a_receivable_names_its_bill_and_a_balance_its_account(self) -> None:
        with pytest.raises(IntegrityError, match="receivable_names_invoice"):
            post([Posting(LedgerCode.RECEIVABLE, 5), Posting(A, -5)])
        with pytest.raises(IntegrityError, match="balance_names_account"):
            post([Posting(LedgerCode.ACCOUNT_BALANCE, 5), Posting(A, -5)])


class TestPostingTwice:
    def test_the_same_event_is_posted_once(self) -> None:
        lines = [Posting(A, 5_00), Posting(B, -5_00)]
        assert post(lines) == post(lines)
        assert entries() == 1

    def test_the_same_event_with_other_amounts_is_an_error(self) -> None:
        post([Posting(A, 5_00), Posting(B, -5_00)])
        with pytest.raises(ledger.PostedDifferently):
            post([Posting(A, 6_00), Posting(B, -6_00)])


STATEMENTS = [
    "UPDATE billing_journalline SET amount_cents = amount_cents",
    "UPDATE billing_journalentry SET source = 'x'",
    "DELETE FROM billing_journalline",
    "DELETE FROM billing_journalentry",
    "TRUNCATE billing_journalentry CASCADE",
    "TRUNCATE billing_journalline",
    "UPDATE billing_journalline SET entry_id = (SELECT max(id) FROM billing_journalentry)",
    "UPDATE billing_ledgerblock SET hash = ''",
    "DELETE FROM payments_paymentevent",
]


class TestNothingIsEverChanged:
    """Not by the application's role, and not by the owner of the tables either."""

    @pytest.fixture(autouse=True)
    def _two_entries(self) -> None:
        post([Posting(A, 5_00), Posting(B, -5_00)], "1")
        post([Posting(A, 6_00), Posting(B, -6_00)], "2")
        seal_all()
        payment_with_an_event()

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_the_application_may_not(self, statement: str) -> None:
        with (
            pytest.raises(DatabaseError, match="permission denied"),
            transaction.atomic(),
            connection.cursor() as cursor,
        ):
            cursor.execute(statement)

    @pytest.mark.parametrize("statement", STATEMENTS)
    def test_the_owner_is_refused_by_the_tables_themselves(
        self, cluster: Cluster, statement: str
    ) -> None:
        import psycopg

        before = list(JournalLine.objects.order_by("pk").values_list())
        with cluster.connect(connection.settings_dict["NAME"]) as owner:
            owner.execute("SET ROLE kppay_owner")
            with pytest.raises(psycopg.Error, match=r"Cannot (update|delete|truncate)"):
                owner.execute(statement)
        assert list(JournalLine.objects.order_by("pk").values_list()) == before


def payment_with_an_event() -> Payment:
    """A payment in its first state, allocated in full."""
    invoice = make_invoice(total_cents=10_00)
    with transaction.atomic():
        payment = Payment.objects.create(
            reference=f"KP-{invoice.pk}",
            region=invoice.account.region,
            account=invoice.account,
            payer=Payment.Payer.MEMBER,
            amount_cents=10_00,
        )
        payment.allocations.create(invoice=invoice, amount_cents=10_00)
        PaymentEvent.objects.create(payment=payment, to_state=State.CREATED, via="browser")
    return payment


class TestAPaymentMovesAsAllowed:
    @pytest.mark.parametrize("state", [s for s in State if s not in (State.CREATED,)])
    def test_it_starts_created(self, state: State) -> None:
        account = make_account()
        with pytest.raises(DatabaseError, match="Cannot insert"), transaction.atomic():
            Payment.objects.create(
                reference="KP-X",
                region=account.region,
                account=account,
                payer=Payment.Payer.MEMBER,
                amount_cents=1,
                state=state,
                settled_at=dt.datetime.now(dt.UTC),
            )

    @pytest.mark.parametrize("state", [State.PROCESSING, State.FAILED, State.UNKNOWN])
    def test_an_illegal_move_is_refused(self, state: State) -> None:
        payment = payment_with_an_event()
        with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(state=state)

    def test_a_paid_payment_never_becomes_unpaid(self) -> None:
        payment = payment_with_an_event()
        for state in (State.SUBMITTED, State.SUCCEEDED):
            Payment.objects.filter(pk=payment.pk).update(
                state=state, settled_at=dt.datetime.now(dt.UTC)
            )
        for state in (*RESERVING, *CAME_TO_NOTHING):
            with pytest.raises(DatabaseError, match="Invalid transition"), transaction.atomic():
                Payment.objects.filter(pk=payment.pk).update(state=state)

    def test_its_amount_never_changes_and_it_is_never_deleted(self) -> None:
        payment = payment_with_an_event()
        with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
            Payment.objects.filter(pk=payment.pk).update(amount_cents=1)
        with pytest.raises(DatabaseError, match="Cannot delete"), transaction.atomic():
            Payment.objects.filter(pk=payment.pk)._raw_delete("default")

    def test_its_parts_sum_to_its_amount(self) -> None:
        invoice = make_invoice(total_cents=10_00)
        with pytest.raises(IntegrityError, match="allocates 9"), transaction.atomic():  # noqa: PT012
            payment = Payment.objects.create(
                reference="KP-Y",
                region=invoice.account.region,
                account=invoice.account,
                payer=Payment.Payer.MEMBER,
                amount_cents=10,
            )
            payment.allocations.create(invoice=invoice, amount_cents=9)


class TestABillsAmounts:
    def test_more_cannot_be_set_aside_than_is_owed(self) -> None:
        invoice = make_invoice(total_cents=100)
        with pytest.raises(IntegrityError, match="reserved_between_zero_and_open"):
            Invoice.objects.filter(pk=invoice.pk).update(reserved_cents=101)
        with pytest.raises(bills.NotOwed):
            bills.reserve(invoice=invoice, amount_cents=101)

    def test_a_balance_is_never_negative(self) -> None:
        account = make_account()
        with pytest.raises(IntegrityError, match="account_balance_not_negative"):
            type(account).objects.filter(pk=account.pk).update(balance_cents=-1)

    def test_a_void_takes_the_billed_amount_back(self) -> None:
        invoice = bills.void(invoice=make_invoice(total_cents=120_00))
        assert (invoice.open_cents, invoice.pay_code) == (0, None)
        assert sum(JournalLine.objects.values_list("amount_cents", flat=True)) == 0
        call_command("verify_ledger", verbosity=0)


class TestVerifyLedger:
    """The books are recomputed; whoever got past the guards is found."""

    @pytest.fixture(autouse=True)
    def _books(self) -> None:
        make_invoice(total_cents=120_00)
        make_invoice(total_cents=75_01)
        seal_all()

    def tamper(self, cluster: Cluster, statement: str) -> None:
        with cluster.connect(connection.settings_dict["NAME"]) as superuser:
            superuser.execute("SET session_replication_role = replica")
            superuser.execute(statement)

    def test_sound_books_pass(self, capsys: pytest.CaptureFixture[str]) -> None:
        call_command("verify_ledger")
        assert "The books hold." in capsys.readouterr().out

    @pytest.mark.parametrize(
        ("statement", "check"),
        [
            ("UPDATE billing_journalline SET amount_cents = amount_cents + 1 WHERE amount_cents > 0",
             "entries balance"),
            ("DELETE FROM billing_journalline WHERE id = (SELECT min(id) FROM billing_journalline)",
             "entries balance"),
            ("UPDATE billing_invoice SET open_cents = open_cents - 1", "bills agree with the books"),
            ("UPDATE billing_billingaccount SET balance_cents = 5",
             "account balances agree with the books"),
            ("UPDATE billing_invoiceline SET patient_cents = patient_cents + 1",
             "bills agree with their lines"),
            ("UPDATE billing_invoice SET reserved_cents = 1",
             "amounts on their way agree with payments"),
            ("UPDATE billing_journalline SET amount_cents = 2 * amount_cents", "sealed blocks hold"),
            ("UPDATE billing_journalentry SET effective_on = '2020-01-01'", "sealed blocks hold"),
            ("UPDATE billing_ledgerblock SET entry_count = 1", "sealed blocks hold"),
        ],
    )  # fmt: skip
    def test_each_kind_of_tampering_is_found(
        self, cluster: Cluster, statement: str, check: str
    ) -> None:
        self.tamper(cluster, statement)

        assert list(CHECKS[check]()) != []
        with pytest.raises(CommandError) as failure:
            call_command("verify_ledger", verbosity=0)
        assert failure.value.returncode == 1


class TestSealing:
    def test_blocks_chain_and_cover_every_entry_once(self) -> None:
        for _ in range(3):
            make_invoice()
            seal_all()
        assert sealing.seal_ledger() is None

        blocks = list(LedgerBlock.objects.order_by("number"))
        assert [block.entry_count for block in blocks] == [1, 1, 1]
        assert [block.previous_hash for block in blocks[1:]] == [block.hash for block in blocks[:-1]]
        assert list(sealing.broken_blocks()) == []

    def test_an_entry_that_commits_late_is_not_missed(self, cluster: Cluster) -> None:
        import psycopg

        config = connection.settings_dict
        with psycopg.connect(host=config["HOST"], user=config["USER"], dbname=config["NAME"]) as slow:
            slow.execute(
                "INSERT INTO billing_journalentry (region_id, kind, source, source_id,"
                " effective_on, posted_at) SELECT id, 'payment_settled', 'slow', '1',"
                " '2026-11-21', now() FROM accounts_region LIMIT 1"
            )
            make_invoice()
            sealing.seal_ledger()  # the slow entry is older than this one, and not visible yet
            slow.execute(
                "INSERT INTO billing_journalline (entry_id, ledger_account_id, amount_cents)"
                " SELECT id, code, cents FROM billing_journalentry, (VALUES ('bank', 5),"
                " ('billed_revenue', -5)) AS line (code, cents) WHERE source = 'slow'"
            )
            slow.commit()
        assert LedgerBlock.objects.count() == 0
        seal_all()

        assert sum(LedgerBlock.objects.values_list("entry_count", flat=True)) == entries() == 2
        assert list(sealing.broken_blocks()) == []
