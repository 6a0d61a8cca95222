"""What is filled in about the account balance."""

from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext_lazy as _

from common.forms import MoneyField
from common.money import format_cents

LEAST_CENTS = 1_00


class AddMoneyForm(forms.Form):
    """How much to add; cleans to `amount` in cents, from LEAST_CENTS to settings.TOP_UP_MAX_CENTS."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limits = {
            "least": format_cents(LEAST_CENTS),
            "most": format_cents(settings.TOP_UP_MAX_CENTS),
        }
        self.fields["amount"] = MoneyField(
            label=_("How much do you want to add?"),
            help_text=_("From %(least)s to %(most)s.") % limits,
            min_cents=LEAST_CENTS,
            max_cents=settings.TOP_UP_MAX_CENTS,
        )
