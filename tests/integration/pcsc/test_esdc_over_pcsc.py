"""Our own E-SDC with its card behind a PC/SC reader: sales, audit, a card that is pulled while it signs (wire 16.1)."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Awaitable, Callable
from pathlib import Path

import attrs
import pytest
from esdc_bench import PIN, UID, body
from esdc_live import Scene, http, play
from esdc_live import until as until_async
from pcsc_bench import READER, Pcsc

from tallystick.device.applet import VirtualCard
from tallystick.device.applet.contacts import Transmission
from tallystick.device.applet.vpcd import CardServer
from tallystick.device.esdc.service import RunningSlot
from tallystick.device.secure_element.pcsc import PcscReader

SIGN = 0x13


class Hand:
    """A card that a hand pulls out at a moment that the test chooses, and puts in again."""

    def __init__(self, daemon: Pcsc, folder: Path, transmission: Transmission) -> None:
        self.daemon = daemon
        self.folder = folder
        self.transmission = transmission
        self.card: VirtualCard | None = None
        self.pull_at = ""
        self._server: CardServer | None = None
        self._thread: threading.Thread | None = None

    def transmit(self, apdu: bytes) -> bytes:
        assert self.card is not None
        signing = apdu[1:2] == bytes((SIGN,))
        if signing and self.pull_at == "before":
            self._pull()
            return b""
        answer = self.card.transmit(apdu)
        if signing and self.pull_at == "after":
            self._pull()
        return answer

    def _pull(self) -> None:
        """The connection is closed under the command: what the card answers reaches nobody."""
        self.pull_at = ""
        assert self._server is not None
        connection = self._server._connection
        assert connection is not None
        self._server._stopped.set()
        connection.shutdown(2)

    def reset(self) -> None:
        assert self.card is not None
        self.card.reset()

    def power_off(self) -> None:
        assert self.card is not None
        self.card.power_off()

    def _open(self) -> Hand:
        self.card = VirtualCard.open(self.folder)
        return self

    async def put_in(self) -> None:
        self._server = CardServer(self._open, self.daemon.address, self.transmission)
        self._thread = threading.Thread(target=self._server.run, daemon=True)
        self._thread.start()
        await until_async(self.daemon.has_card, 20)

    async def take_out(self) -> None:
        assert self._server is not None
        assert self._thread is not None
        self._server.stop()
        await asyncio.to_thread(self._thread.join, 20)
        await asyncio.to_thread(self.daemon.wait_empty)


async def start(scene: Scene, daemon: Pcsc, transmission: Transmission) -> tuple[RunningSlot, Hand]:
    """An E-SDC whose reader has the card in, configured; no PIN given yet."""
    slot = scene.slot()
    scene.cards.pop(UID).power_off()
    hand = Hand(daemon, scene.folder / UID, transmission)
    await hand.put_in()
    running = await scene.host.add(attrs.evolve(slot, reader=PcscReader(READER, answer_seconds=10)))
    await until_async(lambda: configured(running), 30)
    return running, hand


def configured(running: RunningSlot) -> bool:
    session = running.esdc.device.session
    return session is not None and session.setup is not None


async def give_pin(running: RunningSlot) -> None:
    assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).json == "0100"


async def sell(running: RunningSlot, request_id: str) -> dict[str, object]:
    reply = await http(running.port, "POST", "/api/v3/invoices", body(), {"RequestId": request_id})
    return {"status": reply.status, **reply.json}


def acted(tmp_path: Path, act: Callable[[Scene], Awaitable[None]]) -> None:
    play(tmp_path / "esdc", act)


@pytest.mark.parametrize("transmission", list(Transmission))
def test_s1_049_a_full_sale_and_its_audit_over_pcsc(daemon: Pcsc, tmp_path: Path, transmission: Transmission) -> None:
    """S2-003, S2-020: initialised with the card's client key, unlocked by the POS, sold, audited, released."""
    (tmp_path / "esdc").mkdir()

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running, hand = await start(scene, daemon, transmission)
        assert (await sell(running, "early"))["status"] == 400, "the PIN was not given"
        await give_pin(running)
        for number in range(1, 4):
            sold = await sell(running, str(number))
            assert sold["invoiceNumber"] == f"{UID}-{UID}-{number}"
        await until_async(lambda: len(authority.packages) == 3, 30)
        await until_async(lambda: len(authority.requests) > 0, 30)
        await until_async(lambda: hand.card is not None and hand.card._core.state.unaudited == 0, 30)

    acted(tmp_path, act)


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("transmission", list(Transmission))
def test_wire_16_1_a_card_pulled_while_it_signs_gives_no_number_twice(
    daemon: Pcsc, tmp_path: Path, moment: str, transmission: Transmission
) -> None:
    """Whether the card had signed or not: the same request gets one number, the next the next."""
    (tmp_path / "esdc").mkdir()

    async def act(scene: Scene) -> None:
        await scene.authority()
        running, hand = await start(scene, daemon, transmission)
        await give_pin(running)
        assert (await sell(running, "1"))["invoiceNumber"] == f"{UID}-{UID}-1"
        hand.pull_at = moment
        refused = await sell(running, "2")
        assert refused["status"] != 200
        assert "invoiceNumber" not in refused
        await hand.take_out()
        status = (await http(running.port, "GET", "/api/v3/status")).json
        assert "1300" in status["gsc"]
        await hand.put_in()
        await until_async(lambda: configured(running), 30)
        assert (await sell(running, "2"))["status"] == 400, "the card has forgotten its PIN"
        await give_pin(running)
        assert (await sell(running, "2"))["invoiceNumber"] == f"{UID}-{UID}-2"
        assert (await sell(running, "3"))["invoiceNumber"] == f"{UID}-{UID}-3"
        assert hand.card is not None
        assert hand.card._core.state.total_counter == 3

    acted(tmp_path, act)


