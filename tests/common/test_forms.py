"""What people type as an amount or a day is understood, or refused in words that help."""

import datetime as dt

import pytest
from django import forms
from django.http import QueryDict
from django.template.loader import render_to_string
from django.utils import translation
from pytest_django.asserts import assertInHTML

from common import clock
from common.forms import DateField3, MoneyField


class PayForm(forms.Form):
    amount = MoneyField(label="Amount", max_cents=120_00, help_text="What you want to pay now")
    born = DateField3(label="Date of birth", past=True, autocomplete="bday")


def typed(amount: str = "42.10", month: str = "5", day: str = "3", year: str = "1984") -> PayForm:
    data = QueryDict(mutable=True)
    data.update({"amount": amount, "born_month": month, "born_day": day, "born_year": year})
    return PayForm(data)


class TestAnAmount:
    @pytest.mark.parametrize(
        ("text", "cents"),
        [
            ("42", 42_00),
            ("42.1", 42_10),
            (" $42.10 ", 42_10),
            ("$0.01", 1),
            (".50", 50),
            ("120", 120_00),
        ],
    )
    def test_becomes_whole_cents(self, text: str, cents: int) -> None:
        form = typed(amount=text)
        assert form.is_valid(), form.errors
        assert form.cleaned_data["amount"] == cents
        assert type(form.cleaned_data["amount"]) is int

    def test_may_have_commas_between_thousands(self) -> None:
        assert MoneyField().clean("$1,042.10") == 1_042_10

    @pytest.mark.parametrize(
        ("text", "message"),
        [
            ("", "Enter an amount."),
            ("   ", "Enter an amount."),
            ("forty", "Enter the amount in numbers, like 42.10."),
            ("42 10", "Enter the amount in numbers, like 42.10."),
            ("1e2", "Enter the amount in numbers, like 42.10."),
            ("٤٢", "Enter the amount in numbers, like 42.10."),
            ("42.100", "Enter dollars and cents, with two digits after the point, like 42.10."),
            ("1,042.105", "Enter dollars and cents, with two digits after the point, like 42.10."),
            ("-5", "The amount cannot be negative."),
            ("−5.00", "The amount cannot be negative."),
            ("(5.00)", "The amount cannot be negative."),
            ("0", "Enter an amount above zero."),
            ("0.00", "Enter an amount above zero."),
            ("120.01", "Enter $120.00 or less."),
            ("42,10", "Enter the amount in numbers, like 42.10."),
            ("9" * 40, "The amount is too large."),
        ],
    )
    def test_that_cannot_be_paid_is_refused_with_the_reason(self, text: str, message: str) -> None:
        assert typed(amount=text).errors["amount"] == [message]

    def test_may_be_left_out_where_it_is_optional(self) -> None:
        assert MoneyField(required=False).clean("") is None

    def test_may_be_zero_where_zero_is_allowed(self) -> None:
        assert MoneyField(min_cents=0).clean("0") == 0

    def test_has_a_smallest_value_where_one_is_set(self) -> None:
        with pytest.raises(forms.ValidationError, match=r"Enter \$1\.00 or more"):
            MoneyField(min_cents=1_00).clean("0.99")

    def test_stands_in_the_box_as_dollars_before_and_as_typed_after(self) -> None:
        assert PayForm(initial={"amount": 1_042_05})["amount"].value() == "1042.05"
        assert typed(amount="forty")["amount"].value() == "forty"

    def test_has_changed_only_if_the_cents_differ(self) -> None:
        field = MoneyField()
        assert not field.has_changed(42_10, "$42.1")
        assert field.has_changed(42_10, "42.11")
        assert field.has_changed(42_10, "forty")

    def test_reads_the_same_in_spanish(self) -> None:
        """A comma is never taken for the point: 42,10 is refused, not read as 4,210 or 42.10."""
        with translation.override("es"):
            assert MoneyField().clean("1,042.10") == 1_042_10
            with pytest.raises(forms.ValidationError):
                MoneyField().clean("42,10")


