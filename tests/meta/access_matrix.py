"""Who gets what at every address of the portal: one row for each name in the URLconf.

A new address needs one line in ROWS. The objects in an address always belong to member A; member B is
the guarantor of another household, so B's outcome shows whether objects are found through their owner.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from allauth.account.forms import default_token_generator
from allauth.account.models import EmailAddress, EmailConfirmationHMAC
from allauth.account.utils import user_pk_to_url_str
from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from post_office.models import Email

from accounts.roles import Role
from accounts.services import registration
from autopay.models import Run, RunState
from autopay.services import enrollment
from billing.models import LedgerBlock
from common.clock import business_date, now
from demo import mailbox
from demo.stripe.core import Sandbox
from payments.guest import visit
from payments.guest.finding import Found
from payments.models import (
    Checkout,
    Difference,
    Payment,
    PaymentMethod,
    ReconciledDay,
    Refund,
    StripePayout,
    StripeTransaction,
)
from payments.services import checkout as checkouts
from payments.services import receipt_links, refunds
from staff.models import RefundRequest
from support.models import Change, Conversation, DeskHours, SocialProfile
from support.services import links
from tests.support import paying
from tests.support.autopay import by, enroll
from tests.support.chat import attach, make_banner, make_conversation, stop_token
from tests.support.factories import (
    PASSWORD,
    make_account,
    make_invoice,
    make_member,
    make_staff,
    make_user,
)
from tests.support.methods import add as add_method
from tests.support.methods import add_by_token, token_of_unverified_bank
from tests.support.reconciling import today

# Who asks. A guest has no log-in, has found a bill of member A and has just paid another one.
ANONYMOUS, GUEST = "anonymous", "guest"
MEMBER, OTHER = "member A", "member B"
AGENT, SUPERVISOR, AUDITOR, SUPERUSER = "agent", "supervisor", "auditor", "superuser"
NOT_LOGGED_IN = (ANONYMOUS, GUEST)
MEMBERS = (MEMBER, OTHER)
STAFF = (AGENT, SUPERVISOR, AUDITOR, SUPERUSER)
LOGGED_IN = (*MEMBERS, *STAFF)
EVERYBODY = (*NOT_LOGGED_IN, *LOGGED_IN)

# What comes back.
OK = "the page"
LOGIN = "redirect to log-in"
AWAY = "redirect elsewhere"  # to another page of ours
NO_ACCOUNT = "no bills belong to this log-in"  # billing/no_account.html
BAD_REQUEST = "400"
FORBIDDEN = "403"
NOT_FOUND = "404"
UNPROCESSABLE = "422"


@dataclass
class World:
    """Member A's things, made when a row asks for them."""

    sandbox: Sandbox

    def __post_init__(self) -> None:
        self.account = make_account()
        self.invoice = make_invoice(self.account)

    def checkout(self) -> Checkout:
        """One that only has to be confirmed."""
        return paying.start_checkout(self.sandbox, self.invoice)

    def paid(self) -> Payment:
        """One that has settled."""
        return paying.pay(self.sandbox, self.invoice)

    def saved_method(self) -> PaymentMethod:
        """A card that can pay; added again, it stays the same one."""
        added = add_method(self.sandbox, self.account)
        return added.same_as or added

    def method_being_set_up(self) -> PaymentMethod:
        """A card whose bank asks its owner to confirm."""
        return add_method(self.sandbox, self.account, "pm_card_authenticationRequiredOnSetup")

    def method_to_verify(self) -> PaymentMethod:
        """A bank account to which deposits are on their way."""
        return add_by_token(self.account, token_of_unverified_bank(self.sandbox))

    def autopay(self) -> list[str]:
        """The reference of autopay of medical bills."""
        return [enroll(self.saved_method()).reference]

    def canceled_autopay(self) -> list[str]:
        """The reference of one that was canceled."""
        stands = enroll(self.saved_method())
        enrollment.cancel(enrollment=stands, **by(stands))
        return [stands.reference]

    def draw(self) -> list[int]:
        """The key of a draw that is planned."""
        enroll(self.saved_method())
        return [self.invoice.drafts.get().pk]

    def paid_year(self) -> int:
        """A year in which a payment has settled."""
        return business_date(self.account.region.time_zone, self.paid().settled_at).year

    def become_guest(self, client: Client) -> None:
        """This browser has found a bill, chosen a card, and made a payment that has not ended."""
        chosen, payment = self.of_guest
        bill, session = chosen.items.get().invoice, client.session
        visit.begin(session, Found(self.account.pk, bill.pk), at=now())
        found = visit.current(session, at=now())
        assert found is not None
        visit.draft(session, found, chosen, at=now())
        visit.show_payment(session, payment, at=now())
        session.save()
        client.cookies[settings.SESSION_COOKIE_NAME] = session.session_key

    @cached_property
    def of_guest(self) -> tuple[Checkout, Payment]:
        """What a guest has chosen to pay, and what a guest has paid."""
        checkout = paying.start_checkout(self.sandbox, make_invoice(self.account))
        checkout.started_by = None
        checkout.save()
        return checkout, self.paid_by_guest()

    def paid_by_guest(self) -> Payment:
        """A guest's payment of which Stripe has not been asked yet."""
        checkout = paying.start_checkout(self.sandbox, make_invoice(self.account))
        return checkouts.confirm(
            checkout=checkout,
            reviewed=checkout.method_key,
            payer=Payment.Payer.GUEST,
            paid_by=None,
        )

    def receipt_token(self) -> str:
        """What the link in a guest's mail ends in."""
        return receipt_links.issue(payment=self.paid_by_guest()).split("/")[-2]

    def confirmation_key(self) -> str:
        """What the link in a newcomer's mail ends in."""
        member = make_member(registered=False)
        registration.register(member=member, email="new@example.com", password=PASSWORD)
        return EmailConfirmationHMAC(EmailAddress.objects.get(email="new@example.com")).key

    def reset_key(self) -> list[str]:
        """What the link in the mail for a forgotten password ends in."""
        user = self.account.guarantor.user
        return [user_pk_to_url_str(user), default_token_generator.make_token(user)]

    def mail(self) -> str:
        """A mail in the demo's mailbox, with an HTML edition and an attachment."""
        message = EmailMultiAlternatives("Hello", "Text", "a@example.com", ["b@example.com"])
        message.attach_alternative("<html><head></head><p>Text</p></html>", "text/html")
        message.attach("note.txt", "Note", "text/plain")
        mailbox.MailboxBackend().send_messages([message])
        return next(iter(mailbox.names()))

    def mail_to_owner(self) -> int:
        """A mail in the outbox, to member A."""
        return Email.objects.create(
            from_email="a@example.com", to=[self.account.guarantor.user.email], subject="Receipt"
        ).pk

    def passkey(self) -> int:
        """Of somebody whom this walk does not meet."""
        return Authenticator.objects.create(
            user=make_user(), type=Authenticator.Type.WEBAUTHN, data={"name": "Phone"}
        ).pk

    def refund(self) -> str:
        """A refund by its reference."""
        return refunds.request(
            payment=self.paid(),
            amount_cents=1_00,
            destination=Refund.Destination.BALANCE,
            reason="Paid twice",
            requested_by=None,
        ).reference

    def refund_request(self) -> int:
        """A refund that waits for approval."""
        return RefundRequest.objects.create(
            payment=self.paid(),
            amount_cents=1_00,
            destination="source",
            reason="Paid twice",
            requested_by=make_user(),
        ).pk

    def held_run(self) -> int:
        """An autopay run out of line with those before it."""
        return Run.objects.create(
            region=self.account.region, as_of=today(), state=RunState.HELD, held_because="too much"
        ).pk

    def ledger_block(self) -> int:
        """A sealed block; sealing itself waits for other transactions to end."""
        return LedgerBlock.objects.create(
            number=1, from_xact=0, to_xact=1, entry_count=0, previous_hash="0" * 64, hash="0" * 64
        ).pk

    def payout(self) -> StripePayout:
        """A payout of one charge, copied from Stripe's book."""
        payout = StripePayout.objects.create(
            stripe_account="ncal", payout_id="po_1", amount_cents=67, status="paid", arrives_on=today()
        )
        StripeTransaction.objects.create(
            stripe_account="ncal",
            transaction_id="txn_1",
            type="charge",
            amount_cents=1_00,
            fee_cents=33,
            net_cents=67,
            made_at=now(),
            payout=payout,
        )
        return payout

    def reconciled_day(self) -> int:
        """A day that both books agreed on."""
        return ReconciledDay.objects.create(stripe_account="ncal", day=today(), differences=0).pk

    def difference(self) -> int:
        """A charge at Stripe that nobody here knows."""
        return Difference.objects.create(
            stripe_account="ncal",
            kind=Difference.Kind.UNKNOWN_CHARGE,
            object_id="pi_1",
            theirs_cents=1_00,
            found_on=today(),
        ).pk

    def conversation(self) -> Conversation:
        """One of member A."""
        return make_conversation(self.account)

    def sent_file(self) -> list[int]:
        """A conversation of member A and a picture in it."""
        conversation = self.conversation()
        return [conversation.pk, attach(conversation).pk]

    def chat_token(self) -> str:
        """What the link in a guest's mail about the chat ends in."""
        return links.issue(conversation=make_conversation(None), at=now()).split("/")[-2]

    def change(self) -> int:
        """What a supervisor changed."""
        return make_banner(by=make_staff(Role.SUPERVISOR)).pk and Change.objects.latest("pk").pk


