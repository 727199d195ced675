"""A module made in a reader of PC/SC, by the same station, over both protocols (S1-042, S1-047, S1-049)."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from cards import NOW
from pcsc_bench import READER, Pcsc
from production_bench import KeyMaker, ProductionBench

from tallystick.authority.reference.production.lifecycle import State
from tallystick.authority.reference.production.values import Module
from tallystick.device.applet.blank import VIRTUAL_HARDWARE, supply
from tallystick.device.applet.contacts import Transmission
from tallystick.device.applet.module import VirtualModule
from tallystick.kernel.fiscal_module import FormFactor
from tallystick.ops.production.boxes import ReaderBox
from tallystick.ops.production.run import make_line


@pytest.mark.parametrize("transmission", list(Transmission))
def test_s1_049_a_blank_in_a_reader_becomes_a_module(
    daemon: Pcsc, database: str, tmp_path: Path, transmission: Transmission
) -> None:
    bench = ProductionBench.of(database)
    batch = bench.open(form="usb-key")
    supply(tmp_path / "key", attrs.evolve(VIRTUAL_HARDWARE, form_factor=FormFactor.USB_KEY))
    asked: list[int] = []

    def ask(module: Module) -> None:
        asked.append(module.slot)

    keys = KeyMaker()
    with (
        daemon.inserted(lambda: VirtualModule.open(tmp_path / "key", make_key=keys), transmission),
        bench.station(clock=lambda: NOW) as station,
    ):
        assert make_line(station, ReaderBox(reader=READER, ask=ask), batch.batch_id, 1).spoilt == 0
    assert asked == [1]
    (module,) = bench.modules(batch)
    assert (module.state, module.form_factor) == (State.RECORDED, FormFactor.USB_KEY)
