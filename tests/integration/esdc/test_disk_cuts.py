"""The E-SDC's store under power cuts of the disk itself: what was acknowledged is there, the file is whole.

Each cut is played back with nothing, all, some, and some torn of what was not flushed. The harness proves itself: with
`synchronous = NORMAL` it finds acknowledged sales that are lost.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from random import Random

import pytest
from disk_shadow import Journal, ShadowConnection, ShadowVfs

from tallystick.device.esdc import database
from tallystick.device.esdc.database import StoreBroken
from tallystick.device.esdc.store import Intent, Store
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import EPOCH

SALES = 12
MODES = ("none", "all", "some", "torn")
Acknowledged = list[tuple[int, int]]
"""After how many operations of the disk which ordinal was acknowledged."""


def intent(number: int) -> Intent:
    return Intent(
        request_id=f"r{number}",
        request_hash=sha256(b"%d" % number),
        request=b"%d" % number * 500,
        language="en-US",
        time_ms=number,
        group_id=1,
        taxes=b"",
        sign_request=b"sign",
        counter_before=number - 1,
    )


def work(folder: Path, monkeypatch: pytest.MonkeyPatch, pragmas: tuple[str, ...]) -> tuple[Journal, Acknowledged]:
    """Sell, deliver and delete on a disk that remembers."""
    journal = Journal()
    vfs = ShadowVfs(journal)
    acknowledged: Acknowledged = []
    with monkeypatch.context() as patch:
        patch.setattr("tallystick.device.esdc.database._PRAGMAS", pragmas)
        connect: Callable[..., ShadowConnection] = lambda path, **options: ShadowConnection(path, vfs)  # noqa: E731
        patch.setattr("tallystick.device.esdc.database.sqlite3.connect", connect)
        store = Store(folder / "esdc.db", uid="TL5SYCK1", environment="1.9")
        for number in range(1, SALES + 1):
            sale = store.keep_intent(intent(number))
            store.keep_packaged(sale, number, b"package %d " % number * 300, b"answer %d " % number * 200)
            acknowledged.append((len(journal.operations), number))
            if number % 4 == 0:
                store.settle([(number - 2, 4)], keep_until_proof=False, now=EPOCH)
        store.abandon()
    return journal, acknowledged


def lost(folder: Path, image: dict[str, bytes], ordinals: list[int]) -> str | None:
    """What is wrong with a store that is opened after a cut; none when all is well."""
    folder.mkdir(parents=True)
    for name, content in image.items():
        if name in ("esdc.db", "esdc.db-wal"):
            (folder / name).write_bytes(content)
    try:
        store = Store(folder / "esdc.db", uid="TL5SYCK1", environment="1.9")
    except StoreBroken as error:
        return f"damaged: {error}"
    try:
        for ordinal in ordinals:
            record = store.record(ordinal)
            answer = store.find_answer(f"r{ordinal}", sha256(b"%d" % ordinal))
            if record is None or record[1] is None or answer is None:
                return f"sale {ordinal} was acknowledged and is lost"
        return None
    finally:
        store.abandon()


def failures(folder: Path, journal: Journal, acknowledged: Acknowledged, step: int, first: int) -> list[str]:
    """Every `step`-th cut, in every mode."""
    random = Random(7)
    found = []
    for cut in range(first, len(journal.operations) + 1, step):
        ordinals = [ordinal for at, ordinal in acknowledged if at <= cut]
        for mode in MODES:
            wrong = lost(folder / f"{cut}-{mode}", journal.image(cut, random, mode), ordinals)
            if wrong:
                found.append(f"cut {cut}, {mode}: {wrong}")
    return found


def test_s2_090_no_cut_of_the_disk_loses_what_was_acknowledged(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.device.esdc.database.sync_folder", lambda folder: None)
    tmp_path.joinpath("live").mkdir()
    often = tuple(p if "autocheckpoint" not in p else "PRAGMA wal_autocheckpoint = 20" for p in database._PRAGMAS)
    journal, acknowledged = work(tmp_path / "live", monkeypatch, often)
    assert any(operation.kind == "flush" and operation.file == "esdc.db" for operation in journal.operations), (
        "the workload must reach a checkpoint"
    )
    monkeypatch.setattr("tallystick.device.esdc.database._PRAGMAS", (*database._PRAGMAS, "PRAGMA synchronous = OFF"))
    found = failures(tmp_path / "cuts", journal, acknowledged, 3, 0)
    assert not found, "\n".join(found[:10])


def test_the_harness_finds_what_a_weaker_setting_loses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tallystick.device.esdc.database.sync_folder", lambda folder: None)
    tmp_path.joinpath("live").mkdir()
    weaker = tuple(pragma.replace("synchronous = FULL", "synchronous = NORMAL") for pragma in database._PRAGMAS)
    assert weaker != database._PRAGMAS
    journal, acknowledged = work(tmp_path / "live", monkeypatch, weaker)
    monkeypatch.setattr("tallystick.device.esdc.database._PRAGMAS", (*database._PRAGMAS, "PRAGMA synchronous = OFF"))
    found = failures(tmp_path / "cuts", journal, acknowledged, 10, len(journal.operations) // 2)
    assert any("lost" in one for one in found)
