"""Paying, and how a payment stands."""

from django.urls import path

from payments.views import balance, choose, documents, history, methods, pay, receipts, status

app_name = "payments"

urlpatterns = [
    path("pay/", choose.choose, name="choose"),
    path("pay/<uuid:key>/method/", pay.method, name="method"),
    path("pay/<uuid:key>/review/", pay.review, name="review"),
    path("balance/", balance.show, name="balance"),
    path("balance/add/", balance.add, name="add_money"),
    path("balance/back/", balance.withdraw, name="withdraw"),
    path("balance/automatic/", balance.switch_auto_apply, name="switch_auto_apply"),
    path("methods/", methods.index, name="methods"),
    path("methods/add/", methods.add, name="method_add"),
    path("methods/add/check/", methods.check, name="method_check"),
    path("methods/<int:pk>/step/", methods.step, name="method_step"),
    path("methods/<int:pk>/verify/", methods.verify, name="method_verify"),
    path("methods/<int:pk>/default/", methods.default, name="method_default"),
    path("methods/<int:pk>/remove/", methods.remove, name="method_remove"),
    path("payments/", history.history, name="history"),
    path("payments/history.csv", history.export, name="history_export"),
    path("payments/<str:reference>/", status.show, name="show"),
    path("payments/<str:reference>/receipt.pdf", receipts.download, name="receipt"),
    path("payments/<str:reference>/claim.pdf", documents.claim, name="claim"),
    path("payments/<str:reference>/confirmation.pdf", documents.confirmation, name="confirmation"),
    path("payments/<str:reference>/receipt/mail/", receipts.mail_again, name="mail_receipt"),
    path("payments/<str:reference>/state/", status.state, name="state"),
    path("payments/<str:reference>/refresh/", status.refresh, name="refresh"),
    path("payments/<str:reference>/abandon/", status.abandon, name="abandon"),
]
