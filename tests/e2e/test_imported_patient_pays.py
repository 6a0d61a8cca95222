"""A patient whose bills came from outside the project registers and pays one of them."""

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from demo.people import PASSWORD
from tests.e2e import steps
from tests.e2e.product import ROOT, Product
from tests.support.browser import NewPage

BUNDLES = ROOT.parent / "shared" / "data" / "fhir-eob"

pytestmark = pytest.mark.skipif(not BUNDLES.is_dir(), reason=f"the real bundles are not at {BUNDLES}")

MEMBER = re.compile(
    r"^member (?P<region>\w+) (?P<member_number>\S+): (?P<first_name>Royal) (?P<last_name>\w+),"
    r" born (?P<date_of_birth>[\d-]+) \(new\)$",
    re.MULTILINE,
)


def import_patients(product: Product) -> dict[str, Any]:
    """Import all bundles; one of the people, as the import tells of them."""
    command = ["import_bills", str(BUNDLES), "--format", "fhir", "--region", "NCAL"]
    first = product.manage(*command, "--verbosity", "2")
    assert "11 new, 0 changed, 0 unchanged" in first
    assert "Changes: 0\n" in product.manage(*command)
    told = MEMBER.search(first)
    assert told is not None, first
    return told.groupdict() | {"email": "royal@example.com", "password": PASSWORD}


def test_a_patient_from_a_fhir_bundle_registers_and_pays(product: Product, new_page: NewPage) -> None:
    person = import_patients(product)
    page = new_page()
    steps.register(page, product, person)
    steps.confirm_address(page, product, person)
    steps.log_in(page, product, person)
    main = page.get_by_role("main")

    main.get_by_role("link", name="Dr. Mariam Gleason").first.click()
    expect(main).to_contain_text("Influenza, seasonal, injectable, preservative free")
    page.get_by_role("link", name="Pay this bill").click()
    page.get_by_role("button", name="Continue").click()
    steps.enter_card(page)
    pay = page.get_by_role("button", name=re.compile(r"^Pay \$\d+\.\d\d now$"))
    words = pay.inner_text()
    pay.click()
    expect(page.get_by_role("heading", name="Your payment has been made")).to_be_visible(
        timeout=steps.SOON
    )
    reference = steps.reference_on(page)
    expect(main).to_contain_text(reference)

    dollars, cents = re.findall(r"\d+", words)
    charged = {line["payment"]: line["charged_cents"] for line in product.charges("ncal")}
    assert charged[reference] == int(dollars) * 100 + int(cents)
    product.manage("verify_ledger")
