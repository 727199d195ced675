"""Each store is read whole once a week beside the work, and the finding stands in the log."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from esdc_bench import UID, body
from esdc_live import SETTINGS, Scene, http, play, until

from tallystick.device.esdc.database import StoreBroken, find_damage
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.esdc.upkeep import Upkeep

OFTEN = attrs.evolve(SETTINGS, check_interval=timedelta(milliseconds=200))


def test_a_week_is_the_interval() -> None:
    assert EsdcSettings().check_interval == timedelta(days=7)


def test_a_store_without_damage_is_noted_while_it_sells(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start(settings=OFTEN)
        log = running.esdc.device.log
        await until(lambda: f"the store of card {UID} was read whole: no damage" in log.text())
        assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 200

    play(tmp_path, act)


def test_a_store_is_not_read_before_its_week_is_over(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start()
        await Upkeep(running.esdc).check_due()
        assert "read whole" not in running.esdc.device.log.text()

    play(tmp_path, act)


def test_a_damaged_store_stops_the_device(tmp_path: Path) -> None:
    """Nothing more is signed into it: the process ends, and a new start looks at the whole file."""

    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start(settings=attrs.evolve(OFTEN, check_interval=timedelta(days=7)))
        for _ in range(3):
            assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 200
        esdc = running.esdc
        upkeep = Upkeep(esdc)
        await upkeep.check_due()
        upkeep._interval = timedelta(0)
        await asyncio.sleep(0.01)
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("tallystick.device.esdc.upkeep.find_damage", lambda path: "page 7 is torn")
            with pytest.raises(StoreBroken):
                await upkeep.check_due()
        assert scene.host.broken.is_set()
        assert "is damaged: page 7 is torn" in esdc.device.log.text()
        assert (await http(running.port, "POST", "/api/v3/invoices", body())).status == 503
        with pytest.raises(StoreBroken):
            await scene.host.stop()

    play(tmp_path, act)


def test_damage_is_found_in_the_bytes(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.authority()
        running = await scene.start()
        for _ in range(30):
            await http(running.port, "POST", "/api/v3/invoices", body())
        await scene.host.stop()
        file = tmp_path / UID / "esdc.db"
        assert find_damage(file) == ""
        content = bytearray(file.read_bytes())
        for page in range(4096, len(content) - 4096, 4096):
            content[page : page + 64] = bytes(64)
        file.write_bytes(content)
        assert find_damage(file) != ""

    play(tmp_path, act)
