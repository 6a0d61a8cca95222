"""Saved methods and bank accounts in tests, without a browser."""

import json
from urllib.parse import urlencode

from billing.models import BillingAccount, Invoice
from demo.stripe.ach import BY_TOKEN, ROUTING_NUMBER
from demo.stripe.core import Sandbox
from payments import gateway
from payments.authorizations import Agreement, for_saving
from payments.gateway import Consent
from payments.methods import describe
from payments.models import Checkout, Payment, PaymentEvent, PaymentMethod
from payments.services import checkout as checkouts
from payments.services import setups, submission, webhooks
from tests.support import paying

CONSENT = Consent(ip_address="203.0.113.7", user_agent="Test browser")
BANK = "pm_usBankAccount_success"


def token_of_unverified_bank(sandbox: Sandbox, name: str = BANK) -> str:
    """What the frame hands over for a bank account whose bank did not confirm it at once."""
    made = sandbox.handle(
        "POST",
        "/v1/payment_methods",
        {"Authorization": "Bearer pk_test_demo_ncal"},
        urlencode(
            {
                "type": "us_bank_account",
                "us_bank_account[account_number]": BY_TOKEN[name].number,
                "us_bank_account[routing_number]": ROUTING_NUMBER,
                "us_bank_account[account_holder_type]": "individual",
                "billing_details[name]": "Ada Okafor",
            }
        ),
    )
    assert made.status == 200, made.body
    return sandbox.confirmation_token("ncal", card=json.loads(made.body)["id"])


def add_by_token(account: BillingAccount, token: str) -> PaymentMethod:
    """Agree to what is shown for this token, and save it."""
    method = gateway.confirmation_method(region=account.region, token=token)
    name = describe(kind=method.kind, brand=method.brand, last4=method.last4)
    return setups.add(
        account=account,
        added_by=account.guarantor.user,
        token=token,
        method=method,
        agreement=Agreement(for_saving(region=account.region, kind=method.kind, method=name), CONSENT),
    )


def add(sandbox: Sandbox, account: BillingAccount, card: str = paying.CARD) -> PaymentMethod:
    """Save a test card or bank account."""
    return add_by_token(account, sandbox.confirmation_token(account.region.stripe_account, card=card))


def start_with_saved(invoice: Invoice, method: PaymentMethod) -> Checkout:
    """A checkout of a whole bill that only has to be confirmed, with a saved method."""
    account = invoice.account
    checkout = checkouts.start(
        account=account,
        started_by=account.guarantor.user,
        amounts={invoice: invoice.payable_cents},
    )
    checkouts.choose_saved_method(checkout=checkout, method=method)
    checkout.refresh_from_db()
    return checkout


def pay_with_saved(invoice: Invoice, method: PaymentMethod) -> Payment:
    """A whole bill, the whole way, as the browser's request does it."""
    payment = paying.confirm(start_with_saved(invoice, method))
    return submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)


def pay_and_keep(sandbox: Sandbox, invoice: Invoice, card: str = paying.CARD) -> Payment:
    """A whole bill with a new method that is to be kept."""
    checkout = paying.start_checkout(sandbox, invoice, card=card)
    token = checkout.confirmation_token
    checkouts.choose_method(checkout=checkout, token=token, keep=True)
    checkout.refresh_from_db()
    payment = paying.confirm(checkout)
    return submission.advance(payment_id=payment.pk, via=PaymentEvent.Via.BROWSER)


def object_at_stripe(sandbox: Sandbox, object_id: str | None) -> dict:
    """An object as the witness holds it."""
    with sandbox.store.read() as tx:
        found = tx.get("ncal", str(object_id))
    assert found is not None
    return found


def becomes(sandbox: Sandbox, method: PaymentMethod, card: str) -> None:
    """From now on the bank treats a saved card as this test card."""
    account = method.account.region.stripe_account
    with sandbox.store.write() as tx:
        found = tx.get(account, str(method.method_id))
        assert found is not None
        found["_test_card"] = card
        tx.put(account, found)


def renewed_by_its_network(sandbox: Sandbox, method: PaymentMethod, year: int = 2031) -> None:
    """Stripe hears of it from the network and tells us."""
    account = method.account.region.stripe_account
    with sandbox.store.write() as tx:
        found = tx.get(account, str(method.method_id))
        assert found is not None
        found["card"]["exp_year"] = year
        tx.put(account, found)
    event = gateway.Event(
        id=f"evt_renewed_{year}",
        type="payment_method.automatically_updated",
        object_id=str(method.method_id),
        api_version="",
    )
    assert webhooks.receive(account=account, event=event) is not None
    webhooks.process_pending()
