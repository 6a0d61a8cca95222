"""Refunds by staff: confirmed, once, in the log; above the limit only with a second person."""

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

from accounts.models import User
from accounts.roles import Role
from billing.models import JournalEntry
from demo.stripe.core import Sandbox
from payments.models import Payment, Refund, State
from payments.services import refunds
from payments.services.verification import CHECKS
from staff.acts.base import Subject
from staff.acts.refunds import RefundPayment
from staff.models import Action, AuditRecord, RefundRequest, RequestState
from staff.services import refund_requests
from staff.services.audit import Actor
from tests.support import paying
from tests.support.factories import make_account, make_invoice, make_staff
from tests.support.staff import act, browser_of, confirm, text_of

pytestmark = pytest.mark.django_db

WANTED = {"amount": "40.00", "destination": "source", "reason": "Paid twice"}


@pytest.fixture
def payment(sandbox: Sandbox) -> Payment:
    return paying.pay(sandbox, make_invoice(make_account(), 500_00))


@pytest.fixture
def agent() -> Client:
    return browser_of(make_staff(Role.BILLING_AGENT))


@pytest.fixture
def supervisor() -> Client:
    return browser_of(make_staff(Role.SUPERVISOR))


def url_of(payment: Payment) -> str:
    return reverse("admin:desk_refund", args=[payment.reference])


def acts() -> list[str]:
    looks = (Action.LOOKED, Action.SEARCHED, Action.LISTED)
    return list(AuditRecord.objects.exclude(action__in=looks).values_list("action", flat=True))


def test_nothing_moves_before_the_effect_was_read(agent: Client, payment: Payment) -> None:
    before = JournalEntry.objects.count()
    page, _data = confirm(agent, url_of(payment), WANTED)
    said = text_of(page)
    assert f"$40.00 of payment {payment.reference} goes back to Visa ending in 4242." in said
    assert "Its bills are owed again by $40.00 in all." in said
    assert (Refund.objects.count(), JournalEntry.objects.count(), acts()) == (0, before, [])


def test_an_agent_refunds_a_part(sandbox: Sandbox, agent: Client, payment: Payment) -> None:
    done = act(agent, url_of(payment), WANTED)
    refund = Refund.objects.get()
    assert f"Refund {refund.reference} of $40.00 is on its way." in text_of(done)
    refunds.advance(refund_id=refund.pk)
    payment.refresh_from_db()
    assert (payment.state, payment.refunded_cents) == (State.PARTLY_REFUNDED, 40_00)
    record = AuditRecord.objects.get(action=Action.REFUNDED)
    assert (record.reference, record.account) == (payment.reference, payment.account)
    assert record.detail == {"amount_cents": 40_00, "destination": "source", "reason": "Paid twice"}
    paying.assert_invariants(sandbox)


def test_the_button_pressed_twice_in_two_tabs_refunds_once(agent: Client, payment: Payment) -> None:
    _page, data = confirm(agent, url_of(payment), WANTED)
    for expected in ("is on its way", "done already, once"):
        assert expected in text_of(agent.post(url_of(payment), data, follow=True))
    assert Refund.objects.count() == 1
    assert acts() == [Action.REFUNDED]


def test_what_changed_meanwhile_is_read_again(
    agent: Client, payment: Payment, settings: Settings
) -> None:
    settings.STAFF_REFUND_LIMIT_CENTS = 500_00
    wanted = WANTED | {"amount": "240.00"}
    _page, first = confirm(agent, url_of(payment), wanted)
    changed = first | {"amount": "10.00"}
    page = agent.post(url_of(payment), changed)
    assert "Something changed since you looked" in text_of(page)
    assert Refund.objects.count() == 0
    # The same part in two tabs: what the second said is no longer so, and is read again.
    _page, second = confirm(agent, url_of(payment), wanted | {"reason": "again"})
    _page, third = confirm(agent, url_of(payment), wanted | {"reason": "and again"})
    agent.post(url_of(payment), first)
    page = agent.post(url_of(payment), second)
    assert "Something changed since you looked" in text_of(page)
    assert "After that, $20.00 of it can still go back." in text_of(page)
    assert Refund.objects.count() == 1
    # Two refunds that are meant, and a third that would be too much.
    act(agent, url_of(payment), wanted | {"reason": "again"})
    refused = agent.post(url_of(payment), third)
    assert refused.status_code == 422
    assert Refund.objects.count() == 2
    assert acts() == [Action.REFUNDED] * 2


