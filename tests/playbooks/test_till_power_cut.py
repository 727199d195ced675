"""The power fails at every step of a register's day, once and twice; afterwards nothing is lost and nothing is double.

S0-054, S0-061, S0-094. Points: before and after every commit, so before and after every delivery, too. An order that a
cut interrupted is given again with the same id, as a till does.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from till_authority import UID
from till_bench import Bench, Supply, sale, without_flushes

from tallystick.device.ecr.orders import CloseShift, OpenShift, Order, Refund
from tallystick.device.ecr.orders import Register as RegisterOrder
from tallystick.device.ecr.write_once import SIGNED_RECORDS
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.invoice import Payment, PaymentType
from tallystick.kernel.shifts import RegisterState
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

DAY: tuple[tuple[str, Order], ...] = (
    ("reg", RegisterOrder()),
    ("open", OpenShift(cash=Money.of("10"))),
    ("sale", sale("12.50")),
    (
        "back",
        Refund(original=SdcInvoiceNumber(UID, UID, 3), payments=(Payment(Money.of("12.50"), PaymentType.CASH),)),
    ),
    ("z", CloseShift()),
)


@pytest.fixture(autouse=True)
def _quick() -> Iterator[None]:
    with without_flushes():
        yield


def live(folder: Path, supply: Supply, *, offline: bool) -> tuple[Bench, dict[str, bytes]]:
    """The day, through every cut; gives the answers."""
    bench = Bench(folder, offline=offline, supply=supply)
    answers: dict[str, bytes] = {}
    for request_id, order in DAY:

        def step(request_id: str = request_id, order: Any = order) -> bytes:
            return bench.do(request_id, order)

        answers[request_id] = bench.until_done(step)
    return bench, answers


def check(bench: Bench, answers: dict[str, bytes]) -> None:
    """What must hold after any cuts."""
    state = RegisterState()
    for compact in bench.documents:
        signed = read_signed(compact)
        state = state.after(read_document(signed.payload), signed.header.sequence, signed.header.time)
    assert state == bench.register.status().state
    assert state.documents == len(DAY), "a document for each order, and no other"
    for request_id, order in DAY:
        assert bench.do(request_id, order) == answers[request_id]
    if bench.offline:
        written = [one.data for one in bench.memory.records() if one.kind in SIGNED_RECORDS]
        assert written == bench.documents
        assert bench.until_done(bench.sync)
        assert bench.register.status().waiting == 0
    assert [one.compact for one in bench.authority.booked] == bench.documents
    assert bench.authority.state == state


@pytest.mark.parametrize("offline", [False, True])
def test_every_cut_of_a_day_leaves_one_document_for_each_order(tmp_path: Path, offline: bool) -> None:
    bench, answers = live(tmp_path / "whole", Supply(), offline=offline)
    points = bench.supply.passed
    check(bench, answers)
    bench.switch_off()
    assert points >= len(DAY) * 4
    for cut in range(points):
        bench, answers = live(tmp_path / str(cut), Supply(cut, cut + 3), offline=offline)
        bench.supply.cuts.clear()
        check(bench, answers)
        bench.switch_off()
