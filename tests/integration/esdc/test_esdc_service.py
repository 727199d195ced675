"""An E-SDC over real HTTP and TLS: sales, audit, proof, an authority that is away, several cards in one process."""

from __future__ import annotations

import asyncio
import json
import time
from pathlib import Path

import attrs
from esdc_bench import PIN, UID, body
from esdc_live import FAST, LOW_LIMIT, SETTINGS, Scene, http, play, until

from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.esdc import EsdcSlot
from tallystick.device.esdc.service import serve_esdcs
from tallystick.kernel.limits import LIMITS

INVOICES = "/api/v3/invoices"
GUID_CHARACTERS = 36


def test_s2_086_a_sale_is_submitted_and_its_package_deleted(tmp_path: Path) -> None:
    """The whole way: POS, card, package, authority, status 4, deletion; its hash stays (S2-083, S2-085, K-07)."""

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running = await scene.start()
        reply = await http(running.port, "POST", INVOICES, body())
        assert reply.status == 200
        assert reply.json["invoiceNumber"] == f"{UID}-{UID}-1"
        await until(lambda: 1 in authority.packages)
        store = running.esdc.device.session.store  # type: ignore[union-attr]
        async with asyncio.timeout(20):
            while await running.esdc.work(store.held_count):
                await asyncio.sleep(0.05)
        record = await running.esdc.work(lambda: store.record(1))
        assert record is not None
        assert record[1] is not None
        assert record[2] == 4

    play(tmp_path, act)


def test_s2_095_a_proof_of_audit_closes_the_cycle_and_releases_the_limit(tmp_path: Path) -> None:
    """Start Audit, audit-proof, command 5, End Audit, report: the unaudited amount falls to zero."""

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running = await scene.start(limit=LOW_LIMIT)
        for _ in range(3):
            assert (await http(running.port, "POST", INVOICES, body())).status == 200
        session = running.esdc.device.require_card()
        async with asyncio.timeout(10):
            while (await running.esdc.work(session.card.amount_status)).sum.scaled:
                await asyncio.sleep(0.02)
        assert await running.esdc.work(session.store.audit.finished_count) >= 1
        await until(lambda: any(authority.results[one] for one in authority.results if len(one) == GUID_CHARACTERS))

    play(tmp_path, act)


def test_the_pos_sells_while_the_authority_is_away(tmp_path: Path) -> None:
    """S2-089, S2-091: what was sold meanwhile arrives when the authority is back, oldest first, without a gap."""

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running = await scene.start()
        await scene.authority_leaves()
        for _ in range(5):
            assert (await http(running.port, "POST", INVOICES, body())).status == 200
        await asyncio.sleep(0.2)
        assert not authority.packages
        status = (await http(running.port, "GET", "/api/v3/status")).json
        assert "0220" in status["gsc"]
        await scene.authority()
        await until(lambda: len(authority.packages) == 5)
        assert list(authority.packages) == [1, 2, 3, 4, 5]

    play(tmp_path, act)


def test_several_cards_in_one_process_and_one_more_while_they_sell(tmp_path: Path) -> None:
    """A port, a store and a card each; a slot may join later."""

    async def act(scene: Scene) -> None:
        ports = {}
        for uid in ("AAAAAAA1", "AAAAAAA2"):
            await scene.authority(uid)
            ports[uid] = (await scene.start(uid)).port
        selling = [http(port, "POST", INVOICES, body()) for port in ports.values() for _ in range(10)]
        first = asyncio.gather(*selling)
        await scene.authority("AAAAAAA3")
        ports["AAAAAAA3"] = (await scene.start("AAAAAAA3")).port
        assert (await http(ports["AAAAAAA3"], "POST", INVOICES, body())).status == 200
        numbers = [reply.json["invoiceNumber"] for reply in await first]
        for uid in ("AAAAAAA1", "AAAAAAA2"):
            assert sorted(n for n in numbers if uid in n) == sorted(f"{uid}-{uid}-{i}" for i in range(1, 11))
            await until(lambda uid=uid: len(scene.authorities[uid].packages) == 10)  # type: ignore[misc]
        assert len(set(ports.values())) == 3

    play(tmp_path, act)


