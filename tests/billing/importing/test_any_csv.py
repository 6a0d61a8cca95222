"""Whatever bills a CSV brings: what went in is what the file asked for, and twice is once."""

import io
import tempfile
from collections import defaultdict
from pathlib import Path

from django.core.management import call_command
from django.db.models import Sum
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from billing.models import Invoice, InvoiceLine, JournalLine, LedgerCode
from tests.support.importing import import_bills, row, write_csv

MOST_CENTS = 99_999_99

words = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1, max_size=40
).filter(lambda text: text.strip() != "")

line = st.tuples(
    st.integers(0, 5),  # which bill
    st.tuples(*[st.integers(0, MOST_CENTS)] * 3),  # plan, adjustment, patient
    st.integers(-50, 50),  # what the charge is off by
    words,
)


def dollars(cents: int) -> str:
    return f"{cents // 100}.{cents % 100:02d}"


def rows_of(lines: list[tuple[int, tuple[int, int, int], int, str]]) -> list[dict[str, str]]:
    totals: dict[int, int] = defaultdict(int)
    for bill, (_, _, patient_cents), _, _ in lines:
        totals[bill] += patient_cents
    return [
        row(
            account_number=f"A-{bill % 2}",
            guarantor_member_number=f"100{bill % 2}",
            bill_number=f"B-{bill}",
            bill_total=dollars(totals[bill]),
            charge=dollars(max(plan + adjustment + patient_cents + off, patient_cents)),
            plan_paid=dollars(plan),
            adjustment=dollars(adjustment),
            your_part=dollars(patient_cents),
            description=description,
        )
        for bill, (plan, adjustment, patient_cents), off, description in lines
    ]


class AnyCsv(TestCase):
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(line, min_size=1, max_size=12))
    def test_sums_in_are_sums_out_and_a_second_run_changes_nothing(
        self, lines: list[tuple[int, tuple[int, int, int], int, str]]
    ) -> None:
        rows = rows_of(lines)
        asked_cents = sum(patient_cents for _, (_, _, patient_cents), _, _ in lines)
        with tempfile.TemporaryDirectory() as folder:
            path = write_csv(Path(folder) / "any.csv", rows)
            assert import_bills(path).code == 0
            again = import_bills(path)
        assert (again.code, again.summary("Changes:")) == (0, "0")
        assert Invoice.objects.aggregate(cents=Sum("open_cents")) == {"cents": asked_cents}
        assert InvoiceLine.objects.count() == len(lines)
        booked = JournalLine.objects.filter(ledger_account=LedgerCode.RECEIVABLE)
        assert (booked.aggregate(cents=Sum("amount_cents"))["cents"] or 0) == asked_cents
        for invoice in Invoice.objects.prefetch_related("lines"):
            explained = sum(
                one.plan_paid_cents + one.adjustment_cents + one.patient_cents
                for one in invoice.lines.all()
            )
            charged = sum(one.charge_cents for one in invoice.lines.all())
            assert charged - explained == invoice.unexplained_cents
        call_command("verify_ledger", stdout=io.StringIO())
