"""Everything about one household on one page, in a fixed number of queries."""

from dataclasses import dataclass

from django.contrib.postgres.expressions import ArraySubquery
from django.db.models import Count, Exists, OuterRef, Q, QuerySet, Subquery, Sum
from django.db.models.functions import JSONObject
from post_office.models import STATUS, Email

from autopay.models import Enrollment, EnrollmentState, Scope
from billing.models import BillingAccount, Invoice
from billing.models.invoices import STATUS_LABELS
from common.clock import business_date, now
from payments import emails, methods
from payments.models import Payment, PaymentMethod, Receipt, Refund
from payments.services.refunds import is_unanswered
from payments.timeline import Step, timeline
from staff.models import AuditRecord, RefundRequest, RequestState
from support.models import ChatState, Conversation

SHOWN = 25  # rows of each kind, the newest first


@dataclass(frozen=True, slots=True)
class Bill:
    """A bill and what people call its state today."""

    invoice: Invoice
    word: str


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail of which staff see the subject and what became of it, never the text: it may hold a
    link that opens somebody's log-in.
    """

    email: Email
    word: str
    failed: bool


@dataclass(frozen=True, slots=True)
class Autopay:
    """An enrollment that was not canceled; its limit in cents, if it has one."""

    scope: str
    state: str
    limit_cents: int | None

    @property
    def words(self) -> str:
        return f"{Scope(self.scope).label}: {EnrollmentState(self.state).label}"


@dataclass(frozen=True, slots=True)
class Chat:
    """A conversation; its transcript is on its own page."""

    key: int
    subject: str
    state: str

    @property
    def word(self) -> str:
        return str(ChatState(self.state).label)


@dataclass(frozen=True, slots=True)
class Household:
    """Rows as the page shows them; amounts in cents."""

    account: BillingAccount
    bills: list[Bill]
    bill_count: int
    owed_cents: int
    payments: list[Payment]
    methods: list[tuple[str, PaymentMethod]]
    autopay: list[Autopay]
    chats: list[Chat]
    mails: list[Mail]
    audit: list[AuditRecord]


def accounts() -> QuerySet[BillingAccount]:
    """Accounts as `household` takes them: with their people, and what is short, in one query."""
    enrolled = (
        Enrollment.objects.filter(account=OuterRef("pk"))
        .exclude(state=EnrollmentState.CANCELED)
        .order_by("-scope")
        .values(json=JSONObject(scope="scope", state="state", limit_cents="limit_cents"))
    )
    chats = (
        Conversation.objects.filter(account=OuterRef("pk"))
        .order_by("-last_message_id")
        .values(json=JSONObject(key="pk", subject="subject", state="state"))[:SHOWN]
    )
    return BillingAccount.objects.select_related("guarantor__user", "region").annotate(
        enrolled=ArraySubquery(enrolled), chats=ArraySubquery(chats)
    )


def household(account: BillingAccount) -> Household:
    """What the page shows of one of `accounts`."""
    user = account.guarantor.user
    today = business_date(account.region.time_zone)
    bills = Invoice.objects.filter(account=account)
    # Asked for along with the first bills, and added up once, before anything is joined to them.
    all_of_them = bills.order_by().values("account")
    invoices = list(
        bills.select_related("patient")
        .annotate(
            all_bills=Subquery(all_of_them.annotate(count=Count("pk")).values("count")),
            all_open_cents=Subquery(all_of_them.annotate(cents=Sum("open_cents")).values("cents")),
        )
        .order_by("-due_on", "-pk")[:SHOWN]
    )
    first = invoices[0] if invoices else None
    return Household(
        account=account,
        bills=[Bill(each, str(STATUS_LABELS[each.status(today)])) for each in invoices],
        bill_count=first.all_bills if first else 0,
        owed_cents=int(first.all_open_cents) if first else 0,
        payments=list(
            Payment.objects.filter(account=account)
            .annotate(waits=Exists(_waiting().filter(payment=OuterRef("pk"))))
            .order_by("-created_at", "-pk")[:SHOWN]
        ),
        methods=[
            (methods.name_of(each), each)
            for each in PaymentMethod.objects.filter(account=account)
            .exclude(status=PaymentMethod.Status.REMOVED)
            .order_by("-pk")[:SHOWN]
        ],
        autopay=[Autopay(**each) for each in account.enrolled],  # type: ignore[attr-defined]
        chats=[Chat(**each) for each in account.chats],  # type: ignore[attr-defined]
        mails=mails_to(user.email) if user else [],
        audit=list(
            AuditRecord.objects.filter(account=account).select_related("who").order_by("-at")[:SHOWN]
        ),
    )


def _waiting() -> QuerySet[RefundRequest]:
    return RefundRequest.objects.filter(state=RequestState.WAITING)


MAIL_WORDS = {
    STATUS.sent: "sent",
    STATUS.failed: "failed",
    STATUS.queued: "waits",
    STATUS.requeued: "tried again soon",
}


def mails_to(address: str) -> list[Mail]:
    """The newest mails to an address, with what became of each."""
    return _mails(Email.objects.filter(to=address).order_by("-id")[:SHOWN])


def _mails(found: QuerySet[Email]) -> list[Mail]:
    without_text = found.only(
        "subject", "status", "created", "last_updated", "recipient_delivery_status", "to"
    )
    return [Mail(email, _mail_word(email), email.status == STATUS.failed) for email in without_text]


def _mail_word(email: Email) -> str:
    if email.recipient_delivery_status:
        return str(email.get_recipient_delivery_status_display()).lower()
    return MAIL_WORDS.get(email.status, "new")


@dataclass(frozen=True, slots=True)
class PaymentPage:
    """One payment with all that happened to it."""

    payment: Payment
    method: str
    parts: list[tuple[Invoice, int]]
    steps: list[Step]
    requests: list[RefundRequest]
    unanswered: list[Refund]
    is_recorded: bool
    receipt: Receipt | None
    receipt_mails: list[Mail]
    guarantors_address: str  # where mails can be sent again from here; empty without a log-in


def payment_page(payment: Payment) -> PaymentPage:
    refunds = list(payment.refunds.order_by("pk"))
    receipt = Receipt.objects.filter(payment=payment).defer("pdf").first()
    guarantor = payment.account.guarantor.user
    allocations = payment.allocations.select_related("invoice__patient").order_by("invoice_id")
    return PaymentPage(
        payment=payment,
        method=methods.describe(
            kind=payment.method_kind, brand=payment.method_brand, last4=payment.method_last4
        ),
        parts=[(each.invoice, each.kept_cents) for each in allocations if each.kept_cents],
        steps=timeline(
            payment,
            events=payment.events.all(),
            refunds=refunds,
            disputes=payment.disputes.order_by("pk"),
        ),
        requests=list(
            payment.refund_requests.select_related("requested_by", "decided_by").order_by("pk")
        ),
        unanswered=[each for each in refunds if is_unanswered(each, now())],
        is_recorded=methods.is_recorded(payment.method_kind),
        receipt=receipt,
        receipt_mails=_receipt_mails(payment, receipt) if receipt else [],
        guarantors_address=guarantor.email if guarantor else "",
    )


def _receipt_mails(payment: Payment, receipt: Receipt) -> list[Mail]:
    """Every mail that the outbox still holds with this receipt, the newest first; also a guest's."""
    users = (payment.account.guarantor.user, payment.paid_by)
    addresses = {receipt.email, payment.guest_email, *(user.email for user in users if user)}
    held = Email.objects.filter(
        Q(to__in=addresses - {""}) | Q(pk=receipt.mail_id), attachments__name=emails.file_name(payment)
    )
    return _mails(held.order_by("-id")[:SHOWN])
