"""The device's page over HTTP: what it shows, and what its forms do (S2-121 to S2-135)."""

from __future__ import annotations

import asyncio
import re
import threading
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from esdc_bench import PIN, UID, body
from esdc_live import SETTINGS, Scene, http, play, until
from face_person import LANGUAGES, Person, at_the_device, shown, until_shown

from tallystick.device.esdc.activity import Doing
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.esdc import Face
from tallystick.device.esdc.face import app as face_app
from tallystick.device.esdc.face.view import UPDATE_MARK, FaceView, look
from tallystick.device.esdc.settings import Storage, TimeSync
from tallystick.kernel.fixed_point import Money


def test_s2_123_124_the_pin_goes_to_the_card_and_the_device_is_ready(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        assert shown(await person.page())[0] == "enter-pin"
        assert 'type="password"' in await person.page()
        assert (await person.send("/pin", pin=PIN)).headers["location"] == "/?m=pin-ok"
        page = await person.page("/?m=pin-ok")
        assert shown(page)[0] == "ready"
        assert "The card accepted the PIN." in page
        assert 'type="password"' not in page
        assert (await http(person.running.port, "POST", "/api/v3/invoices", body())).status == 200

    at_the_device(tmp_path, act)


def test_two_wrong_pins_pause_until_the_person_at_the_device_confirms(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        assert (await person.send("/pin", pin="12")).headers["location"] == "/?m=pin-format"
        for _ in range(2):
            assert (await person.send("/pin", pin="0000")).headers["location"] == "/?m=pin-wrong"
        assert (await person.send("/pin", pin=PIN)).headers["location"] == "/?m=pin-paused"
        page = await person.page()
        assert shown(page)[0] == "pin-paused"
        assert 'id="confirm-pin"' in page
        assert 'id="pin"' not in page
        assert (await person.send("/pin/confirm")).headers["location"] == "/?m=confirmed"
        assert (await person.send("/pin", pin=PIN)).headers["location"] == "/?m=pin-ok"

    at_the_device(tmp_path, act)


def test_s2_122_what_is_not_configured_is_named(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        page = await person.page()
        assert shown(page)[0] == "not-configured"
        assert "tax rates, verification address, configuration, time server" in page

    at_the_device(tmp_path, act, authority=False)


def test_s2_125_a_card_that_is_missing(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        person.running.slot.reader.remove()  # type: ignore[attr-defined]
        page = await person.page()
        assert shown(page)[0] == "card-missing"
        assert not {"ready", "enter-pin"} & set(shown(page))
        assert (await person.send("/pin", pin=PIN)).headers["location"] == "/?m=no-card"

    at_the_device(tmp_path, act, pin=True)


def test_s2_126_127_131_what_runs_is_shown(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        assert "commands" in shown(await person.page()), "the initialization set has just been carried out"
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        await until_shown(person, "transfer")
        with person.running.esdc.device.activity.of(Doing.MEDIUM):
            assert "medium" in shown(await person.page())
        mark = person.running.esdc.home / UPDATE_MARK
        mark.touch()
        assert "updating" in shown(await person.page())
        mark.unlink()
        assert "updating" not in shown(await person.page())

    at_the_device(tmp_path, act, pin=True)


def test_s2_128_129_130_store_and_limit(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        device = person.running.esdc.device
        scene.authorities[UID].makes_proofs = False
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        page = await person.page()
        assert shown(page)[:2] == ["ready", "audit-time"]
        assert re.search(r'id="limit">91 % \(136\.92 / 150\.00\)', page)
        used = await person.running.esdc.work(device.require_card().store.used_bytes)
        device.settings = attrs.evolve(SETTINGS, storage=Storage(store_bytes_max=used * 100 // 92))
        assert "storage-almost-full" in shown(await person.page())
        device.settings = attrs.evolve(SETTINGS, storage=Storage(store_bytes_max=used * 100 // 97))
        page = await person.page()
        assert shown(page)[0] == "storage-full"
        assert re.search(r'id="fits">0<', page)

    at_the_device(tmp_path, act, pin=True, limit=Money.of(150))


def test_an_audit_that_a_person_asks_for_begins_at_once(tmp_path: Path) -> None:
    """S2-130: nothing waits for its time but the floor between two starts."""

    async def act(scene: Scene, person: Person) -> None:
        authority = scene.authorities[UID]
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        await until(lambda: 1 in authority.packages)
        assert not authority.requests
        assert (await person.send("/audit")).headers["location"] == "/?m=audit-asked"
        await until(lambda: len(authority.requests) == 1)

    slow = attrs.evolve(SETTINGS, timing=attrs.evolve(SETTINGS.timing, start_interval=timedelta(hours=1)))
    at_the_device(tmp_path, act, pin=True, settings=slow)


def test_a_person_who_asks_waits_for_no_pause(tmp_path: Path) -> None:
    """The authority was away and the device waits before it tries again; a person knows that it is back."""

    async def act(scene: Scene, person: Person) -> None:
        await scene.authority_leaves()
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        await until(lambda: not person.running.esdc.online)
        authority = await scene.authority()
        await asyncio.sleep(0.3)
        assert 1 not in authority.packages
        await person.send("/audit")
        await until(lambda: 1 in authority.packages)

    long = timedelta(hours=1)
    patient = attrs.evolve(SETTINGS, timing=attrs.evolve(SETTINGS.timing, retry_first=long, retry_most=long))
    at_the_device(tmp_path, act, pin=True, settings=patient)


def test_a_device_sells_though_its_page_finds_no_port(tmp_path: Path) -> None:
    async def whole(scene: Scene) -> None:
        await scene.authority()
        slot = attrs.evolve(scene.slot(), face=Face(host="192.0.2.1", port=0))
        running = await scene.host.add(slot)
        assert running.face_port is None
        assert (await http(running.port, "GET", "/api/v3/attention")).status == 200
        assert "the page for people cannot be served" in running.esdc.device.log.text()

    play(tmp_path, whole)


def test_a_device_without_an_authority_says_so(tmp_path: Path) -> None:
    async def whole(scene: Scene) -> None:
        slot = attrs.evolve(scene.slot(), face=Face(port=0), authority_ca=None)
        person = Person(await scene.host.add(slot))
        assert 'id="audit"' not in await person.page()
        assert (await person.send("/audit")).headers["location"] == "/?m=audit-impossible"

    play(tmp_path, whole)


def test_s2_134_135_the_log_is_searched_and_saved(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        await person.send("/pin", pin="0000")
        page = await person.page("/log?q=pin+refused")
        assert "PIN refused" in page
        assert "inserted" not in page
        assert "No entry." in await person.page("/log?q=zebra")
        saved = await person.get("/log.txt?q=pin+refused")
        assert saved.headers["content-type"] == "text/plain; charset=utf-8"
        assert UID in saved.headers["content-disposition"]
        assert all("PIN refused" in line for line in saved.body.decode().splitlines())
        hostile = await person.page("/log?q=%3Cscript%3E%22")
        assert "<script>" not in hostile.replace('<script src="/face.js" defer></script>', "")

    at_the_device(tmp_path, act)


def test_s2_019_the_clock_is_checked_and_set_by_hand(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        esdc = person.running.esdc
        zone = esdc.device.zone
        page = await person.page("/clock")
        assert "never" in page
        wanted = (esdc.clock() + timedelta(minutes=20)).astimezone(zone).replace(tzinfo=None, microsecond=0)
        reply = await person.send("/clock/set", time=wanted.isoformat())
        assert reply.headers["location"] == "/clock?m=clock-set"
        assert abs(esdc.clock() - wanted.replace(tzinfo=zone)) < timedelta(seconds=5)
        assert "a person" in await person.page("/clock")
        for wrong in ("", "yesterday", "1999-01-01T00:00", "2999-01-01T00:00", "0001-01-01T00:00"):
            reply = await person.send("/clock/set", time=wrong)
            assert reply.headers["location"] == "/clock?m=clock-refused", wrong
        await http(person.running.port, "POST", "/api/v3/invoices", body())
        earlier = (wanted - timedelta(hours=2)).isoformat()
        assert (await person.send("/clock/set", time=earlier)).headers["location"] == "/clock?m=clock-refused"
        assert abs(esdc.clock() - wanted.replace(tzinfo=zone)) < timedelta(seconds=15)

    at_the_device(tmp_path, act, pin=True)


def test_a_large_step_of_a_server_is_taken_over_by_a_person(tmp_path: Path) -> None:
    async def act(scene: Scene, person: Person) -> None:
        clock = person.running.esdc.clock
        assert (await person.send("/clock/take")).headers["location"] == "/clock?m=clock-nothing"
        before = clock()
        clock.follow(timedelta(days=2), "time.example")
        page = await person.page("/clock")
        assert "+172,800.0" in page
        assert "clock-differs" in shown(await person.page())
        assert (await person.send("/clock/take")).headers["location"] == "/clock?m=clock-set"
        assert timedelta(days=2) <= clock() - before < timedelta(days=2, seconds=30)

    at_the_device(tmp_path, act, authority=False, settings=attrs.evolve(SETTINGS, time_sync=TimeSync()))


@pytest.mark.parametrize("tag", LANGUAGES)
def test_the_language_is_chosen_and_stays(tmp_path: Path, tag: str) -> None:
    async def act(scene: Scene, person: Person) -> None:
        assert '<html lang="en-US">' in await person.page()
        cookie = (await person.get(f"/language?tag={tag}")).headers["set-cookie"]
        assert "HttpOnly; SameSite=Strict" in cookie
        for path in ("/", "/log", "/clock"):
            assert f'<html lang="{tag}">' in await person.page(path, Cookie=cookie.split(";")[0])
        assert "xx" not in (await person.get("/language?tag=xx%0d%0aX:y")).headers["set-cookie"]

    at_the_device(tmp_path, act)


def test_a_device_that_works_for_long_shows_its_last_look(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_app, "PATIENCE_SECONDS", 0.1)
    looks: list[str] = []

    def counted(device: Device, home: Path) -> FaceView:
        looks.append(home.name)
        return look(device, home)

    monkeypatch.setattr(face_app, "look", counted)

    async def act(scene: Scene, person: Person) -> None:
        gate = threading.Event()
        await person.page()
        held = asyncio.ensure_future(person.running.esdc.work(lambda: gate.wait(10)))
        before = len(looks)
        for _ in range(3):
            await person.page()
        page = await person.page()
        gate.set()
        await held
        assert "busy" in shown(page)
        assert "busy" not in shown(await person.page())
        assert len(looks) - before <= 2, "a look for each page that waited"

    at_the_device(tmp_path, act)
