"""Anybody finds how to reach the plan: by telephone, TTY, letter, and on social networks."""

import pytest
from django.test import Client
from django.urls import reverse

from accounts.models import Region

pytestmark = pytest.mark.django_db


def contact_page(client: Client) -> str:
    response = client.get(reverse("contact"))
    assert response.status_code == 200
    return response.content.decode()


@pytest.mark.parametrize("number", ["866-278-9502", "800-731-4661"])
def test_public_and_employee_numbers_can_be_called_with_a_tap(client: Client, number: str) -> None:
    assert f'href="tel:+1-{number}">{number}</a>' in contact_page(client)


def test_each_area_has_its_own_number_tty_and_hours(client: Client) -> None:
    page = contact_page(client)
    assert Region.objects.count() == 8
    for region in Region.objects.all():
        assert f'<th scope="row">{region.name}</th>' in page
        assert f'href="tel:+1-{region.phone}">{region.phone}</a>' in page
        assert region.hours in page


def test_what_staff_change_about_an_area_is_what_people_read(client: Client) -> None:
    Region.objects.filter(code="HI").update(phone="808-555-0100", hours="By appointment")
    page = contact_page(client)
    assert "808-555-0100" in page
    assert "By appointment" in page


def test_the_address_and_the_social_networks_are_there(client: Client) -> None:
    page = contact_page(client)
    assert "Ordway Building<br>Kaiser Plaza<br>Oakland, CA 94612" in page
    for site in ("instagram.com", "facebook.com", "x.com", "youtube.com", "pinterest.com"):
        assert page.count(f"{site}/") == 1
    assert page.count("@kpthrive") == 2


def test_it_costs_one_query_whatever_the_number_of_areas(
    client: Client, django_assert_num_queries: object
) -> None:
    client.get("/")  # what every page's frame shows is in the cache by then
    with django_assert_num_queries(1):  # type: ignore[operator]
        contact_page(client)


def test_it_is_reached_from_the_first_page_and_changes_nothing(client: Client) -> None:
    assert f'href="{reverse("contact")}"' in client.get("/").content.decode()
    assert client.post(reverse("contact")).status_code == 405
