"""Audit by hand, seen by a browser: a folder is uploaded, judged and understood, commands are downloaded."""

from __future__ import annotations

import asyncio
import re
import zipfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import psycopg
import pytest
from browsing import DESKTOP, PHONE, Site, Visit, Visitor
from hand_carried import _InLoop
from public_live import SELLER, now, wait_until

from benchmarks.package_maker import seal
from tallystick.authority.channels.sdc.uploads import tasks
from tallystick.authority.channels.sdc.uploads.judging import JudgingServices
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.commands.queries import outstanding
from tallystick.authority.reference.registry.operations import create_user, let_user_act_for
from tallystick.crypto.envelope import open_arp
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.taxcore_api import CommandType

pytestmark = pytest.mark.browser
WIDTHS = {"phone": PHONE, "desk": DESKTOP}
OWNER = "shopkeeper"


@pytest.fixture
def shopkeeper(site: Site) -> str:
    """A user who acts for the taxpayer of the country's card."""
    with psycopg.connect(site.country.dsn) as connection:
        create_user(connection, OWNER, "!", "Keeper of Corner Shop", "taxpayer")
        let_user_act_for(connection, OWNER, SELLER.tin)
    return OWNER


def sign_in(site: Site, visitor: Visitor, user: str) -> None:
    """A taxpayer begins on the page of media; an officer begins on the live page, and goes there."""
    visitor.page.goto(site.country.sign_in_link(site.portal, user))
    visitor.page.get_by_role("button", name="Sign in").click()
    visitor.page.wait_for_load_state()
    media = visitor.page.get_by_role("link", name="Media", exact=True)
    if media.count():
        media.click()
    visitor.page.wait_for_url(f"{site.portal.url}/media/")


def medium(site: Site, folder: Path, sales: int) -> Path:
    """The card's folder as a device writes it, with one foreign file and one that is damaged."""
    uid = site.country.card.uid
    place = folder / uid
    place.mkdir()
    for _ in range(sales):
        request, result = site.country.sign()
        package = seal(write_audit_data(request, result), site.country.card.encryption_key)
        (place / f"{result.number}.json").write_bytes(package)
    (place / "holiday.jpg").write_bytes(b"jpeg")
    (place / f"{uid}-{uid}-9999.json").write_bytes(b'{"key":"AA==","iv":"AA==","payload":"AA=="}')
    return place


def judge(site: Site) -> None:
    """The worker's round, with the pipeline of the country that runs in this process."""
    live = site.country.live
    desk = AuditDesk(lambda payload: open_arp(payload, site.country.pki.private_key("package")), Nothing())
    services = JudgingServices(
        intake=_InLoop(live.intake, site.country.loop._loop),
        desk=desk,
        initial_commands=lambda: [(CommandType.SET_TIME_SERVER_URL, "0.pool.ntp.example")],
    )

    def work() -> None:
        with asyncio.Runner() as runner, psycopg.connect(as_role(site.country.dsn, INTAKE)) as conn:
            while tasks.judge_due(conn, services, runner, now):
                pass

    with ThreadPoolExecutor(1) as pool:  # the browser's loop runs in this thread
        pool.submit(work).result(60)


class Nothing:
    """Nothing is kept apart."""

    def ordinals(self, *_: Any) -> set[int]:
        return set()

    def turnover(self, *_: Any) -> int:
        return 0


@pytest.mark.parametrize("width", WIDTHS)
def test_s2_099_upload_with_progress_and_a_result_in_plain_words(
    site: Site, visit: Visit, shopkeeper: str, tmp_path: Path, width: str
) -> None:
    place = medium(site, tmp_path, 3)
    visitor = visit(viewport=WIDTHS[width])
    sign_in(site, visitor, shopkeeper)
    page = visitor.page
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"media-home-{width}")
    page.get_by_label("Folder").set_input_files(place)
    page.get_by_role("button", name="Upload").click()
    page.wait_for_url(re.compile("/media/uploads/[0-9a-f-]{36}/$"))
    assert "of 5 files judged. They are stored: you may close this page." in page.locator("#state").inner_text()
    visitor.assert_accessible()
    visitor.picture(f"media-waiting-{width}")
    page.evaluate("window.untouched = true")
    judge(site)
    wait_until(lambda: page.locator("#state").inner_text().startswith("Finished"), seconds=20)
    assert page.evaluate("window.untouched") is True, "it renewed itself"
    assert page.locator("#state").inner_text() == "Finished: 3 of 5 files accepted, 1 needs a look, 1 left alone."
    results = page.locator(".results").inner_text()
    assert "Accepted" in results
    assert "Not recognised: the file is damaged" in results
    assert "Left alone; it does no harm." in results
    assert page.locator("#lines-table tbody tr").count() == 2
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture(f"media-result-{width}")
    page.get_by_role("link", name="Every file").click()
    page.wait_for_url(re.compile("show=all"))
    assert page.locator("#lines-table tbody tr").count() == 5