def test_another_card_in_the_reader_is_another_session(
    daemon: Pcsc, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """S2-006, S2-026: read at once, without a request; its store is its own."""
    (tmp_path / "esdc").mkdir()

    async def act(scene: Scene) -> None:
        await scene.authority()
        running, hand = await start(scene, daemon, Transmission.T1)
        await give_pin(running)
        await sell(running, "1")
        await hand.take_out()
        await until_async(lambda: running.esdc.device.session is None, 20)
        scene.slot("TL5SYCK2")
        scene.cards.pop("TL5SYCK2").power_off()
        other = Hand(daemon, scene.folder / "TL5SYCK2", Transmission.T1)
        await other.put_in()
        device = running.esdc.device
        await until_async(lambda: device.session is not None and device.session.facts.uid == "TL5SYCK2", 20)
        assert (await sell(running, "2"))["status"] == 400, "the first card's PIN serves nobody"
        await other.take_out()
        assert other.card is not None
        assert other.card._core.state.total_counter == 0

    with caplog.at_level(logging.INFO):
        acted(tmp_path, act)


@pytest.mark.soak
def test_esdc_run_serves_a_reader_by_name(daemon: Pcsc, tmp_path: Path) -> None:
    """The command, with a part of the reader's name; the status shows that the card was read."""
    card = tmp_path / "card"
    environment = {**os.environ, "TALLYSTICK_STATE": str(tmp_path / "state"), "TALLYSTICK_POS_PORT": "0"}
    make = [sys.executable, "-m", "tallystick", "card", "make", "--card", str(card), "--pki", str(tmp_path / "pki")]
    subprocess.run(make, env=environment, input="2017\n", text=True, check=True, timeout=60)
    with daemon.inserted(lambda: VirtualCard.open(card)):
        run = [sys.executable, "-m", "tallystick", "esdc", "run", "--reader", "PCD 00 00", "--port", "0"]
        process = subprocess.Popen(run, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
        assert process.stdout is not None
        try:
            said = process.stdout.readline()
            port = int(said.rsplit(":", 1)[1])
            status = asyncio.run(http(port, "GET", "/api/v3/status")).body
            assert json.loads(status)["uid"] == "SANDBOX1"
            assert (tmp_path / "state/demo/esdc/SANDBOX1/esdc.db").exists()
            process.send_signal(signal.SIGTERM)
            assert process.wait(20) == 0
        finally:
            process.kill()
            process.wait(20)
            process.stdout.close()