class TestADay:
    def test_is_typed_in_three_boxes(self) -> None:
        form = typed()
        assert form.is_valid(), form.errors
        assert form.cleaned_data["born"] == dt.date(1984, 5, 3)

    def test_may_have_leading_zeros_and_spaces(self) -> None:
        form = typed(month="05", day=" 03 ")
        assert form.is_valid(), form.errors
        assert form.cleaned_data["born"] == dt.date(1984, 5, 3)

    @pytest.mark.parametrize(
        ("parts", "message"),
        [
            (("", "", ""), "Enter the month, the day and the year."),
            (("5", "", "1984"), "The date must include a month, a day and a year."),
            (("May", "3", "1984"), "Enter the date in numbers, like 5 3 1984."),
            (("5", "-3", "1984"), "Enter the date in numbers, like 5 3 1984."),
            (("5", "3", "84"), "Enter the year with four digits, like 1984."),
            (("2", "30", "1984"), "This day is not in the calendar. Check the month and the day."),
            (("13", "1", "1984"), "This day is not in the calendar. Check the month and the day."),
            (("0", "1", "1984"), "This day is not in the calendar. Check the month and the day."),
            (("2", "29", "1985"), "This day is not in the calendar. Check the month and the day."),
            (("5", "3", "9984"), "The date must be in the past."),
        ],
    )
    def test_that_is_none_is_refused_with_the_reason(
        self, parts: tuple[str, str, str], message: str
    ) -> None:
        month, day, year = parts
        assert typed(month=month, day=day, year=year).errors["born"] == [message]

    def test_today_is_not_in_the_future(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(clock, "now", lambda: dt.datetime(2026, 5, 3, 12, tzinfo=dt.UTC))
        assert typed(year="2026").is_valid()
        assert not typed(day="4", year="2026").is_valid()

    def test_may_be_left_out_where_it_is_optional(self) -> None:
        assert DateField3(required=False).clean(["", "", ""]) is None

    def test_keeps_what_was_typed(self) -> None:
        html = str(typed(month="2", day="30")["born"])
        assert 'name="born_month" value="2"' in html
        assert 'name="born_day" value="30"' in html
        assert 'autocomplete="bday-year"' in html

    def test_shows_an_initial_day_in_the_order_of_the_country(self) -> None:
        html = str(PayForm(initial={"born": dt.date(1984, 5, 3)})["born"])
        assert html.index('value="5"') < html.index('value="3"') < html.index('value="1984"')


class TestTheFieldPartial:
    def test_ties_label_hint_and_error_to_the_input(self) -> None:
        html = render_to_string("components/field.html", {"field": typed(amount="0")["amount"]})
        assertInHTML('<label class="label" for="id_amount">Amount</label>', html)
        assert 'aria-describedby="id_amount_helptext id_amount_error"' in html
        assert 'id="id_amount_helptext">What you want to pay now<' in html
        assert 'id="id_amount_error"' in html
        assert 'aria-invalid="true"' in html
        assert 'inputmode="decimal"' in html

    def test_puts_three_boxes_under_one_legend(self) -> None:
        html = render_to_string("components/field.html", {"field": typed(month="")["born"]})
        assert html.count("<fieldset") == html.count('aria-describedby="id_born_error"') == 1
        assertInHTML('<legend class="label">Date of birth</legend>', html)
        assert html.count("<label ") == 3

    def test_escapes_what_a_person_typed(self) -> None:
        html = render_to_string("components/field.html", {"field": typed(amount='"><b>')["amount"]})
        assert "<b>" not in html

    def test_error_summary_links_to_the_first_box_of_each_field(self) -> None:
        html = render_to_string("components/error_summary.html", {"form": typed("0", month="")})
        assert '<a href="#id_amount">Enter an amount above zero.</a>' in html
        assert '<a href="#id_born_0">The date must include' in html
        assert 'id="id_born_0"' in str(typed()["born"])

    def test_error_summary_is_absent_where_nothing_is_wrong(self) -> None:
        assert render_to_string("components/error_summary.html", {"form": typed()}).strip() == ""
