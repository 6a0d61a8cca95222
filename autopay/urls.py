"""Autopay: seen, agreed to, changed and ended by the member."""

from django.urls import path, register_converter

from autopay.models import Scope
from autopay.views import acts, changing, draws, enrolling, overview, papers


class ScopeConverter:
    """What an enrollment pays, in an address."""

    regex = "|".join(Scope.values)

    def to_python(self, value: str) -> Scope:
        return Scope(value)

    def to_url(self, value: str) -> str:
        return str(value)


register_converter(ScopeConverter, "scope")

app_name = "autopay"

urlpatterns = [
    path("", overview.index, name="index"),
    path("<scope:scope>/method/", enrolling.method, name="method"),
    path("<scope:scope>/plan/", enrolling.plan, name="plan"),
    path("<scope:scope>/agree/", enrolling.agree, name="agree"),
    path("draws/<int:pk>/skip/", draws.skip, name="skip"),
    path("draws/<int:pk>/unskip/", draws.unskip, name="unskip"),
    path("<str:reference>/", overview.on, name="on"),
    path("<str:reference>/copy/", papers.copy, name="copy"),
    path("<str:reference>/proof/", papers.proof, name="proof"),
    path("<str:reference>/canceled/", overview.canceled, name="canceled"),
    path("<str:reference>/method/", changing.method, name="change_method"),
    path("<str:reference>/method/<int:pk>/", changing.agree, name="agree_method"),
    path("<str:reference>/day/", changing.day, name="change_day"),
    path("<str:reference>/limit/", changing.limit, name="change_limit"),
    path("<str:reference>/<slug:act>/", acts.act, name="act"),
]
