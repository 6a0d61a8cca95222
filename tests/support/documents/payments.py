"""What there is in writing of a payment: while a bank works on it, when it arrived, and afterwards."""

import itertools

from django.test import Client
from post_office.models import Email

from payments.models import Payment, Refund
from payments.services import receipts
from tests.support import guests, methods, paying
from tests.support.documents.desk import (
    ANA,
    FACILITY,
    JOSE,
    LONG_SERVICE,
    PROVIDER,
    Desk,
    Sample,
    line_cents,
    line_heads,
)
from tests.support.history import dispute, refund
from tests.support.receipts import editions


def _receipt(desk: Desk, pdf: bytes, payment: Payment, *, itemized: bool, **more: object) -> Sample:
    """Of a payment that settled; still owed is what its bills owe now."""
    bills = [
        (part.invoice.total_cents, part.amount_cents, part.invoice.open_cents)
        for part in payment.allocations.select_related("invoice").order_by("invoice__number")
    ]
    private = (JOSE, "Ambrosio", PROVIDER, "Kowalczyk", FACILITY, "Brien", desk.account.account_number)
    if itemized:
        private = (JOSE, ANA, PROVIDER, FACILITY, desk.account.account_number)
    told: dict[str, object] = {
        "pdf": pdf,
        "title": desk.say("Payment receipt ", "Recibo de pago ") + payment.reference,
        "headings": desk.say(
            ("Payment receipt", "What this payment covered", "Questions about this payment?"),
            ("Recibo de pago", "Lo que cubrió este pago", "¿Preguntas sobre este pago?"),
        ),
        "cents": (
            payment.amount_cents,
            *itertools.chain(*bills),
            *(map(sum, zip(*bills, strict=True)) if len(bills) > 1 else ()),
        ),
        "tables": 2,
        "words": (
            *(payment.reference, desk.account.region.legal_entity, desk.account.region.phone),
            desk.say("Visa ending in 4242", "Visa que termina en 4242"),
            desk.say("Paid on Nov. 2, 2026", "Pagado el 2 de noviembre de 2026"),
            *((desk.say("Sept. 14, 2026", "14 de septiembre de 2026"), *private) if itemized else ()),
        ),
        "hidden": () if itemized else private,
        "heads": desk.say(
            ("Bill", "Bill total", "Paid now", "Still owed"),
            ("Factura", "Total de la factura", "Pagado ahora", "Aún se debe"),
        ),
        "row": "NC-",
        "rows": len(bills),
    }
    return Sample(**{**told, **more})  # type: ignore[arg-type]


def receipt(desk: Desk, *, bills: int = 3, itemized: bool = True) -> Sample:
    """As it is stored and as it is mailed; of bills that stay open."""
    payment = paying.pay_many(desk.sandbox, desk.bills(bills))
    receipts.render(receipt_id=payment.receipt.pk)
    both = editions(payment.receipt)
    return _receipt(
        desk,
        both[0] if itemized else both[1],
        payment,
        itemized=itemized,
        pages=1 if bills < 4 else 2,
    )


def receipt_of_a_guest(desk: Desk) -> Sample:
    """The attachment of the mail that a guest asked for at the page."""
    owed = desk.visit()
    guest = Client()
    guest.cookies["django_language"] = desk.language
    payment = guests.pay(guest, desk.sandbox, owed, amount="120.01")
    guest.get(guests.PAYMENT)
    guest.post(guests.MAIL, {"email": "guest@example.com"})
    mail = Email.objects.get(to="guest@example.com")
    (attachment,) = mail.attachments.all()
    with attachment.file.open("rb") as file:
        pdf = file.read()
    return _receipt(desk, pdf, payment, itemized=False)