@dataclass(frozen=True)
class Row:
    """Outcomes by identity; how to ask; what goes into the address."""

    outcomes: Mapping[str, str]
    args: Callable[[World], list[Any]] = lambda world: []
    path: Callable[[World], str] | None = None  # for an address that has no name to reverse
    method: str = "get"
    data: Mapping[str, str] = field(default_factory=dict)
    password_first: bool = False  # whoever asks gives the password again before


def everyone(outcome: str = OK, **how: Any) -> Row:
    """The same for all."""
    return Row(dict.fromkeys(EVERYBODY, outcome), **how)


def newcomers(outcome: str = OK, **how: Any) -> Row:
    """For those without a log-in; others are sent home."""
    return Row(
        dict.fromkeys(NOT_LOGGED_IN, outcome) | dict.fromkeys(LOGGED_IN, AWAY),
        **how,
    )


def logged_in(outcome: str = OK, **how: Any) -> Row:
    """For everybody with a log-in, about themselves."""
    return Row(dict.fromkeys(NOT_LOGGED_IN, LOGIN) | dict.fromkeys(LOGGED_IN, outcome), **how)


def either(*, members: str, staff: str, **how: Any) -> Row:
    """For everybody with a log-in, but not the same for members and for staff."""
    return Row(
        dict.fromkeys(NOT_LOGGED_IN, LOGIN)
        | dict.fromkeys(MEMBERS, members)
        | dict.fromkeys(STAFF, staff),
        **how,
    )


