"""Stripe's book against ours: what agrees, each thing that can differ, and how it is found."""

import datetime as dt
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connection, connections
from django.test.utils import CaptureQueriesContext

from billing.models import EntryKind, JournalEntry
from common.locks import advisory_lock
from demo.stripe.core import Sandbox
from demo.stripe.resources import balance
from payments import gateway
from payments.models import (
    Difference,
    Dispute,
    Payment,
    ReconciledDay,
    Refund,
    RefundState,
    State,
    StripePayout,
    StripeTransaction,
)
from payments.services import daily, disputes, refunds
from payments.services.daily import running
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_member, make_region
from tests.support.reconciling import (
    account,
    change_movement,
    held_by_stripe,
    ledger,
    movement_of,
    open_rows,
    reconcile,
    today,
)

pytestmark = pytest.mark.django_db(transaction=True)

CARD_FEE = 3_78  # 2.9 % of $120.00 and 30 cents


def paid(sandbox: Sandbox, cents: int = 120_00, **given: Any) -> Payment:
    return paying.pay(sandbox, make_invoice(total_cents=cents), **given)


def charge_of(sandbox: Sandbox, payment: Payment) -> str:
    return next(line.charge for line in sandbox.charges() if line.payment == payment.reference)


def refund(payment: Payment, cents: int) -> Refund:
    """A refund to the card, sent."""
    promised = refunds.request(
        payment=payment,
        amount_cents=cents,
        destination=Refund.Destination.SOURCE,
        reason="billed twice",
        requested_by=None,
    )
    promised.refresh_from_db()
    return promised