def receipt_afterwards(desk: Desk) -> Sample:
    """Refunded in parts, to the card and to the balance; a bank holds another part."""
    payment = paying.pay_many(desk.sandbox, {desk.visit(): 120_01})
    receipts.render(receipt_id=payment.receipt.pk)
    before = _receipt(desk, b"", payment, itemized=True)
    to_card = refund(payment, 10_00)
    to_balance = refund(payment, 2_03, to=Refund.Destination.BALANCE)
    dispute(payment, 7_07, status="needs_response")
    return _receipt(
        desk,
        desk.page("payments:receipt", payment.reference),
        payment,
        itemized=True,
        headings=(before.headings[0], _since(desk), *before.headings[1:]),
        # What is left of the payment; and what was still owed right after it.
        cents=(before.cents[0], 10_00, 2_03, 7_07, 107_98, *before.cents[1:]),
        words=(*before.words, to_card.reference, to_balance.reference),
    )


def _since(desk: Desk) -> str:
    return desk.say("What happened since", "Qué ha pasado desde entonces")


def claim(desk: Desk, *, lines: int = 0, back_cents: int = 0) -> Sample:
    """Of one bill, or with a second one of so many services; a part came back since."""
    paid = {desk.visit("NC-418"): 50_01}
    if lines:
        paid[desk.visit("NC-419", lines=lines)] = 60_02
    payment = paying.pay_many(desk.sandbox, paid)
    if back_cents:
        refund(payment, back_cents)
    left = sum(paid.values()) - back_cents
    came_back = (back_cents, left) if back_cents else ()
    return Sample(
        pdf=desk.page("payments:claim", payment.reference),
        title=desk.say("Itemized statement ", "Estado de cuenta detallado ") + payment.reference,
        headings=(
            desk.say("Itemized statement for a claim", "Estado de cuenta detallado para un reclamo"),
            *((_since(desk),) if back_cents else ()),
            *(desk.say("Bill ", "Factura ") + each.number for each in paid),
            desk.say("Questions about this payment?", "¿Preguntas sobre este pago?"),
        ),
        cents=(
            *(left, *came_back),
            *itertools.chain(
                *(
                    (*line_cents(each), each.total_cents, part.amount_cents, *came_back)
                    for each in paid
                    for part in each.allocations.all()
                )
            ),
        ),
        tables=1 + 3 * len(paid),
        words=(
            *(JOSE, ANA, PROVIDER, FACILITY, LONG_SERVICE, payment.reference),
            *(desk.account.account_number, desk.account.region.legal_entity),
            desk.say("Sept. 14, 2026", "14 de septiembre de 2026"),
            desk.say("Visa ending in 4242", "Visa que termina en 4242"),
        ),
        pages=4 if lines else 2 if back_cents else 1,
        heads=line_heads(desk),
        row="CPT 99",
        rows=2 + lines,
    )


def confirmation(desk: Desk, *, bills: int = 2) -> Sample:
    """Of a bank debit that the bank works on."""
    payment = paying.pay_many(desk.sandbox, desk.bills(bills), card=methods.BANK)
    parts = payment.allocations.order_by("invoice__number").values_list("amount_cents", flat=True)
    return Sample(
        pdf=desk.page("payments:confirmation", payment.reference),
        title=desk.say("Payment confirmation ", "Confirmación de pago ") + payment.reference,
        headings=desk.say(
            ("Payment confirmation", "What it will cover", "Questions about this payment?"),
            ("Confirmación de pago", "Lo que cubrirá", "¿Preguntas sobre este pago?"),
        ),
        cents=(payment.amount_cents, *parts),
        tables=2,
        words=(
            *(payment.reference, JOSE, ANA, desk.account.account_number),
            desk.say("Processing: the money has not arrived yet", "aún no ha llegado"),
            desk.say("This is not a receipt", "Esto no es un recibo"),
        ),
        hidden=desk.say(("Paid", "Payment receipt"), ("Pagado", "Recibo de pago")),
        pages=1 if bills < 5 else 2,
        heads=desk.say(("Bill", "Amount"), ("Factura", "Monto")),
        row="NC-",
        rows=bills,
    )