def guests(outcome: str = OK, **how: Any) -> Row:
    """For the guest who has found a bill; others begin at the beginning."""
    return Row(dict.fromkeys(EVERYBODY, AWAY) | {GUEST: outcome}, **how)


def guarantors(outcome: str = OK, **how: Any) -> Row:
    """For guarantors, about their own account. Staff have none."""
    return Row(
        dict.fromkeys(NOT_LOGGED_IN, LOGIN)
        | dict.fromkeys(MEMBERS, outcome)
        | dict.fromkeys(STAFF, NO_ACCOUNT),
        **how,
    )


def owner(outcome: str = OK, **how: Any) -> Row:
    """For the one guarantor whose thing it is; for another it does not exist."""
    row = guarantors(outcome, **how)
    return replace(row, outcomes={**row.outcomes, OTHER: NOT_FOUND})


def only_member_a(outcome: str = OK, **how: Any) -> Row:
    """For the one person whose thing it is; for everybody else, logged in or not, it does not exist."""
    return Row(dict.fromkeys(EVERYBODY, NOT_FOUND) | {MEMBER: outcome}, **how)


def staff(*allowed: str, outcome: str = OK, **how: Any) -> Row:
    """For some of the staff; 403 for the others, and for members."""
    return Row(
        dict.fromkeys(NOT_LOGGED_IN, LOGIN)
        | dict.fromkeys(LOGGED_IN, FORBIDDEN)
        | dict.fromkeys(allowed, outcome),
        **how,
    )


