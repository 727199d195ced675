"""A register that was hours without a network, and what must hold once all of it has arrived."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

from till_bench import Bench, Supply, sale

from tallystick.device.ecr.orders import CloseShift
from tallystick.device.worm import RecordKind
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document


def away(folder: Path, *, closed: bool = True, supply: Supply | None = None) -> Bench:
    """A register that was hours without a network, and is back: since its registration, or in the middle of a shift."""
    bench = Bench(folder, offline=True, supply=supply)
    if closed:
        bench.authority.away = True
        bench.opened()
    else:
        assert bench.opened().sync()
        bench.authority.away = True
        bench.authority.steps.clear()
    for name in "abc":
        bench.do(name, sale())
    if closed:
        bench.do("z", CloseShift())
    bench.now += timedelta(hours=5)
    bench.authority.away = False
    return bench


def anchors(bench: Bench) -> int:
    return sum(record.kind is RecordKind.ANCHOR for record in bench.memory.records())


def kinds(bench: Bench) -> list[DocumentKind]:
    return [read_document(read_signed(one).payload).kind for one in bench.documents]


def all_is_there(bench: Bench) -> None:
    """Each document booked once, in one batch, and nothing waits."""
    assert [one.compact for one in bench.authority.booked] == bench.documents
    assert len(bench.authority.batches) == 1
    assert bench.register.status().waiting == 0
    assert not bench.register.is_stopped
