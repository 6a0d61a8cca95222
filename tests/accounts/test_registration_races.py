"""Two people at the same moment, on two real connections."""

import threading
from collections.abc import Callable

import pytest
from django.db import connection
from django.test import Client

from accounts.models import Member, Registration, User
from accounts.services import registration
from tests.accounts.test_registration import register
from tests.support.factories import PASSWORD, make_member
from tests.support.mail import link_in, mails_to

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*acts: Callable[[], object]) -> list[object]:
    """Run all at the same moment, each on a connection of its own; what they returned."""
    results: list[object] = [None] * len(acts)
    start = threading.Barrier(len(acts))

    def run(index: int) -> None:
        start.wait()
        try:
            results[index] = acts[index]()
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=[index]) for index in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return results


def test_one_record_goes_to_one_of_two_who_confirm_at_once() -> None:
    member = make_member(registered=False)
    addresses = ("first@example.com", "second@example.com")
    for address in addresses:
        registration.register(member=member, email=address, password=PASSWORD)
    for address in addresses:
        Client().post("/login/", {"login": address, "password": PASSWORD})
    links = [link_in(mails_to(address)[-1]) for address in addresses]

    codes = at_once(*(lambda link=link: Client().post(link).status_code for link in links))

    assert sorted(codes) == [302, 409]
    member.refresh_from_db()
    assert User.objects.get() == member.user
    assert Registration.objects.count() == 0


def test_two_registrations_of_one_address_at_once_leave_one_claim() -> None:
    """A double click on Continue: no error page, and the newest mail works."""
    member: Member = make_member(
        first_name="Ada", last_name="Núñez-O'Neil", member_number="12345678", registered=False
    )
    answers = at_once(*[lambda: register(Client()).status_code] * 3)

    assert answers == [302, 302, 302]
    assert Registration.objects.get().member == member
    links = [link_in(mail) for mail in mails_to("ada@example.com")]
    codes = [Client().get(link).status_code for link in links]
    assert sorted(codes) == [200, 410, 410]