def admin_record(model: str, *, key: Callable[[World], Any], single: bool = False) -> dict[str, Row]:
    """A record that supervisors change through the admin, and everybody of the staff sees."""
    rows = admin_model(model, change=EDITORS, key=key)
    if not single:
        rows[f"admin:{model}_add"] = staff(*EDITORS)
        rows[f"admin:{model}_delete"] = staff(*EDITORS, args=lambda world: [key(world)])
    return rows


def answerers(**how: Any) -> Row:
    """For staff who answer in the chat; it leads back to the desk."""
    return staff(*ANSWERERS, outcome=AWAY, method="post", **how)


def admin_model(
    model: str,
    *,
    view: tuple[str, ...] = STAFF,
    change: tuple[str, ...] = (),
    key: Callable[[World], Any],
) -> dict[str, Row]:
    """The five addresses of a model in the admin: seen by `view`, edited by `change`, no more.

    Nothing is added or deleted there, and what is only shown answers a POST with 403.
    """

    def args(world: World) -> list[Any]:
        return [key(world)]

    return {
        f"admin:{model}_changelist": staff(*view),
        f"admin:{model}_add": staff(),
        f"admin:{model}_change": staff(*view, args=args),
        f"admin:{model}_change POST": staff(*change, method="post", args=args),
        f"admin:{model}_delete": staff(args=args),
        f"admin:{model}_history": staff(*view, args=args),
    }


ACTING = (AGENT, SUPERVISOR, SUPERUSER)
DECIDING = (SUPERVISOR, SUPERUSER)
SUPERVISING = (SUPERVISOR, AUDITOR, SUPERUSER)
EDITORS = (SUPERVISOR, SUPERUSER)
ANSWERERS = (AGENT, SUPERVISOR, SUPERUSER)


def account_key(world: World) -> list[Any]:
    return [world.account.pk]


def paid_reference(world: World) -> list[Any]:
    return [world.paid().reference]


