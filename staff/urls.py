"""The desk's addresses, inside the admin's: `admin:desk_…`."""

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.urls import URLPattern, path

from staff.acts import balances, bills, mails, payments, refunds, requests, review, runs, undo
from staff.views import account, audit, find, lists

View = Callable[..., HttpResponse]


def desk_urls(wrap: Callable[[View], View]) -> list[URLPattern]:
    """`wrap` asks for log-in, second step and staff, as for every page of the admin."""

    def page(route: str, view: Any, name: str) -> URLPattern:
        return path(f"desk/{route}", wrap(view), name=f"desk_{name}")

    return [
        page("find/", find.find_member, "find"),
        page("accounts/<int:key>/", account.show, "account"),
        page("payments/<str:reference>/", account.show_payment, "payment"),
        page("payments/<str:reference>/refund/", refunds.RefundPayment.as_view(), "refund"),
        page("payments/<str:reference>/undo/", undo.UndoRecorded.as_view(), "undo"),
        page("payments/<str:reference>/send-back/", review.SendBack.as_view(), "send_back"),
        page("refunds/<str:reference>/ask/", review.AskAboutRefund.as_view(), "refund_ask"),
        page("payments/<str:reference>/move/", payments.MovePayment.as_view(), "move"),
        page("payments/<str:reference>/ask/", review.AskAgain.as_view(), "ask"),
        page("payments/<str:reference>/end/", review.MarkNotCharged.as_view(), "end"),
        page("accounts/<int:key>/record/", payments.RecordPayment.as_view(), "record"),
        page("accounts/<int:key>/apply-balance/", balances.ApplyBalance.as_view(), "apply_balance"),
        page("accounts/<int:key>/refund-balance/", balances.RefundBalance.as_view(), "refund_balance"),
        page("bills/<int:key>/correct/", bills.CorrectBill.as_view(), "correct"),
        page("bills/<int:key>/cancel/", bills.CancelBill.as_view(), "cancel"),
        page("mails/<int:key>/again/", mails.MailAgain.as_view(), "mail_again"),
        page("refund-requests/", requests.waiting, "requests"),
        page("refund-requests/<int:key>/", requests.Decide.as_view(), "decide"),
        page("autopay-runs/<int:key>/", runs.DecideRun.as_view(), "run"),
        page("lists/<slug:name>/", lists.show, "list"),
        page("lists/<slug:name>/csv/", lists.export, "list_csv"),
        page("audit/", audit.search, "audit"),
        page("audit/csv/", audit.export, "audit_csv"),
    ]
