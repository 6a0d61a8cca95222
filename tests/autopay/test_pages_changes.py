"""Changing autopay on its pages: each asks first, says what follows, and is done once, by POST."""

import datetime as dt
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from autopay.models import DraftState, Enrollment, EnrollmentEvent, EnrollmentState
from autopay.services import enrollment as services
from demo.stripe.core import Sandbox
from payments.models import Authorization, Payment
from payments.services import methods as saved
from tests.support import methods, pdfs
from tests.support.autopay import DUE, Calendar, announced, by, enrolled, run
from tests.support.autopay_pages import INDEX, agreed, browser_of
from tests.support.factories import make_account
from tests.support.mail import mails_to
from tests.support.stripe import charged

pytestmark = pytest.mark.django_db


@pytest.fixture
def stands(sandbox: Sandbox, calendar: Calendar) -> Enrollment:
    return enrolled(sandbox)


@pytest.fixture
def member(stands: Enrollment) -> Client:
    return browser_of(stands.account)


@pytest.fixture
def stranger(stands: Enrollment) -> Client:
    return browser_of(make_account())


def address(stands: Enrollment, page: str, *more: object) -> str:
    return reverse(f"autopay:{page}", args=[stands.reference, *more])


def state(stands: Enrollment) -> str:
    stands.refresh_from_db()
    return stands.state


def subjects(stands: Enrollment) -> list[str]:
    return [mail.subject for mail in mails_to(stands.account.guarantor.user.email)]


def events(stands: Enrollment) -> list[str]:
    return list(stands.events.order_by("pk").values_list("kind", flat=True))


class TestPauseAndResume:
    def test_looking_changes_nothing(self, member: Client, stands: Enrollment) -> None:
        for act in ("pause", "resume", "cancel", "use-balance", "keep-balance"):
            assert member.get(address(stands, "act", act)).status_code == 200
        assert state(stands) == EnrollmentState.ACTIVE
        assert events(stands) == ["enrolled"]

    def test_pausing_twice_is_pausing_once_and_is_mailed_once(
        self, member: Client, stands: Enrollment
    ) -> None:
        draft = announced(stands)
        before = len(subjects(stands))
        url = address(stands, "act", "pause")
        assert draft.invoice.number in member.get(url).text
        member.post(url)
        page = member.post(url, follow=True).text
        assert "Autopay is paused: nothing is drawn." in page
        assert "Nothing is drawn until you resume it." in page
        assert state(stands) == EnrollmentState.PAUSED
        assert len(subjects(stands)) == before + 1
        member.post(address(stands, "act", "resume"))
        assert state(stands) == EnrollmentState.ACTIVE
        assert events(stands) == ["enrolled", "paused", "resumed"]

    def test_what_was_stopped_cannot_be_resumed(self, member: Client, stands: Enrollment) -> None:
        announced(stands)
        saved.remove(method=stands.method)
        services.stop(enrollment=stands, reason="method_removed")
        page = member.post(address(stands, "act", "resume"), follow=True).text
        assert "That is not possible as your autopay stands now." in page
        assert "The payment method was removed." in page
        assert "Choose another payment method" in page
        assert state(stands) == EnrollmentState.STOPPED

    def test_an_act_that_does_not_exist_is_not_found(self, member: Client, stands: Enrollment) -> None:
        assert member.post(address(stands, "act", "explode")).status_code == 404


class TestCancel:
    def test_shows_a_dated_proof_on_the_page_on_paper_and_by_mail(
        self, member: Client, stands: Enrollment, calendar: Calendar, sandbox: Sandbox
    ) -> None:
        announced(stands, 120_00)
        assert "These draws will not be made" in member.get(address(stands, "act", "cancel")).text
        page = member.post(address(stands, "act", "cancel"), follow=True)
        assert page.redirect_chain == [(address(stands, "canceled"), 302)]
        for words in (stands.reference, "Nov. 2, 2026, noon PST", "$120.00", "Print this page"):
            assert words in page.text, words
        pdf = member.get(address(stands, "proof"))
        assert pdf["Content-Type"] == "application/pdf"
        text = pdfs.text(pdf.content)
        assert stands.reference in text
        assert "canceled" in subjects(stands)[-1]

        calendar.go_to(DUE)
        run(stands.account.region)
        assert charged(sandbox) == {}

    def test_names_what_is_on_its_way_already(self, sandbox: Sandbox, calendar: Calendar) -> None:
        stands = enrolled(sandbox, card=methods.BANK)
        announced(stands)
        calendar.go_to(DUE)
        run(stands.account.region)
        payment = Payment.objects.get()
        member = browser_of(stands.account)
        asked = member.get(address(stands, "act", "cancel")).text
        assert payment.reference in asked
        assert "of $120.00 is on its way already and is not stopped by this." in asked
        page = member.post(address(stands, "act", "cancel"), follow=True).text
        assert "Sent to the bank before" in page
        assert payment.reference in page
        assert "Draws that will not be made" not in page

    def test_twice_gives_the_same_proof_and_one_mail(self, member: Client, stands: Enrollment) -> None:
        url = address(stands, "act", "cancel")
        first = member.post(url, follow=True)
        mails = len(subjects(stands))
        assert member.post(url, follow=True).redirect_chain == first.redirect_chain
        assert len(subjects(stands)) == mails
        assert events(stands) == ["enrolled", "canceled"]

    def test_leaves_only_the_proof_of_every_other_page(
        self, member: Client, stands: Enrollment
    ) -> None:
        services.cancel(enrollment=stands, **by(stands))
        for page in ("on", "change_method", "change_day", "change_limit"):
            assert member.get(address(stands, page)).url == address(stands, "canceled")
        assert member.post(address(stands, "change_day"), {"when": "due"}).url == address(
            stands, "canceled"
        )
        index = member.get(INDEX).text
        assert address(stands, "canceled") in index
        assert "Set up autopay for medical bills" in index

    def test_without_one_there_is_no_proof(self, member: Client, stands: Enrollment) -> None:
        assert member.get(address(stands, "canceled")).url == INDEX
        assert member.get(address(stands, "proof")).status_code == 404

    def test_needs_no_password(self, stands: Enrollment) -> None:
        hasty = Client()
        hasty.force_login(stands.account.guarantor.user)
        hasty.post(address(stands, "act", "cancel"))
        assert state(stands) == EnrollmentState.CANCELED