ROWS: dict[str, Row] = {
    # The frame.
    "home": everyone(),
    "contact": everyone(),
    "live": everyone(),
    "ready": everyone(),
    "set_language": everyone(AWAY, method="post", data={"language": "es"}),
    # Registration.
    "register": newcomers(),
    "account_signup": newcomers(),
    "register_details": newcomers(args=lambda world: ["ncal"]),
    "account_email_verification_sent": newcomers(),
    "register_send_again": newcomers(LOGIN, method="post"),
    "register_another_address": newcomers(AWAY),
    # Log-in.
    "account_login": newcomers(),
    "account_logout": Row(dict.fromkeys(NOT_LOGGED_IN, AWAY) | dict.fromkeys(LOGGED_IN, OK)),
    "account_inactive": everyone(),
    "account_confirm_email": everyone(args=lambda world: [world.confirmation_key()]),
    "account_reset_password": everyone(),
    "account_reset_password_done": everyone(),
    "account_reset_password_from_key": Row(dict.fromkeys(EVERYBODY, AWAY), args=World.reset_key),
    "account_reauthenticate": logged_in(),
    "account_change_password": logged_in(),
    "account_email": logged_in(),
    "usersessions_list": logged_in(),
    # The second step of a log-in. Staff have one here, members do not.
    "mfa_index": logged_in(),
    "mfa_activate_totp": either(members=OK, staff=AWAY, password_first=True),
    "mfa_deactivate_totp": either(members=NOT_FOUND, staff=OK, password_first=True),
    "mfa_add_webauthn": logged_in(password_first=True),
    # Nobody's passkey is anybody else's to remove.
    "mfa_remove_webauthn": logged_in(
        NOT_FOUND, password_first=True, args=lambda world: [world.passkey()]
    ),
    # Nobody here has one; who has none is asked for the password.
    "mfa_reauthenticate_webauthn": logged_in(LOGIN),
    "mfa_view_recovery_codes": logged_in(NOT_FOUND, password_first=True),
    "mfa_generate_recovery_codes": logged_in(password_first=True),
    "mfa_authenticate": logged_in(AWAY),
    # Who has no second step is asked for the password.
    "mfa_reauthenticate": either(members=LOGIN, staff=OK),
    # Bills.
    "billing:home": guarantors(),
    "billing:list": guarantors(),
    "billing:detail": owner(args=lambda world: [world.invoice.pk]),
    "billing:bill_pdf": owner(args=lambda world: [world.invoice.pk]),
    "billing:statements": guarantors(),
    "billing:statement": owner(args=lambda world: [world.paid_year()]),
    "billing:statement_pdf": owner(args=lambda world: [world.paid_year()]),
    # Paying.
    "payments:choose": guarantors(),
    "payments:method": owner(args=lambda world: [world.checkout().pk]),
    "payments:review": owner(args=lambda world: [world.checkout().pk]),
    "payments:review POST": owner(AWAY, method="post", args=lambda world: [world.checkout().pk]),
    "payments:history": guarantors(),
    "payments:history_export": guarantors(),
    "payments:balance": guarantors(),
    "payments:add_money": guarantors(),
    "payments:add_money POST": guarantors(AWAY, method="post", data={"amount": "20.00"}),
    "payments:withdraw": guarantors(),
    "payments:switch_auto_apply": guarantors(AWAY, method="post", data={"on": "1"}),
    "payments:show": owner(args=lambda world: [world.paid().reference]),
    "payments:claim": owner(args=lambda world: [world.paid().reference]),
    # One that has arrived has a receipt instead.
    "payments:confirmation": owner(AWAY, args=lambda world: [world.paid().reference]),
    "payments:receipt": owner(args=lambda world: [world.paid().reference]),
    "payments:mail_receipt": owner(AWAY, method="post", args=lambda world: [world.paid().reference]),
    "payments:state": owner(args=lambda world: [world.paid().reference]),
    "payments:refresh": owner(AWAY, method="post", args=lambda world: [world.paid().reference]),
    "payments:abandon": owner(AWAY, method="post", args=lambda world: [world.paid().reference]),
    "payments:methods": guarantors(),
    "payments:method_add": guarantors(password_first=True),
    "payments:method_check": guarantors(AWAY, password_first=True),  # nothing to check yet
    "payments:method_step": owner(args=lambda world: [world.method_being_set_up().pk]),
    "payments:method_verify": owner(
        args=lambda world: [world.method_to_verify().pk], password_first=True
    ),
    "payments:method_default": owner(AWAY, method="post", args=lambda world: [world.saved_method().pk]),
    "payments:method_remove": owner(args=lambda world: [world.saved_method().pk], password_first=True),
    "payments:method_remove POST": owner(
        AWAY, method="post", args=lambda world: [world.saved_method().pk], password_first=True
    ),
    # Autopay.
    "autopay:index": guarantors(),
    "autopay:method": guarantors(args=lambda world: ["premiums"], password_first=True),
    "autopay:plan": guarantors(AWAY, args=lambda world: ["premiums"], password_first=True),
    "autopay:agree": guarantors(AWAY, args=lambda world: ["premiums"], password_first=True),
    "autopay:on": owner(args=World.autopay),
    "autopay:copy": owner(args=World.autopay),
    "autopay:proof": owner(args=World.canceled_autopay),
    "autopay:canceled": owner(args=World.canceled_autopay),
    "autopay:change_method": owner(args=World.autopay, password_first=True),
    "autopay:agree_method": owner(
        args=lambda world: [*world.autopay(), world.account.enrollments.get().method_id],
        password_first=True,
    ),
    "autopay:change_day": owner(args=World.autopay),
    "autopay:change_limit": owner(args=World.autopay, password_first=True),
    "autopay:act": owner(args=lambda world: [*world.autopay(), "pause"]),
    "autopay:act POST": owner(AWAY, method="post", args=lambda world: [*world.autopay(), "cancel"]),
    "autopay:skip": owner(args=World.draw),
    "autopay:skip POST": owner(AWAY, method="post", args=World.draw),
    "autopay:unskip": owner(args=World.draw),
    "autopay:unskip POST": owner(AWAY, method="post", args=World.draw),
    # Paying without an account.
    "guest:start": everyone(),
    "guest:bill": guests(),
    "guest:card": guests(),
    "guest:review": guests(),
    "guest:review POST": guests(AWAY, method="post"),
    "guest:payment": guests(),
    "guest:state": guests(),
    "guest:refresh": guests(AWAY, method="post"),
    "guest:abandon": guests(AWAY, method="post"),
    "guest:mail": guests(UNPROCESSABLE, method="post"),
    # Says of nobody whether there was anything to forget.
    "guest:forget": everyone(AWAY, method="post"),
    "guest:forgotten": everyone(),
    # Whoever holds a link may use it, once.
    "guest:link": everyone(args=lambda world: [world.receipt_token()]),
    "guest:link POST": everyone(AWAY, method="post", args=lambda world: [world.receipt_token()]),
    # Help.
    "help": everyone(),
    "banner_away": everyone(AWAY, method="post", args=lambda world: [1]),
    "reminders": logged_in(),
    "reminders POST": logged_in(AWAY, method="post", data={"wanted": "no"}),
    # Whoever holds the link may use it.
    "reminders_stop": everyone(args=lambda world: [stop_token(world.account)]),
    "reminders_stop POST": everyone(method="post", args=lambda world: [stop_token(world.account)]),
    # The chat: found through its owner. A guest has a conversation only of one's own.
    "chat:index": logged_in(),
    "chat:start": everyone(),
    "chat:again": everyone(),
    "chat:link": everyone(args=lambda world: [world.chat_token()]),
    "chat:link POST": everyone(AWAY, method="post", args=lambda world: [world.chat_token()]),
    "chat:show": only_member_a(args=lambda world: [world.conversation().pk]),
    "chat:show POST": only_member_a(
        AWAY, method="post", data={"text": "Hi"}, args=lambda world: [world.conversation().pk]
    ),
    "chat:new_messages": only_member_a(args=lambda world: [world.conversation().pk]),
    "chat:close": only_member_a(AWAY, method="post", args=lambda world: [world.conversation().pk]),
    # Nobody's browser holds member A's conversation.
    "chat:forget": everyone(NOT_FOUND, method="post", args=lambda world: [world.conversation().pk]),
    "chat:attach": only_member_a(args=lambda world: [world.conversation().pk]),
    "chat:file": only_member_a(args=World.sent_file),
    "chat:transcript": only_member_a(args=lambda world: [world.conversation().pk]),
    # The staff's side of it.
    "desk:index": staff(*STAFF),
    "desk:queue": staff(*STAFF),
    "desk:show": staff(*STAFF, args=lambda world: [world.conversation().pk]),
    "desk:show POST": answerers(data={"text": "Hi"}, args=lambda world: [world.conversation().pk]),
    "desk:new_messages": staff(*STAFF, args=lambda world: [world.conversation().pk]),
    "desk:take": answerers(args=lambda world: [world.conversation().pk]),
    "desk:release": answerers(args=lambda world: [world.conversation().pk]),
    "desk:close": answerers(args=lambda world: [world.conversation().pk]),
    "desk:attach": answerers(args=lambda world: [world.conversation().pk]),
    "desk:file": staff(*STAFF, args=World.sent_file),
    # Machines.
    # Both read a body that nobody here sends.
    "csp_report": everyone(BAD_REQUEST, method="post"),
    "stripe_webhook": everyone(BAD_REQUEST, method="post", args=lambda world: ["ncal"]),
    # The demo.
    "styleguide": everyone(),
    "demo:mailbox": everyone(),
    "demo:mail": everyone(args=lambda world: [world.mail()]),
    "demo:mail_html": everyone(args=lambda world: [world.mail()]),
    "demo:mail_attachment": everyone(args=lambda world: [world.mail(), 0]),
    # Staff.
    "admin:index": staff(*STAFF),
    "admin:login": staff(*STAFF, outcome=AWAY),
    "admin:logout": staff(*STAFF),
    "admin:password_change": staff(*STAFF, outcome=AWAY),
    "admin:password_change_done": staff(*STAFF, outcome=AWAY),
    "admin:jsi18n": staff(*STAFF),
    "admin:autocomplete": staff(),
    "admin:app_list": staff(*STAFF, args=lambda world: ["accounts"]),
    "admin:view_on_site": staff(*STAFF, outcome=NOT_FOUND, args=lambda world: [1, 1]),
    "admin:<path:object_id>/": staff(
        *STAFF, outcome=AWAY, path=lambda world: "/admin/accounts/region/1/"
    ),
    "admin:(?P<url>.*)$": staff(*STAFF, outcome=NOT_FOUND, path=lambda world: "/admin/nothing/"),
    # The desk.
    "admin:desk_find": staff(*STAFF),
    "admin:desk_account": staff(*STAFF, args=account_key),
    "admin:desk_payment": staff(*STAFF, args=paid_reference),
    "admin:desk_refund": staff(*ACTING, args=paid_reference),
    "admin:desk_refund POST": staff(*ACTING, outcome=UNPROCESSABLE, method="post", args=paid_reference),
    "admin:desk_move": staff(*ACTING, args=paid_reference),
    "admin:desk_undo": staff(*ACTING, args=paid_reference),
    "admin:desk_undo POST": staff(*ACTING, outcome=UNPROCESSABLE, method="post", args=paid_reference),
    "admin:desk_record": staff(*ACTING, args=account_key),
    "admin:desk_record POST": staff(*ACTING, outcome=UNPROCESSABLE, method="post", args=account_key),
    "admin:desk_apply_balance": staff(*ACTING, args=account_key),
    "admin:desk_refund_balance": staff(*ACTING, args=account_key),
    "admin:desk_mail_again": staff(*ACTING, args=lambda world: [world.mail_to_owner()]),
    "admin:desk_ask": staff(*DECIDING, args=paid_reference),
    "admin:desk_end": staff(*DECIDING, args=paid_reference),
    "admin:desk_send_back": staff(*DECIDING, args=paid_reference),
    "admin:desk_refund_ask": staff(*DECIDING, args=lambda world: [world.refund()]),
    "admin:desk_correct": staff(*DECIDING, args=lambda world: [world.invoice.pk]),
    "admin:desk_correct POST": staff(
        *DECIDING, outcome=UNPROCESSABLE, method="post", args=lambda world: [world.invoice.pk]
    ),
    "admin:desk_cancel": staff(*DECIDING, args=lambda world: [world.invoice.pk]),
    "admin:desk_cancel POST": staff(
        *DECIDING, outcome=UNPROCESSABLE, method="post", args=lambda world: [world.invoice.pk]
    ),
    "admin:desk_decide": staff(*DECIDING, args=lambda world: [world.refund_request()]),
    "admin:desk_decide POST": staff(
        *DECIDING,
        outcome=UNPROCESSABLE,
        method="post",
        args=lambda world: [world.refund_request()],
    ),
    "admin:desk_run": staff(*DECIDING, args=lambda world: [world.held_run()]),
    "admin:desk_requests": staff(*STAFF),
    "admin:desk_list": staff(*STAFF, args=lambda world: ["overpaid"]),
    "admin:desk_list_csv": staff(*STAFF, args=lambda world: ["overpaid"]),
    "admin:desk_audit": staff(AUDITOR, SUPERUSER),
    "admin:desk_audit POST": staff(AUDITOR, SUPERUSER, method="post"),
    "admin:desk_audit_csv": staff(AUDITOR, SUPERUSER, method="post"),
    **admin_model("accounts_region", change=(SUPERUSER,), key=lambda world: world.account.region_id),
    **admin_model("accounts_member", key=lambda world: world.account.guarantor_id),
    **admin_model("accounts_user", view=SUPERVISING, key=lambda world: world.account.guarantor.user_id),
    **admin_model("billing_billingaccount", key=lambda world: world.account.pk),
    **admin_model("billing_invoice", key=lambda world: world.invoice.pk),
    **admin_model(
        "billing_journalentry",
        view=SUPERVISING,
        key=lambda world: world.invoice.journal_lines.first().entry_id,
    ),
    **admin_model("billing_ledgerblock", view=SUPERVISING, key=World.ledger_block),
    **admin_record("support_organisation", key=lambda world: 1, single=True),
    **admin_record("support_socialprofile", key=lambda world: SocialProfile.objects.first().pk),
    **admin_record("support_deskhours", key=lambda world: DeskHours.objects.first().pk),
    **admin_record("support_banner", key=lambda world: make_banner().pk),
    **admin_model("support_change", view=SUPERVISING, key=World.change),
    **admin_model("payments_difference", view=SUPERVISING, key=World.difference),
    **admin_model("payments_reconciledday", view=SUPERVISING, key=World.reconciled_day),
    **admin_model("payments_stripepayout", view=SUPERVISING, key=lambda world: world.payout().pk),
    **admin_model(
        "payments_stripetransaction",
        view=SUPERVISING,
        key=lambda world: world.payout().transactions.get().pk,
    ),
}
