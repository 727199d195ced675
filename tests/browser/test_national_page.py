"""National receipts in a browser: what a buyer sees who scans the code of a register (S0-033, S0-097, K-19)."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.request import urlopen

import psycopg
import pytest
from browsing import Site, Visit
from live_register import book, live_register
from national_page import altered

from tallystick.authority.channels.ecr.batches import operations
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.projections.verification.words import PAGE_LANGUAGES
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.wire.offline_batch import Announcement, write_part

pytestmark = pytest.mark.browser
STATES = ("valid", "mismatch", "pending", "overdue", "not-found", "forged")


@pytest.fixture(scope="module")
def receipts(site: Site) -> dict[str, str]:
    """The letters of one code for each answer."""
    till, truck = live_register(site.country, "TILLBRW1", 1), live_register(site.country, "TRUCKBR1", 2)
    valid = till.sell("1234.50", buyer_id="10:998877665")
    book(site.country, valid)
    pending = truck.sell("17.40")
    old = truck.sell("17.40")
    with urlopen(f"{site.public.url}/r/{old.letters}", timeout=30) as answer:  # somebody shows it, and then days pass
        assert answer.status == 200
    with psycopg.connect(site.country.dsn) as connection:
        connection.execute(
            "UPDATE inspections.sighting SET first_at = first_at - interval '80 hours' WHERE act_hash = %s",
            (old.signed.act_hash,),
        )
    hidden = till.sell("99.00")
    letters = {
        "valid": valid.letters,
        "mismatch": altered(valid, till, total=Money.of("12.34")),
        "pending": pending.letters,
        "overdue": old.letters,
        "not-found": hidden.letters,
        "forged": altered(valid, act_hash=bytes(32)),
    }
    assert set(letters) == set(STATES)
    return letters


@pytest.mark.parametrize("tag", PAGE_LANGUAGES)
@pytest.mark.parametrize("state", STATES)
def test_each_answer_in_each_language_on_a_phone(
    site: Site, visit: Visit, receipts: dict[str, str], state: str, tag: str
) -> None:
    visitor = visit(script=True)
    visitor.context.add_cookies([{"name": "localization", "value": tag, "url": site.public.url}])
    visitor.page.goto(f"{site.public.url}/r/{receipts[state]}")
    assert visitor.page.locator("h1").inner_text().endswith(PAGE_LANGUAGES[tag].states[state])
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"national-{state}-{tag}")


def test_s0_097_what_has_come_with_a_part_says_so_on_a_phone(site: Site, visit: Visit) -> None:
    """Sent, and its batch is not booked: pending, in every language, without the note about the limit."""
    truck = live_register(site.country, "TRUCKBR2", 2)
    sold = truck.sell("23.80")
    sender = Sender(
        certificate_hash=sold.signed.header.kid,
        uid=Uid(truck.device.uid),
        device_class=DeviceClass.HARDWARE,
        tin=Tin(truck.device.tin),
    )
    now = datetime.now(UTC)
    with psycopg.connect(site.country.dsn) as connection:
        batch = Announcement(batch=b"a part of a day.", first=sold.signed.header.sequence)
        operations.announce(connection, sender, batch, now)
        part = operations.read_new_part(sender, 1, write_part([sold.signed.compact]), now)
        operations.put_part(connection, sender, batch.batch, part)
    visitor = visit(script=True)
    for tag, words in PAGE_LANGUAGES.items():
        visitor.context.add_cookies([{"name": "localization", "value": tag, "url": site.public.url}])
        visitor.page.goto(f"{site.public.url}/r/{sold.letters}")
        assert visitor.page.locator("h1").inner_text().endswith(words.states["pending"])
        shown = visitor.page.locator("main").inner_text()
        assert words.national["arrivedNote"] in shown
        assert words.national["pendingNote"].format(hours=72) not in shown
        visitor.assert_fits()
        visitor.assert_accessible()
        visitor.picture(f"national-arrived-{tag}")


def test_the_language_changes_by_keyboard_and_without_script(
    site: Site, visit: Visit, receipts: dict[str, str]
) -> None:
    page = visit(script=False).page
    page.goto(f"{site.public.url}/r/{receipts['valid']}")
    page.get_by_role("link", name="Српски").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/v/?r=*")
    assert page.locator("h1").inner_text() == "Рачун је проверен"
    assert page.locator("#totalAmountLabel").inner_text() == "1.234,50"


def test_a_mismatch_in_the_dark(site: Site, visit: Visit, receipts: dict[str, str]) -> None:
    visitor = visit(dark=True)
    visitor.page.goto(f"{site.public.url}/r/{receipts['mismatch']}")
    visitor.assert_accessible()
    visitor.picture("national-mismatch-dark")
