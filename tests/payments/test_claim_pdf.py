"""Documents of one payment besides its receipt: for a claim, while a bank works, and after a change."""

import datetime as dt

import pytest
from django.test import Client
from django.urls import reverse
from post_office.models import Email

from billing.models import BillingAccount, Invoice
from billing.services import invoices
from billing.services.invoices import LineDraft
from common.clock import now
from common.money import format_cents
from demo.stripe.core import Sandbox
from payments.models import Payment, Receipt, Refund, State
from payments.services import moving, receipts
from tests.support import paying, pdfs
from tests.support.factories import make_account, make_invoice, make_member
from tests.support.history import dispute, refund
from tests.support.receipts import editions

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _own_media_folder(settings: object, tmp_path: object) -> None:
    settings.MEDIA_ROOT = tmp_path  # type: ignore[attr-defined]


@pytest.fixture
def account() -> BillingAccount:
    return make_account(make_member(first_name="Ana", last_name="Núñez-O’Brien"))


@pytest.fixture
def ana(account: BillingAccount) -> Client:
    client = Client()
    client.force_login(account.guarantor.user)
    return client


@pytest.fixture
def visit(account: BillingAccount) -> Invoice:
    """José's visit of two services, $62.03 of which the plan did not pay."""
    return make_invoice(
        account,
        number="NC-418",
        patient=make_member(first_name="José", last_name="D’Ambrosio", registered=False),
        provider="Dr. Łucja Kowalczyk",
        facility="Oakland Eye Center",
        service_on=dt.date(2026, 3, 4),
        lines=[
            LineDraft(
                service_on=dt.date(2026, 3, 4),
                code="92014",
                code_system="CPT",
                description="Eye exam",
                charge_cents=240_00,
                plan_paid_cents=150_00,
                adjustment_cents=48_00,
                patient_cents=42_00,
            ),
            LineDraft(
                service_on=dt.date(2026, 3, 4),
                code="V2020",
                code_system="HCPCS",
                description="Frames",
                charge_cents=120_05,
                plan_paid_cents=80_01,
                adjustment_cents=20_01,
                patient_cents=20_03,
            ),
        ],
    )


def fetched(client: Client, document: str, payment: Payment) -> bytes:
    response = client.get(reverse(f"payments:{document}", args=[payment.reference]))
    assert response.status_code == 200, response
    assert response["Content-Type"] == "application/pdf"
    assert "no-store" in response["Cache-Control"]
    return response.content