class TestOneDraw:
    def test_is_skipped_after_asking_and_taken_up_again(
        self, member: Client, stands: Enrollment
    ) -> None:
        draft = announced(stands)
        skip = reverse("autopay:skip", args=[draft.pk])
        assert f'href="{skip}"' in member.get(INDEX).text
        asked = member.get(skip).text
        assert "$120.00" in asked
        assert "Nov. 16, 2026" in asked
        draft.refresh_from_db()
        assert draft.state == DraftState.NOTICED

        member.post(skip)
        page = member.post(skip, follow=True).text
        assert "This draw is skipped." in page
        assert "Skipped by you" in page
        assert events(stands).count("skipped") == 1

        unskip = reverse("autopay:unskip", args=[draft.pk])
        assert f'href="{unskip}"' in page
        assert "This bill is drawn after all." in member.post(unskip, follow=True).text
        draft.refresh_from_db()
        assert draft.state == DraftState.PLANNED

    def test_that_was_sent_is_not_skipped_and_its_payment_is_named(
        self, member: Client, stands: Enrollment, calendar: Calendar
    ) -> None:
        draft = announced(stands)
        calendar.go_to(DUE)
        run(stands.account.region)
        page = browser_of(stands.account).post(reverse("autopay:skip", args=[draft.pk]), follow=True)
        reference = Payment.objects.get().reference
        assert f'href="/payments/{reference}/">payment {reference}</a>' in page.text
        assert "This draw was sent to your bank before" in page.text

    def test_of_somebody_else_is_not_found(self, stranger: Client, stands: Enrollment) -> None:
        draft = announced(stands)
        for page in ("skip", "unskip"):
            url = reverse(f"autopay:{page}", args=[draft.pk])
            assert stranger.get(url).status_code == 404
            assert stranger.post(url).status_code == 404
        draft.refresh_from_db()
        assert draft.state == DraftState.NOTICED


class TestTheMethod:
    def test_another_one_is_drawn_from_after_its_own_text(
        self, member: Client, stands: Enrollment, sandbox: Sandbox
    ) -> None:
        bank = methods.add(sandbox, stands.account, methods.BANK)
        chosen = member.post(address(stands, "change_method"), {"method": str(bank.pk)})
        assert chosen.url == address(stands, "agree_method", bank.pk)
        assert "electronically (ACH)" in member.get(chosen.url).text
        form = agreed(member, chosen.url)
        page = member.post(chosen.url, form, follow=True).text
        assert "From now on autopay draws from" in page
        stands.refresh_from_db()
        assert stands.method == bank
        assert Authorization.objects.filter(purpose="autopay").count() == 2
        assert "ACH" in stands.authorization.text

    def test_without_the_box_stays(self, member: Client, stands: Enrollment, sandbox: Sandbox) -> None:
        bank = methods.add(sandbox, stands.account, methods.BANK)
        url = address(stands, "agree_method", bank.pk)
        response = member.post(url, agreed(member, url) | {"agree": ""})
        assert response.status_code == 422
        assert "Tick the box to agree" in response.text
        stands.refresh_from_db()
        assert stands.method != bank

    def test_of_somebody_else_is_not_found(
        self, member: Client, stands: Enrollment, sandbox: Sandbox
    ) -> None:
        theirs = methods.add(sandbox, make_account())
        posted = member.post(address(stands, "change_method"), {"method": str(theirs.pk)})
        assert posted.status_code == 404
        assert member.get(address(stands, "agree_method", theirs.pk)).status_code == 404

    def test_that_was_removed_meanwhile_is_refused_in_words(
        self, member: Client, stands: Enrollment, sandbox: Sandbox
    ) -> None:
        bank = methods.add(sandbox, stands.account, methods.BANK)
        url = address(stands, "agree_method", bank.pk)
        form = agreed(member, url)
        saved.remove(method=bank)
        for page in (member.get(url, follow=True), member.post(url, form, follow=True)):
            assert page.redirect_chain[-1][0] == address(stands, "change_method")
            assert "This payment method cannot be used any more." in page.text

    @pytest.mark.parametrize("reason", ["", "revoked", "method_expired"])
    def test_offers_another_one_first_where_autopay_had_to_stop(
        self, member: Client, stands: Enrollment, sandbox: Sandbox, reason: str
    ) -> None:
        other = methods.add(sandbox, stands.account, "pm_card_mastercard")
        if reason:
            services.stop(enrollment=stands, reason=reason)
        form = member.get(address(stands, "change_method")).context["form"]
        assert form.initial["method"] == (other.pk if reason else stands.method_id)

    def test_starts_what_was_stopped(
        self, member: Client, stands: Enrollment, sandbox: Sandbox
    ) -> None:
        saved.remove(method=stands.method)
        services.stop(enrollment=stands, reason="method_removed")
        bank = methods.add(sandbox, stands.account, methods.BANK)
        url = address(stands, "agree_method", bank.pk)
        assert "this starts it again" in member.get(url).text
        member.post(url, agreed(member, url))
        assert state(stands) == EnrollmentState.ACTIVE


