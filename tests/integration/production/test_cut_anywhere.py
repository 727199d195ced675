"""A crash between any two steps of the walk: at each commit and at each command that changes the module.

Afterwards the same walk goes on: one module, one number, two keys, one certificate each, one report, and the sealed PIN
is the one that the card has (S1-042 to S1-046).
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from cards import NOW, rsa_key
from production_bench import PRINTER, KeyMaker, ProductionBench, TestBox, station

from tallystick.authority.reference.production import queries
from tallystick.authority.reference.production.lifecycle import State
from tallystick.crypto.pin_letters import open_pin
from tallystick.device.applet.card import VirtualCard
from tallystick.device.secure_element import SecureElement
from tallystick.device.secure_element.port import CardPort
from tallystick.ops.production.run import make_line
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire import module_factory as wire

CHANGING = {wire.INSTALL, wire.GENERATE, wire.CHANGE_PIN, wire.VERIFY_PIN, wire.SET_STATUS}
LAST_BLOCKS = {(wire.STORE_DATA, wire.LAST_BLOCK)}


class Cut(BaseException):
    """The power is gone: nothing in between may catch this."""


class Knife:
    """Counts what changes something, and cuts at one of them, before or after it."""

    def __init__(self, at: int | None, after: bool) -> None:
        self.count = 0
        self._at, self._after = at, after

    def around(self, work: Callable[[], Any]) -> Any:
        self.count += 1
        if self.count == self._at and not self._after:
            raise Cut
        result = work()
        if self.count == self._at:
            raise Cut
        return result


class CutPort:
    """A port whose changing commands pass the knife."""

    def __init__(self, port: CardPort, knife: Knife) -> None:
        self._port, self._knife = port, knife

    def transmit(self, apdu: bytes) -> bytes:
        if apdu[1] not in CHANGING and (apdu[1], apdu[2]) not in LAST_BLOCKS:
            return self._port.transmit(apdu)
        answer: bytes = self._knife.around(lambda: self._port.transmit(apdu))
        return answer


class CutConnection(psycopg.Connection[Any]):
    """A connection whose commits pass the knife."""

    knife: Knife

    def commit(self) -> None:
        self.knife.around(super().commit)


def walk(bench: ProductionBench, batch_id: int, box: TestBox, knife: Knife) -> None:
    connection = CutConnection.connect(as_role(bench.dsn, INTAKE))
    connection.knife = knife
    try:
        make_line(station(connection), box, batch_id, 1)
    finally:
        connection.close()


@pytest.mark.soak
def test_s1_043_a_crash_anywhere_leaves_one_module_with_one_number(bench: ProductionBench, tmp_path: Path) -> None:
    whole = Knife(None, after=False)
    batch = bench.open()
    box = TestBox(folder=tmp_path / "whole", wrap=lambda port: CutPort(port, whole))
    walk(bench, batch.batch_id, box, whole)
    assert whole.count >= 20, "twelve commands that change the module, and the commits"
    check_cut(bench, tmp_path / "before", Knife(1, after=False))
    for at in range(1, whole.count + 1):  # after one change is before the next: nothing changes in between
        check_cut(bench, tmp_path / str(at), Knife(at, after=True))


def check_cut(bench: ProductionBench, folder: Path, knife: Knife) -> None:
    bench.begin_anew()
    batch = bench.open()
    keys = KeyMaker()
    with pytest.raises(Cut):
        walk(
            bench, batch.batch_id, TestBox(folder=folder, make_key=keys, wrap=lambda port: CutPort(port, knife)), knife
        )
    before = bench.value("SELECT max(number) FROM production.number")
    walk(bench, batch.batch_id, TestBox(folder=folder, make_key=keys), Knife(None, after=False))

    assert bench.do(lambda conn: queries.lines_to_make(conn, batch.batch_id)) == []
    (module,) = bench.modules(batch)
    assert module.spoilt_because is None
    assert module.state is State.RECORDED
    assert bench.value("SELECT count(*) FROM production.number") == 1
    assert before in (None, module.number)
    assert bench.value("SELECT count(*) FROM production.public_key") == 2
    assert bench.value("SELECT count(*) FROM registry.secure_element WHERE state = 'hold'") == 1
    assert bench.value("SELECT count(*) FROM production.report") == 1
    assert bench.value("SELECT count(*) FROM activity.entry WHERE verb = 'production.record'") == 1
    card = VirtualCard.open(folder / "000001")
    session = SecureElement(card)
    session.select()
    assert session.certificate() == module.certificate
    sealed = bench.value("SELECT pin_sealed FROM production.module")
    session.verify_pin(open_pin(sealed, module.known_number, rsa_key(PRINTER), moment=NOW))
    card.power_off()
