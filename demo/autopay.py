"""Sample people whose bills are paid by themselves: agreed to by the services behind the pages."""

from autopay.models import Enrollment, Scope
from autopay.services import enrollment
from autopay.terms import Choice, for_autopay
from billing.models import BillingAccount
from common.clock import business_date
from demo.people import SampleAutopay, SampleMember
from demo.stripe.core import Sandbox
from payments import gateway
from payments.authorizations import Agreement, for_saving
from payments.gateway import Consent
from payments.methods import describe
from payments.models import PaymentMethod
from payments.services import setups

# Whoever starts the demo, on the machine it runs on.
CONSENT = Consent(ip_address="127.0.0.1", user_agent="Sample data")


def begin(person: SampleMember, wish: SampleAutopay, sandbox: Sandbox) -> None:
    """Save the person's method and start autopay, where neither was ever done."""
    account = BillingAccount.objects.select_related("region", "guarantor__user").get(
        region__code=person.region, account_number=person.account_number
    )
    user = account.guarantor.user
    if user is None or Enrollment.objects.filter(account=account).exists():
        return
    choice = Choice(
        scope=Scope(wish.scope),
        method=_saved(account, wish.method, sandbox),
        limit_cents=wish.limit_cents,
        starts_on=business_date(account.region.time_zone),
    )
    terms = for_autopay(region=account.region, choice=choice)
    enrollment.enroll(account=account, choice=choice, agreement=Agreement(terms, CONSENT), by=user)


def _saved(account: BillingAccount, name: str, sandbox: Sandbox) -> PaymentMethod:
    """One of Stripe's test methods, by its name, as its frame would have handed it over."""
    region = account.region
    token = sandbox.confirmation_token(gateway.key_name(region.stripe_account), card=name)
    method = gateway.confirmation_method(region=region, token=token)
    shown = describe(kind=method.kind, brand=method.brand, last4=method.last4)
    return setups.add(
        account=account,
        added_by=account.guarantor.user,
        token=token,
        method=method,
        agreement=Agreement(for_saving(region=region, kind=method.kind, method=shown), CONSENT),
    )