def test_a_zip_without_script_and_the_same_again(site: Site, visit: Visit, shopkeeper: str, tmp_path: Path) -> None:
    place = medium(site, tmp_path, 2)
    packed = tmp_path / "medium.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for file in place.iterdir():
            archive.write(file, f"{place.name}/{file.name}")
    visitor = visit(script=False)
    sign_in(site, visitor, shopkeeper)
    page = visitor.page
    for turn in range(2):
        page.goto(f"{site.portal.url}/media/")
        page.get_by_label("Files or ZIP").set_input_files(packed)
        page.get_by_role("button", name="Upload").click()
        page.wait_for_url(re.compile("/media/uploads/"))
        if turn == 0:
            page.get_by_role("link", name="Show the state anew").click()
        judge(site)
        page.reload()
        assert page.locator("#state").inner_text() == "Finished: 2 of 4 files accepted, 1 needs a look, 1 left alone."
    page.get_by_role("link", name="Every file").click()
    page.wait_for_url(re.compile("show=all"))
    assert page.get_by_text("Accepted before").count() == 2
    visitor.assert_fits()


def test_a_large_folder_goes_in_pieces(site: Site, visit: Visit, shopkeeper: str, tmp_path: Path) -> None:
    """450 files in three requests, one upload; each gets a line."""
    uid = site.country.card.uid
    for number in range(450):
        (tmp_path / f"{uid}-{uid}-{10_000 + number}.json").write_bytes(b"%d" % number)
    visitor = visit()
    sign_in(site, visitor, shopkeeper)
    sent: list[str] = []
    visitor.page.on("request", lambda request: sent.append(request.url) if request.method == "POST" else None)
    visitor.page.get_by_label("Files or ZIP").set_input_files(sorted(tmp_path.iterdir()))
    visitor.page.get_by_role("button", name="Upload").click()
    visitor.page.wait_for_url(re.compile("/media/uploads/[0-9a-f-]{36}/$"), timeout=60_000)
    assert len(sent) == 3
    assert "of 450 files judged" in visitor.page.locator("#state").inner_text()
    judge(site)


def test_s2_100_commands_are_downloaded_by_keyboard(site: Site, visit: Visit, shopkeeper: str, tmp_path: Path) -> None:
    uid = site.country.card.uid
    with psycopg.connect(site.country.dsn) as connection:
        commands.queue(connection, uid, CommandType.SET_TIME_SERVER_URL, "0.pool.ntp.example")
    visitor = visit()
    sign_in(site, visitor, shopkeeper)
    page = visitor.page
    page.get_by_label("Files or ZIP").focus()
    for _ in range(2):
        page.keyboard.press("Tab")
    assert page.locator(":focus").inner_text() == "All commands that wait"
    visitor.assert_accessible()
    visitor.picture("media-commands-phone")
    with page.expect_download() as download:
        page.keyboard.press("Enter")
    download.value.save_as(tmp_path / "commands.zip")
    with zipfile.ZipFile(tmp_path / "commands.zip") as archive:
        assert archive.namelist() == [f"{uid}/{uid}.commands"]
    with psycopg.connect(site.country.dsn) as connection:
        for command in outstanding(connection, uid):
            commands.report(connection, uid, command.command_id, True)


def test_an_officer_sees_every_card_and_prepares_first_commands(site: Site, visit: Visit) -> None:
    with psycopg.connect(site.country.dsn) as connection:
        create_user(connection, "officer", "!", "An officer", "officer")
    visitor = visit(viewport=DESKTOP, dark=True)
    sign_in(site, visitor, "officer")
    page = visitor.page
    assert page.get_by_role("row").filter(has_text=SELLER.tin).count() >= 1
    visitor.assert_fits()
    visitor.assert_accessible()
    visitor.picture("media-officer-dark")
    page.get_by_role("button", name=f"Prepare first commands for {site.country.card.uid}").click()
    page.wait_for_url(re.compile("/media/uploads/"))
    judge(site)
    wait_until(lambda: "Prepared. The commands can be downloaded." in page.locator(".results").inner_text(), seconds=20)


def test_nothing_chosen_is_said_and_nothing_is_sent(site: Site, visit: Visit, shopkeeper: str) -> None:
    visitor = visit()
    sign_in(site, visitor, shopkeeper)
    visitor.page.get_by_role("button", name="Upload").click()
    assert visitor.page.locator("#progress-text").inner_text() == "Choose a folder or files first."
