"""Paying without an account. No address holds a code, a name or a number of anybody."""

from django.urls import path

from payments.guest import outcome, views

app_name = "guest"

urlpatterns = [
    path("", views.start, name="start"),
    path("bill/", views.bill, name="bill"),
    path("card/", views.card, name="card"),
    path("review/", views.review, name="review"),
    path("payment/", outcome.payment, name="payment"),
    path("payment/state/", outcome.state, name="state"),
    path("payment/refresh/", outcome.refresh, name="refresh"),
    path("payment/abandon/", outcome.abandon, name="abandon"),
    path("payment/mail/", outcome.mail, name="mail"),
    path("payment/forget/", outcome.forget, name="forget"),
    path("payment/forgotten/", outcome.forgotten, name="forgotten"),
    path("receipt/<str:token>/", outcome.link, name="link"),
]
