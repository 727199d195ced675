"""Batches of fiscal modules seen by a browser: two persons on their phones, one of them by keyboard."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import psycopg
import pytest
from browsing import PHONE, Site, Visit, Visitor

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches
from tallystick.authority.reference.registry.operations import register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(site: Site) -> Iterator[Site]:
    """A batch of sixty modules that vera asked for; some blanks of it are taken."""
    rows = [
        f"100000001,Grocers of the far North Ltd,Store {number},1 Harbour Street,North,McMurdo" for number in range(60)
    ]
    order = "\n".join(["tin,business_name,location_name,address,district,city", *rows]).encode()
    with psycopg.connect(site.country.dsn) as conn:
        register_taxpayer(conn, Taxpayer(Tin("100000001"), "Grocers of the far North Ltd"))
        batch = batches.ask_to_open(
            conn,
            order,
            profile="virtual",
            blanks=66,
            years=4,
            usual_limit=Money.of(1_000),
            reason="The yearly order of the northern district",
            by=Person("vera", "portal"),
            at=datetime.now(UTC),
        )
        conn.execute(
            """INSERT INTO production.module (batch_id, line, slot, taken_at, changed_at)
               SELECT %s, line, line, now(), now() FROM production.order_line WHERE batch_id = %s""",
            [batch.batch_id, batch.batch_id],
        )
    yield site
    with psycopg.connect(site.country.dsn) as conn:
        conn.execute("SET session_replication_role = replica")
        conn.execute("TRUNCATE production.batch, production.order_line, production.module, approvals.request CASCADE")


def sign_in(site: Site, visitor: Visitor, user: str) -> None:
    """By a one-time link."""
    visitor.page.goto(site.country.sign_in_link(site.portal, user))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_url(f"{site.portal.url}/")


@pytest.mark.parametrize("dark", [False, True], ids=["light", "dark"])
def test_two_persons_open_a_batch_on_their_phones(asked: Site, visit: Visit, dark: bool) -> None:
    vera, omar = visit(viewport=PHONE, dark=dark), visit(viewport=PHONE, dark=dark)
    sign_in(asked, vera, "vera")
    vera.page.get_by_role("link", name="Modules").click()
    card = vera.page.get_by_role("article", name="Batch").first
    assert "waits for a second person" in card.inner_text()
    assert "60 from 66 blanks" in card.inner_text()
    assert card.get_by_role("button", name="Open the batch").count() == 0
    vera.assert_fits()
    vera.assert_accessible()
    vera.picture(f"production-asked-{'dark' if dark else 'light'}")

    sign_in(asked, omar, "omar")
    omar.page.get_by_role("link", name="Modules").click()
    button = omar.page.get_by_role("article", name="Batch").first.get_by_role("button", name="Open the batch")
    button.focus()
    omar.page.keyboard.press("Enter")
    omar.page.get_by_text("open", exact=True).wait_for()
    omar.page.get_by_role("article", name="Batch").first.get_by_role("link").click()
    omar.page.get_by_role("heading", name="What became of the blanks").wait_for()
    assert "Page 1 of 2" in omar.page.inner_text("main")
    omar.assert_fits()
    omar.assert_accessible()
    omar.picture(f"production-batch-{'dark' if dark else 'light'}")
    omar.page.get_by_role("link", name="Later").click()
    assert "Page 2 of 2" in omar.page.inner_text("main")
