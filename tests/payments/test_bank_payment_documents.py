"""One bank payment of two bills, as every document tells it: on its way, there, and back again."""

import datetime as dt
from pathlib import Path

import pytest
from django.test import Client
from django.urls import reverse

from billing.models import BillingAccount, Invoice
from common.clock import business_date
from demo.stripe.core import Sandbox
from payments.models import Payment, State
from tests.support import paying, pdfs
from tests.support.factories import make_account, make_invoice
from tests.support.methods import BANK

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: Path) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]


class Reader:
    """The guarantor opens the documents of the payment, its first bill, and the year."""

    def __init__(self, account: BillingAccount, payment: Payment, bill: Invoice) -> None:
        self.client = Client()
        self.client.force_login(account.guarantor.user)
        year = business_date(account.region.time_zone).year
        self.addresses = {
            **{
                name: reverse(f"payments:{name}", args=[payment.reference])
                for name in ("confirmation", "receipt", "claim")
            },
            "bill": reverse("billing:bill_pdf", args=[bill.pk]),
            "statement": reverse("billing:statement_pdf", args=[year]),
        }

    def text(self, name: str) -> str:
        response = self.client.get(self.addresses[name])
        assert (response.status_code, response["Content-Type"]) == (200, "application/pdf"), name
        return pdfs.text(response.content)

    def amounts(self, name: str) -> list[str]:
        return pdfs.amounts(self.text(name))

    def has_no(self, *names: str) -> bool:
        return all(self.client.get(self.addresses[name]).status_code == 404 for name in names)


def test_processing_then_settled_then_returned(sandbox: Sandbox) -> None:
    account = make_account()
    visit = make_invoice(account, 62_03, number="NC-418", service_on=dt.date(2026, 3, 4))
    scan = make_invoice(account, 157_97, number="NC-502", service_on=dt.date(2026, 5, 6))
    payment = paying.pay_many(sandbox, {visit: 62_03, scan: 57_97}, card=BANK)
    ana = Reader(account, payment, visit)

    assert payment.state == State.PROCESSING
    said = ana.text("confirmation")
    assert "Processing: the money has not arrived yet" in said
    assert "account ending in 6789" in said
    assert pdfs.amounts(said) == ["$120.00", "$62.03", "$57.97"]
    assert ana.has_no("receipt", "claim", "statement")
    said = ana.text("bill")
    assert "A payment of $62.03 is on its way. Please do not pay again." in said
    assert "Payment received" not in said
    assert "Still owed $62.03 Of that, on its way $62.03 Still to pay $0.00" in said

    sandbox.bank.settle("ncal", str(payment.intent_id))
    paying.hear(sandbox)

    assert ana.client.get(ana.addresses["confirmation"])["Location"] == ana.addresses["receipt"]
    said = ana.text("receipt")
    assert "What happened since" not in said
    receipt_bills = ["$62.03", "$62.03", "$0.00", "$157.97", "$57.97", "$100.00"]
    assert pdfs.amounts(said) == ["$120.00", *receipt_bills, "$220.00", "$120.00", "$100.00"]
    said = ana.text("claim")
    assert pdfs.amounts(said)[0] == "$120.00"
    assert "came back" not in said
    for part in ("of this bill $62.03 You paid with this payment $62.03", "payment $57.97"):
        assert part in said
    said = ana.text("bill")
    assert "This bill is paid. You owe nothing on it." in said
    assert pdfs.amounts(said)[-3:] == ["$62.03", "$62.03", "$0.00"]
    assert ana.amounts("statement") == [
        "$120.00",  # in all; then medical bills, and together: paid, came back, less that
        *("$120.00", "$0.00", "$120.00"),
        *("$120.00", "$0.00", "$120.00"),
        *("$120.00", "$120.00"),  # the patient
    ]

    sandbox.bank.return_payment("ncal", str(payment.intent_id), "R01")
    paying.hear(sandbox)

    payment.refresh_from_db()
    assert payment.state == State.RETURNED
    said = ana.text("receipt")
    assert "$120.00 returned: the bank took it back Left of this payment: $0.00" in said
    assert pdfs.amounts(said)[3:9] == receipt_bills, "what it had covered"
    said = ana.text("claim")
    assert pdfs.amounts(said)[0] == "$0.00"
    assert "$120.00 returned: the bank took it back Left of this payment: $0.00" in said
    for cents in ("$62.03", "$57.97"):
        paid = f"You paid with this payment {cents} Of that, came back since {cents}"
        assert f"{paid} Paid in the end $0.00" in said
    said = ana.text("bill")
    assert "Please pay by" in said
    assert "Taken back by your bank" in said
    assert visit.pay_code in said
    assert pdfs.amounts(said)[0] == "$62.03"
    assert pdfs.amounts(said)[-4:] == ["$62.03"] * 4  # billed, received, taken back, owed
    assert ana.amounts("statement") == [
        "$0.00",
        *("$120.00", "$120.00", "$0.00"),
        *("$120.00", "$120.00", "$0.00"),
        *("$0.00", "$0.00"),
    ]
