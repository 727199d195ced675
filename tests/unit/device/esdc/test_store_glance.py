"""A look into a store beside the device that works with it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from esdc_bench import UID, Bench, benches
from local_media import sell

from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.store_glance import StoreGlance, glance


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A device with three packages."""
    for made in benches(tmp_path / "device"):
        made.ready()
        sell(made, 3)
        yield made


def test_what_a_device_holds_is_seen_while_it_works_and_after(bench: Bench) -> None:
    file = bench.folder / UID / "esdc.db"
    assert glance(file) == StoreGlance(UID, 3, frozenset({1, 2, 3}))
    store = bench.device.require_card().store
    store.settle([(2, 4)], keep_until_proof=False, now=bench.clock())
    store.write_notes()
    sell(bench, 1)
    assert glance(file) == StoreGlance(UID, 4, frozenset({1, 3, 4}))
    bench.reader.remove()
    bench.device.refresh()
    assert glance(file) == StoreGlance(UID, 4, frozenset({1, 3, 4}))


def test_a_store_that_is_gone_or_damaged_says_so(bench: Bench, tmp_path: Path) -> None:
    with pytest.raises(StoreBroken, match="there is no store"):
        glance(tmp_path / "esdc.db")
    (tmp_path / "esdc.db").write_bytes(b"no database" * 1000)
    with pytest.raises(StoreBroken, match="cannot be read"):
        glance(tmp_path / "esdc.db")
