"""What a household owes, and what it paid in a year."""

import datetime as dt
import itertools

from accounts.models import Member
from billing.models import Invoice
from common.money import format_cents
from tests.support.billing import set_aside, settle
from tests.support.documents.desk import (
    ANA,
    FACILITY,
    JOSE,
    LONG_NAME,
    LONG_SERVICE,
    PROVIDER,
    Desk,
    Sample,
    line_cents,
    line_heads,
)
from tests.support.factories import make_invoice, make_member


def bill(desk: Desk, *, lines: int = 5) -> Sample:
    """A long one is paid in part, and another part is on its way."""
    made, since = desk.visit(lines=lines), ()
    if lines > 10:
        settle(made, 20_01, on=dt.date(2026, 10, 20))
        set_aside(made, 5_00)
        made.refresh_from_db()
        since = (20_01, made.open_cents, 5_00)
    return Sample(
        pdf=desk.page("billing:bill_pdf", made.pk),
        title=desk.say("Bill NC-417", "Factura NC-417"),
        headings=desk.say(
            ("Bill NC-417", "Services", "What is owed", "How to pay"),
            ("Factura NC-417", "Servicios", "Lo que se debe", "Cómo pagar"),
        ),
        cents=(
            made.payable_cents,
            *line_cents(made),
            *(made.total_cents, *since, made.payable_cents),
        ),
        tables=3,
        words=(
            *(JOSE, ANA, f"{PROVIDER}, {FACILITY}", LONG_SERVICE, desk.account.account_number),
            *(made.pay_code or "", desk.account.region.phone),
            desk.say("Please pay by Nov. 30, 2026", "30 de noviembre de 2026"),
            desk.say("Scan to pay", "Escanee para pagar"),
            desk.say("Still owed ", "Aún se debe ") + format_cents(made.open_cents),
        ),
        alternatives=(
            desk.say(
                "QR code: opens the page to pay this bill",
                "Código QR: abre la página para pagar esta factura",
            ),
        ),
        pages=1 if lines < 10 else 4,
        heads=line_heads(desk),
        row="CPT 99",
        rows=lines,
    )


def statement(desk: Desk, *, patients: int = 2) -> Sample:
    """Of a year in which everybody was treated and some paid premiums and fees."""
    kinds = {"medical": Invoice.Kind.MEDICAL, "premium": Invoice.Kind.PREMIUM}
    kinds["charge"] = Invoice.Kind.CHARGE
    people = [desk.account.guarantor, desk.child]
    people += [
        make_member(first_name=f"Łucía {n:02d}", last_name="D'Été-Nguyễn", registered=False)
        for n in range(patients - 2)
    ]
    if patients > 2:
        people.append(make_member(first_name=LONG_NAME[0], last_name=LONG_NAME[1], registered=False))
    paid: dict[Member, list[int]] = {person: [0] * len(kinds) for person in people}
    for index, person in enumerate(people):
        for column, kind in enumerate(kinds.values()):
            if column and index % (3 * column):
                continue
            owed = make_invoice(desk.account, 2_000_00, patient=person, kind=kind)
            settle(owed, 1_000_00 + 11 * index + column, on=dt.date(2025, 5, 5))
            owed.refresh_from_db()
            paid[person][column] = owed.total_cents - owed.open_cents
    by_kind = [sum(column) for column in zip(*paid.values(), strict=True)]
    rows = Member.objects.filter(pk__in=[person.pk for person in people])
    return Sample(
        pdf=desk.page("billing:statement_pdf", 2025),
        title=desk.say("Statement of payments 2025", "Estado de cuenta de pagos 2025"),
        headings=desk.say(
            ("Statement of payments 2025", "By kind", "By patient", "How this is counted"),
            ("Estado de cuenta de pagos 2025", "Por tipo", "Por paciente", "Cómo se calcula"),
        ),
        cents=(
            sum(by_kind),
            *itertools.chain(*((cents, 0, cents) for cents in by_kind)),
            *(sum(by_kind), 0, sum(by_kind)),
            *itertools.chain(
                *(
                    (*paid[person], sum(paid[person]))
                    for person in rows.order_by("first_name", "last_name")
                )
            ),
        ),
        tables=3,
        words=(
            *(person.full_name for person in people),
            *(desk.account.account_number, desk.account.region.legal_entity),
            desk.say("Paid on your bills", "Pagado de sus facturas"),
        ),
        pages=1 if patients < 5 else 2,
        heads=desk.say(
            ("Medical and hospital", "Premiums", "Fees and other charges", "Together"),
            ("Gastos médicos y hospitalarios", "Primas", "Comisiones y otros cargos", "En total"),
        ),
        row="Łucía ",
        rows=patients - 2,
    )
