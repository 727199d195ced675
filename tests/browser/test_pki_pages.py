"""The pages of the PKI seen by a browser: an officer on a phone finds a certificate and holds it, by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import PHONE, Site, Visit, Visitor
from cards import country
from pki_bench import PkiBench

from tallystick.ops.pki_registry import enter_hierarchy, pki_services

pytestmark = pytest.mark.browser


@pytest.fixture
def certified(site: Site) -> Iterator[Site]:
    """The hierarchy, and a device with a certificate."""
    home, now = country(), datetime.now(UTC)
    forget_certificates(site)  # another file's tests may have entered a hierarchy of their own
    with psycopg.connect(site.country.dsn) as conn:
        bench = PkiBench(conn, home, pki_services(home.pki), "DV700001", "DV700002")
        enter_hierarchy(conn, home.pki, now)
        bench.enrol(bench.uid, at=now)
    yield site
    forget_certificates(site)


def forget_certificates(site: Site) -> None:
    """The database as it was before the first authority."""
    with psycopg.connect(site.country.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute(
            "TRUNCATE pki.issuance, pki.certified_key, pki.authority, pki.revocation_list, pki.key_use CASCADE"
        )
        conn.execute("DELETE FROM registry.revoked_certificate")


def sign_in(site: Site, visitor: Visitor, user: str) -> None:
    """By a one-time link."""
    visitor.page.goto(site.country.sign_in_link(site.portal, user))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_an_officer_holds_a_certificate_on_a_phone_by_keyboard(certified: Site, visit: Visit, dark: bool) -> None:
    vera = visit(viewport=PHONE, dark=dark)
    sign_in(certified, vera, "vera")
    vera.page.get_by_role("link", name="Certificates").click()
    vera.page.get_by_role("heading", name="Authorities").wait_for()
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"pki-authorities-{'dark' if dark else 'light'}")
    vera.page.get_by_label("Find").focus()
    vera.page.keyboard.type("DV700001")
    vera.page.keyboard.press("Enter")
    card = vera.page.get_by_role("article", name="device:DV700001")
    card.wait_for()
    assert "in force" in card.inner_text()
    card.get_by_text("Put on hold").first.focus()
    vera.page.keyboard.press("Enter")
    vera.page.keyboard.press("Tab")
    vera.page.keyboard.type("The owner reports that it was stolen")
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"pki-hold-{'dark' if dark else 'light'}")
    vera.page.keyboard.press("Tab")
    vera.page.keyboard.press("Enter")
    vera.page.get_by_text("on hold since").wait_for()
    vera.assert_fits()
    vera.picture(f"pki-held-{'dark' if dark else 'light'}")