def test_two_pos_at_once_get_all_numbers_and_a_long_queue_is_refused(tmp_path: Path) -> None:
    """One fair queue of 32; beyond it 503 and Retry-After, and nothing was signed for those."""

    class Slow:
        def __init__(self, card: VirtualCard) -> None:
            self._card = card

        def transmit(self, apdu: bytes) -> bytes:
            if apdu[:2] == b"\x88\x13":
                time.sleep(0.02)
            return self._card.transmit(apdu)

    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start()
        running.slot.reader.insert(Slow(scene.cards[UID]))  # type: ignore[attr-defined]
        assert (await http(running.port, "POST", "/api/v3/pin", PIN.encode())).status == 200
        first = [http(running.port, "POST", INVOICES, body(cashier=f"{pos}-{n}")) for n in range(10) for pos in "ab"]
        replies = await asyncio.gather(*first)
        assert sorted(reply.json["totalCounter"] for reply in replies) == list(range(1, 21))
        crowd = await asyncio.gather(*(http(running.port, "POST", INVOICES, body()) for _ in range(60)))
        refused = [reply for reply in crowd if reply.status == 503]
        sold = sorted(reply.json["totalCounter"] for reply in crowd if reply.status == 200)
        assert refused
        assert all("retry-after" in reply.headers for reply in refused)
        assert len(sold) >= LIMITS.esdc_queue_requests
        assert sold == list(range(21, 21 + len(sold)))

    play(tmp_path, act)


def test_status_answers_while_the_queue_is_long(tmp_path: Path) -> None:
    """Attention needs no turn: a POS sees that the device lives."""

    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start()
        selling = asyncio.gather(*(http(running.port, "POST", INVOICES, body()) for _ in range(20)))
        assert (await http(running.port, "GET", "/api/v3/attention")).status == 200
        assert (await http(running.port, "GET", "/api/v3/environment-parameters")).json["country"] == "AQ"
        await selling

    play(tmp_path, act)


def test_a_restart_goes_on_where_it_stopped(tmp_path: Path) -> None:
    """The token, the configuration and what waits survive; the PIN does not (S2-021)."""

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        running = await scene.start()
        assert (await http(running.port, "POST", INVOICES, body(), {"RequestId": "r1"})).status == 200
        await until(lambda: 1 in authority.packages)
        await scene.host.remove(UID)
        again = await scene.host.add(scene.slot())
        refused = await http(again.port, "POST", INVOICES, body())
        assert refused.status == 400
        assert refused.json["modelState"] == [{"property": "", "errors": ["1500"]}]
        assert (await http(again.port, "GET", f"{INVOICES}/r1")).json["totalCounter"] == 1
        assert (await http(again.port, "POST", "/api/v3/pin", PIN.encode())).status == 200
        reply = await http(again.port, "POST", INVOICES, body())
        assert reply.json["totalCounter"] == 2
        await until(lambda: 2 in authority.packages)
        assert authority.tokens_given == 1

    play(tmp_path, act)


def test_serve_esdcs_serves_until_told_to_stop(tmp_path: Path) -> None:
    """The program's form: slots at the start, one more by the queue, a clean end."""

    async def act(scene: Scene) -> None:
        await scene.authority("AAAAAAA1")
        await scene.authority("AAAAAAA2")
        stop = asyncio.Event()
        more: asyncio.Queue[EsdcSlot] = asyncio.Queue()
        first, second = (
            attrs.evolve(scene.slot(uid), settings=attrs.evolve(SETTINGS, timing=FAST))
            for uid in ("AAAAAAA1", "AAAAAAA2")
        )
        serving = asyncio.create_task(serve_esdcs([first], stop=stop, more=more))
        await more.put(second)
        await until(lambda: bool(scene.authorities["AAAAAAA2"].results))
        stop.set()
        assert await asyncio.wait_for(serving, 10) == 0

    play(tmp_path, act)


def test_the_authority_must_show_the_right_certificate(tmp_path: Path) -> None:
    """S2-092: a server that the card's root does not vouch for gets neither token request nor package."""

    async def act(scene: Scene) -> None:
        authority = await scene.authority()
        stranger = scene.folder / "stranger.pem"
        stranger.write_bytes(scene.home.pki.files.client_authority.read_bytes())
        running = await scene.host.add(attrs.evolve(scene.slot(), authority_ca=stranger))
        await asyncio.sleep(0.3)
        assert not authority.calls
        status = json.loads((await http(running.port, "GET", "/api/v3/status")).body)
        assert "0220" in status["gsc"]
        assert "2400" in status["gsc"]

    play(tmp_path, act)