@pytest.mark.parametrize(
    ("field", "value", "said"),
    [
        ("amount", "500.01", "Enter $500.00 or less"),
        ("amount", "-5", "cannot be negative"),
        ("amount", "0", "above zero"),
        ("reason", "card 4242 4242 4242 4242", "Card numbers are never typed here"),
        ("reason", "", "required"),
        ("destination", "elsewhere", "not one of the available choices"),
    ],
)
def test_what_is_refused_moves_nothing(
    agent: Client, payment: Payment, field: str, value: str, said: str
) -> None:
    page = agent.post(url_of(payment), WANTED | {field: value})
    assert page.status_code == 422
    assert said in text_of(page)
    assert Refund.objects.count() == 0


def test_a_ticket_of_somebody_else_is_worth_nothing(
    agent: Client, supervisor: Client, payment: Payment
) -> None:
    _page, data = confirm(agent, url_of(payment), WANTED)
    page = supervisor.post(url_of(payment), data)
    assert "This will happen" in text_of(page)
    assert Refund.objects.count() == 0


def test_an_auditor_refunds_nothing(payment: Payment) -> None:
    auditor = browser_of(make_staff(Role.AUDITOR))
    for answer in (auditor.get(url_of(payment)), auditor.post(url_of(payment), WANTED)):
        assert answer.status_code == 403