class TestForAClaim:
    def test_it_says_what_administrators_ask_for_to_the_cent(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice, settings: object
    ) -> None:
        settings.PAYEE_TAX_IDS = {"default": "94-0000000", "ncal": "94-1340523"}  # type: ignore[attr-defined]
        payment = paying.pay(sandbox, visit, 50_01)
        said = pdfs.text(fetched(ana, "claim", payment))
        for word in (
            "José D’Ambrosio",
            "Dr. Łucja Kowalczyk",
            "Oakland Eye Center",
            "March 4, 2026",
            "Eye exam",
            "code CPT 92014",
            "code HCPCS V2020",
            "Visa ending in 4242",
            payment.reference,
            account.region.legal_entity,
            "One Kaiser Plaza",
            "94-1340523",
        ):
            assert word in said
        expected = [
            50_01,
            *(240_00, 150_00, 48_00, 42_00),
            *(120_05, 80_01, 20_01, 20_03),
            *(360_05, 230_01, 68_01, 62_03),
            *(visit.total_cents, payment.allocations.get().amount_cents),
        ]
        assert pdfs.amounts(said) == [format_cents(cents) for cents in expected]

    def test_a_region_without_a_tax_id_prints_none(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        said = pdfs.text(fetched(ana, "claim", paying.pay(sandbox, visit)))
        assert "Tax ID" not in said

    def test_after_a_refund_it_says_what_was_paid_in_the_end(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit)
        made = refund(payment, 12_01)
        said = pdfs.text(fetched(ana, "claim", payment))
        assert pdfs.amounts(said)[0] == "$50.02"
        assert f"$12.01 refunded to Visa ending in 4242, reference {made.reference}" in said
        assert "Of that, came back since $12.01 Paid in the end $50.02" in said

    def test_after_a_dispute_it_says_what_the_bank_kept_and_nothing_before_it_decided(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit)
        dispute(payment, 20_00, status="needs_response")
        said = pdfs.text(fetched(ana, "claim", payment))
        assert pdfs.amounts(said)[0] == "$62.03"
        assert "$20.00 disputed: the bank holds it until it decides" in said
        assert "came back" not in said
        dispute(payment, 20_00, status="lost")
        said = pdfs.text(fetched(ana, "claim", payment))
        assert pdfs.amounts(said)[0] == "$42.03"
        assert "$20.00 taken back by the bank after a dispute" in said
        assert "Of that, came back since $20.00 Paid in the end $42.03" in said

    def test_after_the_bill_was_canceled_nothing_is_claimed_of_it(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice
    ) -> None:
        other = make_invoice(account, 57_97, service_on=dt.date(2026, 5, 4))
        payment = paying.pay_many(sandbox, {visit: 62_03, other: 57_97})
        refund(payment, 2_03, parts={payment.allocations.get(invoice=visit).pk: 2_03})
        invoices.void(invoice=visit)

        said = pdfs.text(fetched(ana, "claim", payment))

        assert pdfs.amounts(said)[0] == "$57.97"
        assert "Bill NC-418 canceled, $60.00 to the account balance" in said
        assert "Left of this payment: $57.97" in said
        ending = "You paid with this payment $62.03 Of that, came back since $62.03"
        assert f"{ending} Paid in the end $0.00" in said
        assert said.count("Paid in the end") == 1

    def test_canceled_and_then_returned_it_says_both_and_counts_neither_twice(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit)
        invoices.void(invoice=visit)
        dispute(payment, 62_03, is_return=True, reason="R01")
        said = pdfs.text(fetched(ana, "claim", payment))
        assert pdfs.amounts(said)[0] == "$0.00"
        canceled = said.index("Bill NC-418 canceled, $62.03 to the account balance")
        assert canceled < said.index("$62.03 returned: the bank took it back"), "in their order"
        assert "Left of this payment: $0.00" in said

    def test_a_bill_that_the_payment_was_moved_from_before_it_was_canceled_takes_nothing(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit)
        other = make_invoice(account, 62_03, number="NC-500")
        moving.move_to_bill(
            payment=payment,
            from_invoice=visit,
            to_invoice=other,
            amount_cents=62_03,
            reason="Other bill",
            moved_by=account.guarantor.user,
        )
        invoices.void(invoice=visit)
        for document in ("claim", "receipt"):
            assert "canceled" not in pdfs.text(fetched(ana, document, payment))
        invoices.void(invoice=other)
        for document in ("claim", "receipt"):
            said = pdfs.text(fetched(ana, document, payment))
            assert "Bill NC-500 canceled, $62.03 to the account balance" in said

    def test_it_names_what_the_balance_paid_beside_the_card(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice
    ) -> None:
        paying.add_money(sandbox, account, 40_00)
        payment = paying.pay_many(sandbox, {visit: 62_03}, from_balance_cents=40_00)
        said = pdfs.text(fetched(ana, "claim", payment))
        assert "Paid with Visa ending in 4242, and $40.00 from the account balance" in said

    def test_money_added_to_the_balance_and_money_on_its_way_are_no_expense(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice
    ) -> None:
        added = paying.add_money(sandbox, account, 40_00)
        waiting = paying.confirm(paying.start_checkout(sandbox, visit))
        for payment in (added, waiting):
            assert ana.get(reverse("payments:claim", args=[payment.reference])).status_code == 404

    def test_it_costs_the_same_few_queries_whatever_the_number_of_bills(
        self,
        sandbox: Sandbox,
        account: BillingAccount,
        ana: Client,
        visit: Invoice,
        django_assert_max_num_queries: object,
    ) -> None:
        one = paying.pay(sandbox, visit)
        many = paying.pay_many(sandbox, {make_invoice(account): 10_00 for _ in range(12)})
        ana.get(reverse("billing:home"))
        for payment in (one, many):
            with django_assert_max_num_queries(5):  # type: ignore[operator]
                fetched(ana, "claim", payment)

    def test_others_have_none(self, sandbox: Sandbox, visit: Invoice, client: Client) -> None:
        payment = paying.pay(sandbox, visit)
        client.force_login(make_account().guarantor.user)
        for document in ("claim", "confirmation"):
            url = reverse(f"payments:{document}", args=[payment.reference])
            assert client.get(url).status_code == 404


class TestWhileABankWorksOnIt:
    def test_it_says_processing_and_never_paid(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit, card="pm_usBankAccount_success")
        assert payment.state == State.PROCESSING
        said = pdfs.text(fetched(ana, "confirmation", payment))
        assert "Payment confirmation" in said
        assert "Processing: the money has not arrived yet" in said
        assert "This is not a receipt." in said
        assert pdfs.amounts(said) == ["$62.03", "$62.03"]
        for word in ("Paid", "Payment receipt", "settled"):
            assert word not in said
        page = ana.get(reverse("payments:show", args=[payment.reference])).content.decode()
        assert reverse("payments:confirmation", args=[payment.reference]) in page
        assert ana.get(reverse("payments:receipt", args=[payment.reference])).status_code == 404

    def test_it_says_what_comes_from_the_balance_and_not_from_the_bank(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client, visit: Invoice
    ) -> None:
        paying.add_money(sandbox, account, 40_00)
        payment = paying.pay_many(
            sandbox, {visit: 62_03}, from_balance_cents=40_00, card="pm_usBankAccount_success"
        )
        assert (payment.state, payment.charge_cents) == (State.PROCESSING, 22_03)
        said = pdfs.text(fetched(ana, "confirmation", payment))
        assert "account ending in 6789, and $40.00 from the account balance" in said
        assert pdfs.amounts(said) == ["$62.03", "$40.00", "$62.03"]

    def test_once_it_has_arrived_there_is_a_receipt_instead(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit)
        response = ana.get(reverse("payments:confirmation", args=[payment.reference]))
        assert response["Location"] == reverse("payments:receipt", args=[payment.reference])

    def test_a_declined_payment_has_neither(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        payment = paying.pay(sandbox, visit, card="pm_card_visa_chargeDeclined")
        for document in ("confirmation", "claim", "receipt"):
            url = reverse(f"payments:{document}", args=[payment.reference])
            assert ana.get(url).status_code == 404


class TestTheReceiptAfterwards:
    @pytest.fixture
    def payment(self, sandbox: Sandbox, visit: Invoice) -> Payment:
        """Of $62.03; its receipt was rendered and mailed when it settled."""
        made = paying.pay(sandbox, visit)
        receipts.render(receipt_id=made.receipt.pk)
        return made

    def test_without_a_change_is_the_stored_document(self, ana: Client, payment: Payment) -> None:
        stored = bytes(Receipt.objects.get(payment=payment).pdf)
        assert fetched(ana, "receipt", payment) == stored
        assert "What happened since" not in pdfs.text(stored)

    def test_says_what_was_refunded_and_where_to(self, ana: Client, payment: Payment) -> None:
        stored = bytes(Receipt.objects.get(payment=payment).pdf)
        to_card = refund(payment, 10_00)
        to_balance = refund(payment, 2_03, to=Refund.Destination.BALANCE)
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert f"$10.00 refunded to Visa ending in 4242, reference {to_card.reference}" in said
        assert f"$2.03 refunded to the account balance, reference {to_balance.reference}" in said
        assert "Left of this payment: $50.00" in said
        assert bytes(Receipt.objects.get(payment=payment).pdf) == stored, "what was kept is kept"

    def test_says_that_a_bank_took_it_back(self, ana: Client, payment: Payment) -> None:
        dispute(payment, 62_03, is_return=True, reason="R01")
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert "$62.03 returned: the bank took it back" in said
        assert "Left of this payment: $0.00" in said

    def test_says_that_a_bank_has_not_decided_and_nothing_once_it_decided_for_us(
        self, ana: Client, payment: Payment
    ) -> None:
        dispute(payment, 62_03, status="needs_response")
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert "$62.03 disputed: the bank holds it until it decides" in said
        assert "Left of this payment: $62.03" in said
        dispute(payment, 62_03, status="won")
        assert "disputed" not in pdfs.text(fetched(ana, "receipt", payment))

    def test_made_while_a_bank_held_the_money_says_nothing_of_it_once_it_decided_for_us(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        made = paying.pay(sandbox, visit)
        dispute(made, 62_03, status="needs_response")
        receipts.render(receipt_id=made.receipt.pk)
        assert "disputed" in pdfs.text(bytes(Receipt.objects.get(payment=made).pdf))
        dispute(made, 62_03, status="won")
        said = pdfs.text(fetched(ana, "receipt", made))
        assert "What happened since" not in said
        assert "disputed" not in said

    def test_made_after_a_bank_decided_for_us_is_the_stored_document(
        self, sandbox: Sandbox, ana: Client, visit: Invoice
    ) -> None:
        made = paying.pay(sandbox, visit)
        dispute(made, 62_03, status="needs_response")
        dispute(made, 62_03, status="won")
        receipts.render(receipt_id=made.receipt.pk)
        assert fetched(ana, "receipt", made) == bytes(Receipt.objects.get(payment=made).pdf)

    def test_says_that_the_bill_was_canceled_and_where_its_money_went(
        self, ana: Client, payment: Payment, visit: Invoice
    ) -> None:
        invoices.void(invoice=visit)
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert "Bill NC-418 canceled, $62.03 to the account balance" in said
        assert "Left of this payment: $0.00" in said
        dispute(payment, 62_03, is_return=True, reason="R01")
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert "Bill NC-418 canceled, $62.03 to the account balance" in said
        assert "$62.03 returned: the bank took it back" in said
        assert "Left of this payment: $0.00" in said

    def test_mailed_again_says_so_too_and_names_no_patient(self, payment: Payment) -> None:
        refund(payment, 10_00)
        receipt = payment.receipt
        receipts.mail_again(receipt=receipt, to="ana@example.com", at=now() + dt.timedelta(hours=1))
        receipt.mail_id = Email.objects.latest("pk").pk
        receipt.save(update_fields=["mail_id"])
        _, mailed = editions(receipt)
        said = pdfs.text(mailed)
        assert "$10.00 refunded to Visa ending in 4242" in said
        assert "José" not in said

    def test_of_money_added_to_the_balance_says_so(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        added = paying.add_money(sandbox, account, 40_00)
        said = pdfs.text(fetched(ana, "receipt", added))
        assert "Added to the account balance $40.00" in said
        assert "Still owed”" not in said

    def test_names_what_the_balance_paid_beside_the_card(
        self, sandbox: Sandbox, account: BillingAccount, ana: Client
    ) -> None:
        paying.add_money(sandbox, account, 40_00)
        payment = paying.pay_many(
            sandbox, {make_invoice(account, 100_00): 100_00}, from_balance_cents=40_00
        )
        said = pdfs.text(fetched(ana, "receipt", payment))
        assert "Visa ending in 4242, and $40.00 from the account balance" in said
