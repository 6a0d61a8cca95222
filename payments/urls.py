"""Paying, and how a payment stands."""

from django.urls import path

from payments.views import pay, receipts, status

app_name = "payments"

urlpatterns = [
    path("pay/", pay.choose, name="choose"),
    path("pay/<uuid:key>/method/", pay.method, name="method"),
    path("pay/<uuid:key>/review/", pay.review, name="review"),
    path("payments/<str:reference>/", status.show, name="show"),
    path("payments/<str:reference>/receipt.pdf", receipts.download, name="receipt"),
    path("payments/<str:reference>/receipt/mail/", receipts.mail_again, name="mail_receipt"),
    path("payments/<str:reference>/state/", status.state, name="state"),
    path("payments/<str:reference>/refresh/", status.refresh, name="refresh"),
    path("payments/<str:reference>/abandon/", status.abandon, name="abandon"),
]
