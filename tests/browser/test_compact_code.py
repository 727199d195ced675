"""The compact code in a browser: what a buyer sees who scans the small symbol of a narrow receipt (S0-018, K-10)."""

from __future__ import annotations

import io

import attrs
import pytest
import zxingcpp
from browsing import Site, Visit
from PIL import Image
from public_live import shelf

from benchmarks.package_maker import sale
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceResult, InvoiceType
from tallystick.paper.printer_stream import symbol_dots
from tallystick.paper.rolls import Roll
from tallystick.paper.symbols import Codes, symbols_of
from tallystick.wire.compact_proof import CompactProof, compact_proof, write_code
from tallystick.wire.verification_url import from_url

pytestmark = pytest.mark.browser
STATES = ("valid", "not-fiscal", "mismatch", "unconfirmed", "not-verifiable")


def proof_of(result: InvoiceResult) -> CompactProof:
    return compact_proof(from_url(result.verification_url))


@pytest.fixture(scope="module")
def booked(site: Site) -> InvoiceResult:
    return site.country.book(sale(shelf(5)))


@pytest.fixture(scope="module")
def addresses(site: Site, booked: InvoiceResult) -> dict[str, str]:
    """One address for each answer."""
    training = site.country.book(sale(shelf(3), invoice_type=InvoiceType.TRAINING))
    _, not_sent = site.country.sign(sale(shelf(4)))
    altered = attrs.evolve(proof_of(booked), amount=Money.of("1.00"))
    codes = [write_code(one) for one in (proof_of(booked), proof_of(training), altered, proof_of(not_sent))]
    codes.append(codes[0][:40] + "AAAA" + codes[0][44:])
    return {state: f"{site.public.url}/C/{code}" for state, code in zip(STATES, codes, strict=True)}


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_each_answer_in_each_language_on_a_phone(
    site: Site, visit: Visit, addresses: dict[str, str], state: str, tag: str
) -> None:
    visitor = visit()
    visitor.context.add_cookies([{"name": "localization", "value": tag, "url": site.public.url}])
    answer = visitor.page.goto(addresses[state])
    assert answer is not None
    assert answer.status == (400 if state == "not-verifiable" else 200)
    words = PAGE_LANGUAGES[tag]
    assert visitor.page.locator("h1").inner_text().endswith(words.states[state])
    has_facts = state not in ("unconfirmed", "not-verifiable")
    assert visitor.page.locator("#source").count() == visitor.page.locator("#totalAmountLabel").count() == has_facts
    if has_facts:
        assert visitor.page.locator("#source").inner_text() == words.compact_note
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"compact-{state}-{tag}")


def test_what_a_phone_reads_off_the_paper_opens_the_page(site: Site, visit: Visit, booked: InvoiceResult) -> None:
    """From the printed dots to the page; only the host is that of the test."""
    (symbol,) = symbols_of(booked.verification_url, Roll.NARROW, Codes.COMPACT)
    picture = io.BytesIO()
    symbol_dots(symbol, Roll.NARROW).save(picture, "PNG")
    (found,) = zxingcpp.read_barcodes(Image.open(picture))
    assert found.text.startswith("HTTP")
    visitor = visit()
    visitor.page.goto(f"{site.public.url}/{found.text.split('/', 3)[3]}")
    assert visitor.page.locator("#invoiceNumberLabel").inner_text() == str(booked.number)
    assert visitor.page.locator("h1").inner_text() == "Invoice is verified"


def test_the_language_changes_and_the_code_stays(visit: Visit, addresses: dict[str, str]) -> None:
    visitor = visit(script=False)
    page = visitor.page
    page.goto(addresses["valid"])
    page.get_by_role("link", name="Српски").click()
    assert page.locator("h1").inner_text() == "Рачун је проверен"
    assert "/v/?c=" in page.url
    page.get_by_role("link", name="English").click()
    assert page.locator("#source").inner_text() == PAGE_LANGUAGES["en-US"].compact_note


@pytest.mark.parametrize("state", ["unconfirmed", "mismatch"])
def test_in_the_dark(visit: Visit, addresses: dict[str, str], state: str) -> None:
    visitor = visit(dark=True)
    visitor.page.goto(addresses[state])
    visitor.assert_accessible()
    visitor.picture(f"compact-{state}-dark")