class TestAboveTheLimit:
    def ask(self, client: Client, payment: Payment) -> RefundRequest:
        act(client, url_of(payment), WANTED | {"amount": "300.00"})
        return RefundRequest.objects.get()

    def decide(self, client: Client, request: RefundRequest, decision: str) -> str:
        url = reverse("admin:desk_decide", args=[request.pk])
        return text_of(act(client, url, {"decision": decision, "reason": "Checked"}))

    def test_it_waits_and_another_person_approves(
        self, sandbox: Sandbox, agent: Client, supervisor: Client, payment: Payment
    ) -> None:
        page, _data = confirm(agent, url_of(payment), WANTED | {"amount": "300.00"})
        assert "This is above $250.00: nothing moves until another person approves" in text_of(page)
        request = self.ask(agent, payment)
        assert Refund.objects.count() == 0
        assert payment.reference in text_of(supervisor.get(reverse("admin:desk_requests")))
        assert "Approved" in self.decide(supervisor, request, "approve")
        refund = Refund.objects.get()
        assert (refund.amount_cents, refund.requested_by) == (300_00, request.requested_by)
        request.refresh_from_db()
        assert (request.state, request.refund) == (RequestState.APPROVED, refund)
        assert sorted(acts()) == ["refund_approved", "refund_requested"]
        refunds.advance(refund_id=refund.pk)
        paying.assert_invariants(sandbox)

    def test_a_second_request_of_the_same_payment_is_refused(
        self, agent: Client, payment: Payment
    ) -> None:
        self.ask(agent, payment)
        page = agent.post(url_of(payment), WANTED | {"amount": "260.00"})
        assert page.status_code == 422
        assert "waits for approval already" in text_of(page)

    def test_declined_moves_nothing(self, agent: Client, supervisor: Client, payment: Payment) -> None:
        request = self.ask(agent, payment)
        assert "Nothing moved" in self.decide(supervisor, request, "decline")
        url = reverse("admin:desk_decide", args=[request.pk])
        late = supervisor.post(url, {"decision": "approve", "reason": "x"})
        assert "decided this already" in text_of(late)
        assert Refund.objects.count() == 0

    def test_nobody_approves_their_own_not_even_past_the_pages(self, payment: Payment) -> None:
        user = make_staff(Role.SUPERVISOR)
        request = self.ask(browser_of(user), payment)
        url = reverse("admin:desk_decide", args=[request.pk])
        page = browser_of(user).post(url, {"decision": "approve", "reason": "Mine"})
        assert page.status_code == 422
        assert "You asked for this refund" in text_of(page)
        with pytest.raises(refund_requests.NotYours):
            refund_requests.approve(request=request, by=user)
        with pytest.raises(IntegrityError, match="decided_by_another"), transaction.atomic():
            RefundRequest.objects.filter(pk=request.pk).update(
                decided_by=user, decided_at=request.requested_at, state=RequestState.DECLINED
            )
        assert Refund.objects.count() == 0

    def test_the_limit_is_a_setting(self, settings: Settings, agent: Client, payment: Payment) -> None:
        settings.STAFF_REFUND_LIMIT_CENTS = 39_99
        act(agent, url_of(payment), WANTED)
        assert (RefundRequest.objects.count(), Refund.objects.count()) == (1, 0)

    def test_parts_below_the_limit_are_one_refund_above_it(
        self, sandbox: Sandbox, agent: Client, supervisor: Client, payment: Payment
    ) -> None:
        act(agent, url_of(payment), WANTED | {"amount": "200.00"})
        page, data = confirm(supervisor, url_of(payment), WANTED | {"amount": "50.01"})
        said = "With the $200.00 refunded before this is above $250.00: nothing moves until another"
        assert said in text_of(page)
        supervisor.post(url_of(payment), data)
        assert RefundRequest.objects.get().amount_cents == 50_01
        act(agent, url_of(payment), WANTED | {"amount": "50.00"})
        assert sum(Refund.objects.values_list("amount_cents", flat=True)) == 250_00
        paying.assert_invariants(sandbox)

    def test_what_failed_and_what_two_people_made_does_not_count(
        self, agent: Client, supervisor: Client, payment: Payment
    ) -> None:
        self.decide(supervisor, self.ask(agent, payment), "approve")
        act(agent, url_of(payment), WANTED)
        assert refund_requests.alone_cents(payment) == 40_00
        Refund.objects.filter(staff_request=None).update(state="failed")
        assert refund_requests.alone_cents(payment) == 0

    def test_a_colleague_at_the_same_moment_does_not_lift_the_limit(
        self, agent: Client, supervisor: Client, payment: Payment, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Between the plan and the lock another refund of this payment is made."""
        _page, data = confirm(agent, url_of(payment), WANTED | {"amount": "150.00"})
        _page, others = confirm(supervisor, url_of(payment), WANTED | {"amount": "150.00"})
        locked = RefundPayment.locked

        def after_the_other(act: RefundPayment, subject: Subject, by: Actor) -> Subject:
            monkeypatch.setattr(RefundPayment, "locked", locked)
            refunds.request(
                payment=payment,
                amount_cents=150_00,
                destination=Refund.Destination.SOURCE,
                reason="Faster",
                requested_by=User.objects.get(pk=supervisor.session["_auth_user_id"]),
            )
            return locked(act, subject, by)

        monkeypatch.setattr(RefundPayment, "locked", after_the_other)
        refused = agent.post(url_of(payment), data)
        assert "at the same moment" in text_of(refused)
        # The act takes back all that it did, here with what was done in its place.
        assert (Refund.objects.count(), RefundRequest.objects.count(), acts()) == (0, 0, [])
        assert supervisor.post(url_of(payment), others).status_code == 302

    def test_after_a_no_the_rest_is_not_split(
        self, agent: Client, supervisor: Client, payment: Payment
    ) -> None:
        self.decide(supervisor, self.ask(agent, payment), "decline")
        page, data = confirm(agent, url_of(payment), WANTED | {"amount": "10.00"})
        assert "A refund of this payment was declined before: nothing moves" in text_of(page)
        agent.post(url_of(payment), data)
        assert Refund.objects.count() == 0
        assert RefundRequest.objects.filter(state=RequestState.WAITING).count() == 1

    def test_an_agent_does_not_decide(self, agent: Client, payment: Payment) -> None:
        url = reverse("admin:desk_decide", args=[self.ask(agent, payment).pk])
        assert agent.get(url).status_code == 403


def test_the_books_hold(agent: Client, payment: Payment) -> None:
    act(agent, url_of(payment), WANTED | {"destination": "balance"})
    assert [list(check()) for check in CHECKS.values()] == [[]] * len(CHECKS)
