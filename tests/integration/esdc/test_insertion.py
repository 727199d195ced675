"""A card that comes or goes is read at once: no request and no audit loop has to come by first (S2-003, S2-026)."""

from __future__ import annotations

import threading
from pathlib import Path

import attrs
from esdc_bench import UID
from esdc_live import Scene, play, until

from tallystick.device.esdc.card_slot import VirtualReader
from tallystick.device.esdc.device import Device


def inserted(device: Device) -> str:
    return "" if device.session is None else device.session.facts.uid


def test_s2_026_a_card_is_read_when_it_is_put_in_and_forgotten_when_it_is_taken_out(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        slot = attrs.evolve(scene.slot(), authority_ca=None)
        card = scene.cards[UID]
        reader = VirtualReader()
        running = await scene.host.add(attrs.evolve(slot, reader=reader))
        device = running.esdc.device
        assert inserted(device) == ""
        for _ in range(3):
            hand = threading.Thread(target=reader.insert, args=(card,))
            hand.start()
            await until(lambda: inserted(device) == UID)
            hand.join()
            reader.remove()
            await until(lambda: inserted(device) == "")
            await until(lambda: device.trouble == "1300")

    play(tmp_path, act)