class TestADayThatAgrees:
    def test_fees_and_payouts_enter_our_books_and_clearing_is_what_stripe_holds(
        self, sandbox: Sandbox
    ) -> None:
        paid(sandbox, 120_00)
        refund(paid(sandbox, 80_00), 30_00)
        paid(sandbox, 50_00, card="pm_card_visa_chargeDeclined")
        sandbox.bank.payout("ncal")
        paid(sandbox, 10_00)

        report = reconcile(sandbox)

        assert (report.settled.count, report.settled.cents) == (3, 210_00)
        assert (report.charges.count, report.charges.cents) == (3, 210_00)
        assert (report.refunds.count, report.refunds.cents) == (1, -30_00)
        fees = 3_78 + 2_62 + 59
        assert (report.fees.count, report.fees.cents) == (3, -fees)
        assert (report.payouts.count, report.payouts.cents) == (1, -(170_00 - 6_40))
        assert (report.newly_booked, report.differences) == (4, [])
        assert ledger("processor_fees") == fees
        assert ledger("bank") == 170_00 - 6_40
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 10_00 - 59

    def test_a_second_run_changes_nothing(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        sandbox.bank.payout("ncal")
        first = reconcile(sandbox)
        rows = [JournalEntry, StripeTransaction, StripePayout, Difference]
        counts = [model.objects.count() for model in rows]

        second = reconcile(sandbox)

        assert second.newly_booked == 0
        assert second.fees == first.fees
        assert [model.objects.count() for model in rows] == counts

    def test_a_bank_debit_counts_at_stripe_from_the_day_it_is_sent_and_here_when_it_settles(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox, card="pm_usBankAccount_success")
        assert payment.state == State.PROCESSING

        report = reconcile(sandbox)

        assert report.differences == []
        assert report.holdings is not None
        assert report.holdings.on_its_way_cents == 120_00
        assert ledger("processor_clearing") == -96  # the fee alone

        sandbox.bank.settle("ncal", str(payment.intent_id))
        paying.submission.advance(payment_id=payment.pk, via=paying.PaymentEvent.Via.RECONCILER)
        report = reconcile(sandbox)
        assert report.differences == []
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 120_00 - 96

    def test_a_bank_debit_that_fails_takes_its_amount_and_its_fee_back(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox, card="pm_usBankAccount_success")
        reconcile(sandbox)
        sandbox.bank.return_payment("ncal", str(payment.intent_id), "R01")

        report = reconcile(sandbox)

        payment.refresh_from_db()
        assert payment.state == State.FAILED  # found by the run itself: no webhook was delivered
        assert report.differences == []
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 0
        assert ledger("processor_fees") == 0

    def test_a_refund_that_came_back_counts_as_nothing(self, sandbox: Sandbox) -> None:
        sent = refund(paid(sandbox), 30_00)
        reconcile(sandbox)
        sandbox.bank.fail_refund("ncal", str(sent.refund_id))

        assert reconcile(sandbox).differences == []

        sent.refresh_from_db()
        assert sent.state == RefundState.FAILED  # found by the run itself: no webhook was delivered
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 120_00 - CARD_FEE
        assert ledger("account_balance") == -30_00

    def test_a_payout_that_our_bank_sent_back_is_reversed_and_goes_with_the_next(
        self, sandbox: Sandbox
    ) -> None:
        paid(sandbox)
        made = sandbox.bank.payout("ncal")
        assert made is not None
        reconcile(sandbox)
        sandbox.bank.fail_payout("ncal", made["id"])
        assert reconcile(sandbox).differences == []
        assert ledger("bank") == 0
        assert StripePayout.objects.get().status == "failed"

        sandbox.bank.payout("ncal")

        assert reconcile(sandbox).differences == []
        assert ledger("bank") == 120_00 - CARD_FEE
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 0

    def test_stripes_own_invoice_is_a_fee(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        sandbox.bank.charge_fee("ncal", 25_00)
        assert reconcile(sandbox).differences == []
        assert ledger("processor_fees") == CARD_FEE + 25_00
        assert ledger("processor_clearing") == held_by_stripe(sandbox)

    def test_a_book_of_many_pages_is_read_to_its_end(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        for _ in range(205):
            sandbox.bank.charge_fee("ncal", 1)
        assert reconcile(sandbox).fees.count == 206
        assert ledger("processor_fees") == CARD_FEE + 2_05

    def test_paid_from_the_account_balance_stripe_is_not_expected_to_know_it(
        self, sandbox: Sandbox
    ) -> None:
        owner = make_account()
        paying.add_money(sandbox, owner, 50_00)
        paying.pay_many(sandbox, {make_invoice(owner, 40_00): 40_00}, from_balance_cents=40_00)
        report = reconcile(sandbox)
        assert report.differences == []
        assert (report.settled.count, report.settled.cents) == (2, 50_00)

    def test_a_fee_is_the_cost_of_the_entity_whose_payment_it_was(
        self, sandbox: Sandbox, settings: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Two regions that share keys are one account at Stripe, and two entities in the books."""
        settings.STRIPE_ACCOUNTS = {"default": settings.STRIPE_ACCOUNTS["ncal"]}
        token = sandbox.confirmation_token
        monkeypatch.setattr(sandbox, "confirmation_token", lambda _, **given: token("ncal", **given))
        for code in ("NCAL", "SCAL"):
            owner = make_account(make_member(region=make_region(code)))
            paying.pay(sandbox, make_invoice(owner, 120_00))

        assert [each.name for each in daily.configured_accounts()] == ["default"]
        assert reconcile(sandbox, name="default").differences == []
        fees = JournalEntry.objects.filter(kind=EntryKind.FEE_BOOKED)
        assert sorted(fees.values_list("region__code", flat=True)) == ["NCAL", "SCAL"]


class TestWhatStripeHasAndWeLack:
    def test_a_charge(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox)
        planted = sandbox.plant.unknown_charge("ncal", charge_of(sandbox, payment))
        reconcile(sandbox)
        assert open_rows() == [("unknown_charge", planted["payment_intent"], None, 120_00)]

    def test_row_37_a_charge_whose_payment_went_down_with_the_old_database(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox)
        planted = sandbox.plant.unknown_charge(
            "ncal", charge_of(sandbox, payment), reference="KP-BCDF-GHJK-MNPQ"
        )
        assert reconcile(sandbox).differences == [
            daily.Found(Difference.Kind.UNKNOWN_CHARGE, planted["payment_intent"], None, 120_00)
        ]

    def test_a_charge_of_a_payment_that_we_hold_for_canceled(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox, card="pm_card_visa_chargeDeclined")
        intent = str(payment.intent_id)
        other = paid(sandbox)
        planted = sandbox.plant.unknown_charge("ncal", charge_of(sandbox, other))
        with sandbox.acting("ncal") as call:
            charge = call.load("charge", planted["id"])
            call.save({**charge, "payment_intent": intent})
        reconcile(sandbox)
        assert open_rows() == [("unknown_charge", intent, None, 120_00)]

    def test_a_refund(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox)
        with gateway.calling("ncal") as client:  # as somebody in Stripe's dashboard
            made = client.v1.refunds.create({"payment_intent": str(payment.intent_id), "amount": 20_00})
        reconcile(sandbox)
        assert open_rows() == [("unknown_refund", made.id, None, -20_00)]

    def test_a_movement_that_nothing_here_explains(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        with sandbox.acting("ncal") as call:
            planted = balance.book(call, "adjustment", {"id": None}, -7_00, category="other_adjustment")
        reconcile(sandbox)
        assert open_rows() == [("movement", planted["id"], None, -7_00)]


class TestWhatWeHaveAndStripeLacks:
    def test_a_payment(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox)
        kept = paid(sandbox, 80_00)
        sandbox.plant.missing_charge("ncal", charge_of(sandbox, payment))
        reconcile(sandbox)
        assert open_rows() == [("missing_charge", payment.intent_id, 120_00, None)]
        assert ledger("processor_clearing") == held_by_stripe(sandbox) + 120_00
        assert kept.state == State.SUCCEEDED

    def test_a_refund(self, sandbox: Sandbox) -> None:
        sent = refund(paid(sandbox), 30_00)
        movement = movement_of(sandbox, str(sent.refund_id))
        with sandbox.acting("ncal") as call:
            call.tx.delete("ncal", movement["id"])
        reconcile(sandbox)
        assert open_rows() == [("missing_refund", sent.refund_id, -30_00, None)]


class TestFigures:
    def test_another_amount(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox)
        movement = movement_of(sandbox, charge_of(sandbox, payment))
        change_movement(sandbox, movement["id"], amount=119_00, net=119_00 - CARD_FEE)
        reconcile(sandbox)
        assert open_rows() == [("amount", payment.intent_id, 120_00, 119_00)]

    def test_a_fee_that_changed_after_it_was_booked(self, sandbox: Sandbox) -> None:
        charge = charge_of(sandbox, paid(sandbox))
        assert reconcile(sandbox).differences == []

        altered = sandbox.plant.altered_fee("ncal", charge, 4_78)
        reconcile(sandbox)

        assert open_rows() == [("fee", altered["id"], -CARD_FEE, -4_78)]
        assert ledger("processor_fees") == CARD_FEE  # nothing is booked over what was booked

    def test_a_payout_that_does_not_add_up(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        made = sandbox.bank.payout("ncal")
        assert made is not None
        sandbox.plant.crooked_payout("ncal", made["id"], off_by=1)
        reconcile(sandbox)
        parts = 120_00 - CARD_FEE
        assert ("payout", made["id"], -parts, -parts - 1) in open_rows()
        # What Stripe says it holds does not follow from what it says it paid out, either.
        assert [row[0] for row in open_rows()] == ["balance", "payout"]

    def test_a_balance_that_its_own_movements_do_not_explain(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        paid(sandbox)
        held = held_by_stripe(sandbox)
        monkeypatch.setattr("payments.stripe_book.balance_cents", lambda *, account: held - 5)
        report = reconcile(sandbox)
        assert open_rows() == [("balance", "balance", held, held - 5)]
        assert report.holdings is not None
        assert report.holdings.expected_cents == held

    def test_a_difference_resolves_itself_and_comes_back_as_the_same_row(
        self, sandbox: Sandbox
    ) -> None:
        charge = charge_of(sandbox, paid(sandbox))
        reconcile(sandbox)
        sandbox.plant.altered_fee("ncal", charge, 4_78)
        reconcile(sandbox)
        sandbox.plant.altered_fee("ncal", charge, CARD_FEE)
        reconcile(sandbox)
        row = Difference.objects.get()
        assert row.resolved_at is not None
        assert row.resolution

        sandbox.plant.altered_fee("ncal", charge, 4_79)
        reconcile(sandbox)

        row = Difference.objects.get()
        assert (row.resolved_at, row.resolution, row.theirs_cents) == (None, "", -4_79)

    def test_each_is_found_beside_all_others_and_the_balance_is_explained_by_them(
        self, sandbox: Sandbox
    ) -> None:
        a, b, c = (paid(sandbox, cents) for cents in (120_00, 80_00, 10_00))
        first = charge_of(sandbox, a)
        reconcile(sandbox)
        sandbox.plant.altered_fee("ncal", first, 4_00)
        sandbox.plant.unknown_charge("ncal", first)
        d = paid(sandbox, 33_00)
        sandbox.plant.missing_charge("ncal", charge_of(sandbox, d))
        report = reconcile(sandbox)
        assert sorted(found.kind for found in report.differences) == [
            "fee",
            "missing_charge",
            "unknown_charge",
        ]
        assert report.holdings is not None
        assert report.holdings.expected_cents == report.holdings.stripe_cents
        assert {b.state, c.state} == {State.SUCCEEDED}


class TestWhatWeShouldKnowByNow:
    def test_a_charge_whose_webhook_was_lost_is_settled_and_no_difference(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox, card="pm_card_threeDSecure2Required")
        sandbox.complete_challenge("ncal", str(payment.intent_id))

        assert reconcile(sandbox).differences == []

        payment.refresh_from_db()
        assert payment.state == State.SUCCEEDED
        assert paying.owed(payment.account) == 0

    def test_a_dispute_whose_webhook_was_lost_is_booked_and_no_difference(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox)
        sandbox.bank.open_dispute("ncal", str(payment.intent_id))

        assert reconcile(sandbox).differences == []

        payment.refresh_from_db()
        assert payment.state == State.DISPUTED
        assert ledger("disputes") == 120_00
        assert ledger("processor_fees") == CARD_FEE + 15_00
        assert ledger("processor_clearing") == held_by_stripe(sandbox)

    @pytest.mark.parametrize("won", [True, False])
    def test_and_so_is_its_end(self, sandbox: Sandbox, won: bool) -> None:
        payment = paid(sandbox)
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        reconcile(sandbox)
        sandbox.webhooks.set_mode("drop")
        sandbox.shift_clock(dt.timedelta(days=1, hours=3))
        sandbox.bank.decide_dispute("ncal", dispute["id"], won=won)

        # What is lost moves nothing on any day: we ask.
        assert reconcile(sandbox, today() + dt.timedelta(days=1)).differences == []

        payment.refresh_from_db()
        assert payment.state == (State.SUCCEEDED if won else State.RETURNED)
        assert ledger("disputes") == 0
        assert ledger("processor_clearing") == held_by_stripe(sandbox)
        assert paying.owed(payment.account) == (0 if won else 120_00)

    def test_a_dispute_that_could_not_be_booked_on_its_day_is_booked_on_a_later_one(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox)
        sandbox.webhooks.set_mode("drop")
        sandbox.faults.add("POST /v1/refunds", "rate_429")
        promised = refund(payment, 50_00)  # it has no outcome yet: the bank's part cannot be told
        dispute = sandbox.bank.open_dispute("ncal", str(payment.intent_id))
        reconcile(sandbox)
        assert open_rows() == [("movement", dispute["id"], None, -120_00)]

        refunds.advance(refund_id=promised.pk, at=sandbox.now() + dt.timedelta(minutes=5))
        sandbox.shift_clock(dt.timedelta(days=1, hours=3))
        reconcile(sandbox, today() + dt.timedelta(days=1))

        payment.refresh_from_db()
        assert (payment.state, open_rows()) == (State.DISPUTED, [])

    def test_a_payment_that_was_put_aside_for_staff_stays_a_difference(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox, card="pm_card_threeDSecure2Required")
        sandbox.complete_challenge("ncal", str(payment.intent_id))
        Payment.objects.filter(pk=payment.pk).update(review_reason="looked at by staff")
        reconcile(sandbox)
        assert open_rows() == [("unknown_charge", payment.intent_id, None, 120_00)]


class TestDays:
    def test_stripes_second_before_midnight_and_ours_after_it_are_one_charge(
        self, sandbox: Sandbox
    ) -> None:
        payment = paid(sandbox)
        midnight = dt.datetime.combine(today(), dt.time.min, dt.UTC)
        movement = movement_of(sandbox, charge_of(sandbox, payment))
        change_movement(sandbox, movement["id"], created=int(midnight.timestamp()) - 1)
        Payment.objects.filter(pk=payment.pk).update(
            created_at=midnight - dt.timedelta(seconds=2),
            settled_at=midnight + dt.timedelta(seconds=3),
        )
        yesterday = today() - dt.timedelta(days=1)

        before = reconcile(sandbox, yesterday)
        after = reconcile(sandbox, today())

        assert (before.charges.count, before.settled.count) == (1, 0)
        assert (after.charges.count, after.settled.count) == (0, 1)
        assert before.differences == after.differences == []

    def test_a_day_reconciled_by_itself_knows_what_stripe_moved_before(self, sandbox: Sandbox) -> None:
        payment = paid(sandbox)
        movement = movement_of(sandbox, charge_of(sandbox, payment))
        three_days_ago = sandbox.now() - dt.timedelta(days=3)
        change_movement(sandbox, movement["id"], created=int(three_days_ago.timestamp()))
        Payment.objects.filter(pk=payment.pk).update(created_at=three_days_ago)
        assert reconcile(sandbox, today()).differences == []

    def test_a_day_is_midnight_to_midnight_utc_whatever_the_regions_calendar_says(
        self, sandbox: Sandbox
    ) -> None:
        """10 p.m. in California belongs to Stripe's next day; the entry is dated on our calendar."""
        payment = paid(sandbox)
        movement = movement_of(sandbox, charge_of(sandbox, payment))
        yesterday = today() - dt.timedelta(days=1)
        made = dt.datetime.combine(yesterday, dt.time(6), dt.UTC)
        change_movement(sandbox, movement["id"], created=int(made.timestamp()))
        Payment.objects.filter(pk=payment.pk).update(created_at=made, settled_at=made)

        assert reconcile(sandbox, yesterday).charges.count == 1

        fee = JournalEntry.objects.get(kind=EntryKind.FEE_BOOKED)
        assert fee.effective_on == yesterday - dt.timedelta(days=1)

    def test_a_day_that_has_not_begun_is_refused(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        with pytest.raises(daily.NotYet):
            reconcile(sandbox, today() + dt.timedelta(days=1))

    def test_a_day_that_is_not_over_is_due_again_and_one_that_is_over_is_not(
        self, sandbox: Sandbox
    ) -> None:
        paid(sandbox)
        reconcile(sandbox)
        assert ReconciledDay.objects.count() == 0
        sandbox.shift_clock(dt.timedelta(days=1, hours=2))
        assert daily.due_days(account(), as_of=sandbox.now()) == [today()]

        reconcile(sandbox)

        assert daily.due_days(account(), as_of=sandbox.now()) == []

    def test_an_account_without_a_payment_has_nothing_due(self, sandbox: Sandbox) -> None:
        assert daily.due_days(account("hi"), as_of=sandbox.now()) == []

    def test_three_days_missed_are_caught_up_in_their_order(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        sandbox.shift_clock(dt.timedelta(days=3, hours=3))
        daily.catch_up("ncal", as_of=sandbox.now())
        expected = [today() + dt.timedelta(days=n) for n in range(3)]
        done = ReconciledDay.objects.order_by("pk").values_list("day", flat=True)
        assert list(done)[:3] == expected
        assert daily.due_days(account(), as_of=sandbox.now()) == []
        assert open_rows() == []

    def test_an_old_day_again_compares_no_balance_of_today(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        sandbox.shift_clock(dt.timedelta(days=2, hours=3))
        daily.catch_up("ncal", as_of=sandbox.now())
        report = reconcile(sandbox, today())
        assert (report.charges.count, report.holdings, report.differences) == (1, None, [])


class TestInterrupted:
    def test_stripe_away_in_the_middle_the_next_run_does_the_rest(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        sandbox.bank.payout("ncal")
        noon = dt.datetime.combine(today() + dt.timedelta(days=1), dt.time(12), dt.UTC)
        sandbox.shift_clock(noon - sandbox.now())
        sandbox.faults.add("GET /v1/payouts", "down_503")

        daily.catch_up("ncal", as_of=sandbox.now())
        assert StripeTransaction.objects.count() == 2  # copied before it broke
        assert JournalEntry.objects.filter(kind=EntryKind.FEE_BOOKED).count() == 0
        assert daily.due_days(account(), as_of=sandbox.now()) == [today()]

        daily.catch_up("ncal", as_of=sandbox.now())
        assert daily.due_days(account(), as_of=sandbox.now()) == []
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 0

    def test_one_row_that_cannot_be_healed_keeps_no_other_waiting_and_its_day_is_due_again(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bad, good = paid(sandbox), paid(sandbox, 80_00)
        unsettled = paid(sandbox, 10_00, card="pm_card_threeDSecure2Required")
        sandbox.webhooks.set_mode("drop")
        sandbox.complete_challenge("ncal", str(unsettled.intent_id))
        sandbox.bank.payout("ncal")
        broken = sandbox.bank.open_dispute("ncal", str(bad.intent_id))
        sandbox.bank.open_dispute("ncal", str(good.intent_id))
        settle = disputes.settle

        def settle_but_one(*, payment_id: int, **given: Any) -> Dispute | None:
            if payment_id == bad.pk:
                raise RuntimeError("a row that nobody foresaw")
            return settle(payment_id=payment_id, **given)

        monkeypatch.setattr(disputes, "settle", settle_but_one)
        sandbox.shift_clock(dt.timedelta(days=2, hours=3))
        days = daily.due_days(account(), as_of=sandbox.now())
        assert len(days) == 2

        with pytest.raises(ExceptionGroup) as raised:
            daily.catch_up("ncal", as_of=sandbox.now())

        assert raised.group_contains(RuntimeError, match="nobody foresaw")
        for payment, state in {bad: "succeeded", good: "disputed", unsettled: "succeeded"}.items():
            payment.refresh_from_db()
            assert payment.state == state
        assert ("movement", broken["id"], None, -120_00) in open_rows()
        assert JournalEntry.objects.filter(kind=EntryKind.FEE_BOOKED).count() == 5
        assert JournalEntry.objects.filter(kind=EntryKind.PAYOUT_BOOKED).count() == 1
        # Also a later day asks about what is listed; and without the bad row all are done.
        assert daily.due_days(account(), as_of=sandbox.now()) == days
        monkeypatch.setattr(disputes, "settle", settle)
        daily.catch_up("ncal", as_of=sandbox.now())
        assert daily.due_days(account(), as_of=sandbox.now()) == []
        assert open_rows() == []

    def test_while_one_runs_another_is_refused(self, sandbox: Sandbox) -> None:
        paid(sandbox)
        refusals: list[Exception] = []

        def other() -> None:
            try:
                reconcile(sandbox)
            except daily.AlreadyRunning as error:
                refusals.append(error)
            finally:
                connections.close_all()

        with advisory_lock("reconcile:ncal") as mine:
            thread = threading.Thread(target=other)
            thread.start()
            thread.join()
        assert mine
        assert len(refusals) == 1
        assert StripeTransaction.objects.count() == 0

    def test_even_without_that_lock_two_at_once_book_everything_once(
        self, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """The database's own keys hold, should the lock ever be lost with its connection."""

        @contextmanager
        def open_door(name: str) -> Iterator[bool]:
            yield True

        monkeypatch.setattr(running, "advisory_lock", open_door)
        for cents in (120_00, 80_00, 10_00):
            paid(sandbox, cents)
        sandbox.bank.payout("ncal")
        reports: list[daily.Report] = []

        def run() -> None:
            try:
                reports.append(reconcile(sandbox))
            finally:
                connections.close_all()

        threads = [threading.Thread(target=run) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(reports) == 2
        assert sum(report.newly_booked for report in reports) == 4
        assert StripeTransaction.objects.count() == 4
        assert open_rows() == []
        assert ledger("processor_fees") == 3_78 + 2_62 + 59
        assert ledger("processor_clearing") == held_by_stripe(sandbox) == 0

    def test_without_redis_it_is_put_off(self, sandbox: Sandbox, settings: Any) -> None:
        paid(sandbox)
        with pytest.MonkeyPatch.context() as patch:
            patch.setitem(settings.CACHES["default"], "LOCATION", "unix:///nonexistent/redis.sock")
            with pytest.raises(gateway.Busy):
                reconcile(sandbox)
        assert reconcile(sandbox).differences == []


def test_a_run_asks_the_database_as_often_for_many_movements_as_for_few(sandbox: Sandbox) -> None:
    owner = make_account()
    counts = []
    for _ in range(2):
        for _ in range(4):
            paying.pay(sandbox, make_invoice(owner, 20_00))
        reconcile(sandbox)
        with CaptureQueriesContext(connection) as captured:
            reconcile(sandbox)
        counts.append(len(captured))
    assert counts[0] == counts[1]
