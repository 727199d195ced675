"""Each kind of error is provoked, and then found in the log that the device's page exports (S2-134 to S2-143)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from esdc_bench import PIN, UID, body
from esdc_live import LOW_LIMIT, SETTINGS, Scene, http, play, until
from time_server import liar, time_server

from tallystick.device.esdc.esdc import Face
from tallystick.device.esdc.service import RunningSlot
from tallystick.device.esdc.settings import TimeSync
from tallystick.kernel.limits import LIMITS
from tallystick.ops.esdc_tools import export_log
from tallystick.wire.taxcore_api import Command, CommandType

INVOICES = "/api/v3/invoices"
BUYER = "10:998877665"
QUICK = TimeSync(samples=1, timeout_seconds=0.4, look_seconds=0.05, retry_first=timedelta(milliseconds=200))
Act = Callable[[Scene, RunningSlot], Awaitable[None]]


async def exported(running: RunningSlot, words: str = "") -> list[str]:
    """The file that a person saves."""
    headers = {"Host": f"127.0.0.1:{running.face_port}"}
    assert running.face_port is not None
    reply = await http(running.face_port, "GET", f"/log.txt?q={words.replace(' ', '+')}", headers=headers)
    assert reply.status == 200
    assert reply.headers["content-disposition"].startswith("attachment; filename=")
    return reply.body.decode().splitlines()


async def found(running: RunningSlot, kind: str, text: str) -> None:
    """Wait until the export holds an error of that kind."""
    async with asyncio.timeout(10):
        while not any(f"  ERROR  {kind} " in line and text in line for line in await exported(running)):
            await asyncio.sleep(0.05)


def with_device(folder: Path, act: Act, **card: object) -> None:
    async def whole(scene: Scene) -> None:
        await scene.authority()
        slot = attrs.evolve(scene.slot(**card), face=Face(port=0))  # type: ignore[arg-type]
        running = await scene.host.add(slot)
        device = running.esdc.device
        await until(lambda: device.session is not None and device.session.setup is not None)
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"
        await act(scene, running)

    play(folder, whole)


def test_s2_136_an_invoice_request_that_could_not_be_processed(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        await http(running.port, "POST", INVOICES, body(invoiceType="Nonsense"))
        await found(running, "request", "invoice request refused: invoiceType 2805")
        await http(running.port, "POST", INVOICES, b"x" * (LIMITS.pos_request_bytes + 1))
        await found(running, "request", "got HTTP 413")
        await http(running.port, "POST", INVOICES, body(), {"Accept-Language": "xx-XX"})
        await found(running, "request", "no language")

    with_device(tmp_path, act)


def test_s2_137_an_apdu_error(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        await http(running.port, "POST", "/api/v3/pin", b"0000")
        await found(running, "card", "instruction 11: ")

    with_device(tmp_path, act)


def test_s2_138_an_error_of_the_authority(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        scene.authorities[UID].statuses[1] = [5]
        await http(running.port, "POST", INVOICES, body())
        await found(running, "authority", "package 1 is kept, audit status 5")
        await scene.authority_leaves()
        await http(running.port, "POST", INVOICES, body())
        await found(running, "authority", "authority away")

    with_device(tmp_path, act)


def test_s2_139_an_internal_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError(BUYER)

    async def act(scene: Scene, running: RunningSlot) -> None:
        monkeypatch.setattr("tallystick.device.esdc.fiscalise.check_clock", broken)
        assert (await http(running.port, "POST", INVOICES, body())).status == 500
        await found(running, "internal", "an invoice request failed: RuntimeError at test_error_log.py")

    with_device(tmp_path, act)


def test_s2_140_errors_of_initialization(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        await http(running.port, "POST", "/api/v3/pin", b"0000")
        await found(running, "initialization", "PIN refused")
        authority = scene.authorities[UID]
        authority.outstanding["BAD-1"] = Command("BAD-1", CommandType.SET_TAX_RATES, "not JSON", UID)
        await found(running, "initialization", "command BAD-1 of type 0 cannot be carried out")

    with_device(tmp_path, act)


def test_s2_141_an_error_of_fiscalization(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        scene.authorities[UID].makes_proofs = False
        for _ in range(8):
            await http(running.port, "POST", INVOICES, body())
        reply = await http(running.port, "POST", INVOICES, body())
        assert reply.json["modelState"][0]["errors"] == ["2210"]
        await found(running, "fiscalization", "the card does not sign: 2210")

    with_device(tmp_path, act, limit=LOW_LIMIT)


def test_s2_142_errors_of_an_audit(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        authority = scene.authorities[UID]
        authority.statuses[1] = [5]
        await http(running.port, "POST", INVOICES, body())
        await found(running, "audit", "the authority misses 1: ")

    with_device(tmp_path, act)


def test_s2_143_an_error_of_time_synchronization(tmp_path: Path) -> None:
    async def whole(scene: Scene) -> None:
        async with time_server() as server:
            server.say = liar(leap=3)
            authority = await scene.authority()
            command = Command(f"{UID}-0001", CommandType.SET_TIME_SERVER_URL, server.address, UID)
            authority.outstanding[command.command_id] = command
            settings = attrs.evolve(SETTINGS, time_sync=QUICK)
            running = await scene.host.add(attrs.evolve(scene.slot(settings=settings), face=Face(port=0)))
            await found(running, "time", "no time from 127.0.0.1")

    play(tmp_path, whole)


def test_s2_135_no_pin_and_no_buyer_is_in_any_file_of_the_device(tmp_path: Path) -> None:
    async def act(scene: Scene, running: RunningSlot) -> None:
        await http(running.port, "POST", INVOICES, body(buyerId=BUYER, cashier="Ana Anić"))
        await http(running.port, "POST", INVOICES, body(buyerId=BUYER + "9" * 30, cashier="Ana Anić"))
        await http(running.port, "POST", INVOICES, body(**{BUYER: 1, "items": [], "Ana Anić": {}}))
        await http(running.port, "POST", "/api/v3/pin", b"8391")
        await found(running, "request", "refused")
        text = "\n".join(await exported(running))
        for file in running.esdc.home.rglob("*"):
            text += file.read_text(encoding="utf-8") if file.is_file() else ""
        for secret in (BUYER, "998877665", "Ana", "8391", PIN):
            assert secret not in text.replace("2017-", ""), secret
        assert "ERROR" in text

    with_device(tmp_path, act)


def test_s2_135_the_command_writes_the_same_lines_to_a_folder(tmp_path: Path) -> None:
    """What a person takes along on a USB stick, from a device that runs."""

    async def act(scene: Scene, running: RunningSlot) -> None:
        await http(running.port, "POST", "/api/v3/pin", b"0000")
        stick = tmp_path / "stick"
        stick.mkdir()
        told = await asyncio.to_thread(export_log, tmp_path / UID, "PIN refused", stick)
        (file,) = stick.iterdir()
        assert told == f"{file}\n"
        assert file.read_text("utf-8").splitlines() == await exported(running, "PIN refused")
        assert "ERROR  initialization PIN refused" in file.read_text("utf-8")

    with_device(tmp_path, act)
