"""A device whose card is dead: its packages come out without a card, in the layout of a medium (S2-145)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest
from esdc_bench import UID, Bench, benches
from local_media import names, ordinals, sell
from typer.testing import CliRunner

from tallystick.cli import app
from tallystick.device.esdc.database import StoreBroken, StoreTaken
from tallystick.device.esdc.dump import dump
from tallystick.device.esdc.medium import Medium


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A device with five packages, whose card has just died."""
    for made in benches(tmp_path / "device"):
        made.ready()
        sell(made, 5)
        yield made


@pytest.fixture
def medium(tmp_path: Path) -> Path:
    folder = tmp_path / "usb"
    folder.mkdir()
    return folder


def kill_card(bench: Bench) -> Path:
    """The card answers no more; the device goes on without it."""
    bench.reader.remove()
    bench.device.refresh()
    return bench.folder / UID


def test_s2_145_packages_come_out_without_the_card(bench: Bench, medium: Path) -> None:
    store = kill_card(bench)
    result = CliRunner().invoke(app, ["esdc", "dump", str(store), str(medium)])
    assert result.exit_code == 0, result.output
    assert f"{UID}: 5 packages copied, 0 there already" in result.output
    assert names(medium) == [f"{UID}/{UID}-{UID}-{n}.json" for n in range(1, 6)]
    assert ordinals(medium) == [1, 2, 3, 4, 5]
    again = CliRunner().invoke(app, ["esdc", "dump", str(store.parent), str(medium)])
    assert "0 packages copied, 5 there already" in again.output


def test_s2_145_after_an_unclean_end_too(bench: Bench, medium: Path) -> None:
    bench.device.abandon()
    bench.card.power_off()
    assert dump(bench.folder / UID / "esdc.db", Medium(medium)).written == 5


def test_a_store_in_the_hand_of_a_device_is_not_touched(bench: Bench, medium: Path) -> None:
    with pytest.raises(StoreTaken):
        dump(bench.folder / UID / "esdc.db", Medium(medium))
    result = CliRunner().invoke(app, ["esdc", "dump", str(bench.folder), str(medium)])
    assert result.exit_code == 1
    assert "held by another process" in result.output


def test_what_is_no_store_is_said(tmp_path: Path, medium: Path) -> None:
    assert CliRunner().invoke(app, ["esdc", "dump", str(medium), str(medium)]).exit_code == 1
    with pytest.raises(StoreBroken, match="there is no store"):
        dump(tmp_path / "esdc.db", Medium(medium))
    assert not (tmp_path / "esdc.db").exists()


def test_a_damaged_file_gives_what_it_has(bench: Bench, medium: Path) -> None:
    store = kill_card(bench) / "esdc.db"
    with sqlite3.connect(store) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    package = connection.execute("SELECT body FROM package WHERE ordinal = 3").fetchone()[0]
    connection.close()
    content = bytearray(store.read_bytes())
    at = content.find(package[:400])
    assert at > 0
    content[at - at % 4096 : at - at % 4096 + 8] = b"\xff" * 8  # the head of the page on which package 3 begins
    store.write_bytes(content)
    done = dump(store, Medium(medium))
    assert 3 in done.lost
    assert len(done.lost) + done.written == 5
    assert done.written == len(ordinals(medium)) >= 1