class TestDayLimitAndBalance:
    def test_the_day_moves_the_draws(self, member: Client, stands: Enrollment) -> None:
        draft = announced(stands, due_on=dt.date(2026, 12, 21))
        assert draft.draw_on == dt.date(2026, 12, 21)
        page = member.post(
            address(stands, "change_day"), {"when": "day", "day": "15"}, follow=True
        ).text
        assert "The day is changed." in page
        assert "Day 15 of the month" in page
        draft.refresh_from_db()
        assert (draft.state, draft.draw_on) == (DraftState.PLANNED, dt.date(2026, 12, 15))
        member.post(address(stands, "change_day"), {"when": "due", "day": "15"})
        draft.refresh_from_db()
        assert draft.draw_on == dt.date(2026, 12, 21)
        assert events(stands) == ["enrolled", "schedule", "schedule"]

    def test_the_limit_is_kept_within_bounds_and_what_was_typed_stays(
        self, member: Client, stands: Enrollment
    ) -> None:
        url = address(stands, "change_limit")
        for typed in ("-1", "0", "lots", "1.234"):
            response = member.post(url, {"limit": typed})
            assert response.status_code == 422, typed
            assert f'value="{typed}"' in response.text
        stands.refresh_from_db()
        assert stands.limit_cents is None
        assert events(stands) == ["enrolled"]

    def test_a_lower_limit_puts_a_bill_on_hold_and_offers_to_pay_it(
        self, member: Client, stands: Enrollment
    ) -> None:
        draft = announced(stands, 120_00)
        member.post(address(stands, "change_limit"), {"limit": "100.00"})
        draft.refresh_from_db()
        assert draft.state == DraftState.HELD
        page = member.get(INDEX).text
        assert "Not drawn as things stand" in page
        assert "The bill is above the limit for one draw" in page
        assert f"/pay/?bill={draft.invoice_id}" in page
        member.post(address(stands, "change_limit"), {"limit": ""})
        stands.refresh_from_db()
        assert stands.limit_cents is None

    def test_the_limit_asks_for_the_password(self, stands: Enrollment) -> None:
        hasty = Client()
        hasty.force_login(stands.account.guarantor.user)
        for page in ("change_limit", "change_method"):
            answer = hasty.post(address(stands, page), {"limit": "9000.00"})
            assert answer.url.startswith(reverse("account_reauthenticate"))
        stands.refresh_from_db()
        assert stands.limit_cents is None

    def test_a_bad_day_is_said_and_changes_nothing(self, member: Client, stands: Enrollment) -> None:
        for typed in ("0", "32", "x"):
            response = member.post(address(stands, "change_day"), {"when": "day", "day": typed})
            assert response.status_code == 422
            assert response.text.count("Enter a day from 1 to 31.") == 2
        stands.refresh_from_db()
        assert stands.day_of_month is None

    def test_the_account_balance_is_used_and_left_alone(
        self, member: Client, stands: Enrollment
    ) -> None:
        member.post(address(stands, "act", "use-balance"))
        stands.refresh_from_db()
        assert stands.use_balance
        assert "keep-balance" in member.get(INDEX).text
        member.post(address(stands, "act", "keep-balance"))
        stands.refresh_from_db()
        assert not stands.use_balance


def test_nothing_of_it_is_found_by_somebody_else(stranger: Client, stands: Enrollment) -> None:
    for page in ("on", "copy", "proof", "canceled", "change_method", "change_day", "change_limit"):
        assert stranger.get(address(stands, page)).status_code == 404, page
    for act in ("pause", "cancel", "use-balance"):
        assert stranger.post(address(stands, "act", act)).status_code == 404
    assert state(stands) == EnrollmentState.ACTIVE
    assert EnrollmentEvent.objects.count() == 1


def test_the_mails_lead_to_the_page(stands: Enrollment) -> None:
    mail = mails_to(stands.account.guarantor.user.email)[-1]
    assert "/autopay/" in unescape(mail.message)
