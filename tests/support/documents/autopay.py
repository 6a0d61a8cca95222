"""What was agreed to, and that it ended."""

import datetime as dt

from django.utils import translation

from autopay.models import Enrollment
from autopay.services import enrollment as services
from common.money import format_cents
from tests.support import methods
from tests.support.autopay import DUE, by, enrolled, run, work
from tests.support.autopay import bill as bill_due
from tests.support.documents.desk import ANA, Desk, Sample


def _enrolled(desk: Desk, **choice: object) -> Enrollment:
    with translation.override(desk.language):
        return enrolled(desk.sandbox, account=desk.account, **choice)  # type: ignore[arg-type]


def _facts(desk: Desk, stands: Enrollment) -> tuple[str, ...]:
    """Method, day and limit, as the database has them."""
    method, day, limit = stands.method, stands.day_of_month, stands.limit_cents
    none = desk.say("No limit", "Sin límite")
    return (
        f"{desk.say('ending in', 'que termina en')} {method.last4}",
        desk.say(f"Day {day} of the month", f"El día {day} del mes")
        if day
        else desk.say("On each bill's due date", "El día en que vence cada factura"),
        format_cents(limit) if limit else none,
        stands.reference,
        ANA,
        desk.account.account_number,
        desk.account.region.legal_entity,
    )


def authorization(desk: Desk, **choice: object) -> Sample:
    """What was agreed to, word for word."""
    stands = _enrolled(desk, **choice)
    given = stands.authorization
    assert given.language == desk.language
    limit = () if stands.limit_cents is None else (stands.limit_cents,)
    return Sample(
        pdf=desk.page("autopay:copy", stands.reference),
        title=desk.say("Autopay authorization ", "Autorización de pago automático ") + stands.reference,
        headings=desk.say(
            ("Autopay authorization", "What you agreed to", "Questions about autopay?"),
            (
                "Autorización de pago automático",
                "Lo que usted aceptó",
                "¿Preguntas sobre el pago automático?",
            ),
        ),
        cents=(*limit, *limit),  # among the facts, and in the text
        tables=1,
        words=(
            *_facts(desk, stands),
            *(" ".join(paragraph.split()) for paragraph in given.text.split("\n\n")),
            *(given.version, given.ip_address, given.sha256),
        ),
    )


def proof(desk: Desk, *, draws: int = 0) -> Sample:
    """That autopay ended; one draw was on its way, so many others will not be made."""
    stands = _enrolled(desk, card=methods.BANK, limit_cents=500_00)
    if draws:
        bill_due(stands, 120_00, due_on=DUE)
        for n in range(draws):
            bill_due(stands, 30_00 + n, due_on=dt.date(2026, 12, 1) + dt.timedelta(days=n))
        work(desk.account.region, draw=False)
        desk.calendar.go_to(DUE)
        run(desk.account.region)
    services.cancel(enrollment=stands, **by(stands))  # type: ignore[arg-type]
    stands.refresh_from_db()
    sent = desk.account.payments.values_list("reference", flat=True)
    parts = desk.say(
        ("Sent to the bank before", "Draws that will not be made"),
        ("Enviados al banco antes", "Cobros que no se harán"),
    )
    not_made = stands.drafts.filter(state="canceled").order_by("draw_on", "pk")
    assert (len(sent), len(not_made)) == (min(1, draws), draws)
    return Sample(
        pdf=desk.page("autopay:proof", stands.reference),
        title=desk.say("Autopay canceled ", "Pago automático cancelado ") + stands.reference,
        headings=(
            desk.say("Autopay canceled", "Pago automático cancelado"),
            *(parts if draws else ()),
            desk.say("Questions about autopay?", "¿Preguntas sobre el pago automático?"),
        ),
        cents=(500_00, *not_made.values_list("amount_cents", flat=True)),
        tables=2 if draws else 1,
        words=(
            *_facts(desk, stands),
            *sent,
            desk.say("Nov. 16, 2026", "16 de noviembre de 2026")
            if draws
            else desk.say("Nov. 2, 2026", "2 de noviembre de 2026"),
        ),
        pages=1 if draws < 10 else 2,
        heads=desk.say(("Date", "Amount"), ("Fecha", "Monto")) if draws else (),
        row="$30.",
        rows=draws,
    )
