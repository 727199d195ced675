"""Refunds against their originals: what was sold is given back once at most (S0-059).

A part knows the originals that it holds itself. The others are looked up in a second pass, which reads records alone
and only where a refund asks for it.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.wire.ledger_export import Part, read_lines
from tallystick.wire.record import Record

_IN_DOUBT = frozenset({"TS-2101", "TS-2102", "TS-2103", "TS-2104"})
_read = msgspec.json.Decoder(Record).decode
DOWN = frozenset({0x0201, 0x0211, 0x0221})
"""The types of national documents that give something back."""


@attrs.frozen(slots=True)
class Refund:
    """A document that gives back ``amount`` (x 10^4) of the one whose number is ``original``."""

    index: int
    original: str
    amount: int
    number: str


class PartRefunds:
    """Refunds of one part, and the totals of all numbers in it until the end."""

    def __init__(self) -> None:
        self.refunds: list[Refund] = []
        self._totals: dict[str, int] = {}

    def take(self, index: int, record: Record) -> None:
        """A document of whatever kind: each can be an original."""
        number = f"{record.device}-{record.se_total}"
        self._totals[number] = int(record.total or "0")
        if int(record.type) in DOWN and record.refers_to and _IN_DOUBT.isdisjoint(record.flags):
            self.refunds.append(Refund(index, record.refers_to, int(record.total or "0"), number))

    @property
    def originals(self) -> dict[str, int]:
        """The totals of those originals that this part holds."""
        wanted = (one.original for one in self.refunds)
        return {number: self._totals[number] for number in wanted if number in self._totals}


def find_totals(folder: str, part: Part, wanted: frozenset[str]) -> dict[str, int]:
    """The second pass: totals of these numbers in one part; what cannot be read was told by the first."""
    found: dict[str, int] = {}
    try:
        with (Path(folder) / part.name).open("rb") as file:
            for line in read_lines(file, part.bytes):
                if '"kind":"1"' not in line.record:
                    continue
                record = _read(line.record.encode())
                number = f"{record.device}-{record.se_total}"
                if number in wanted:
                    found[number] = int(record.total or "0")
    except (Fault, OSError, msgspec.DecodeError, ValueError):
        pass
    return found


@attrs.define(slots=True)
class RefundBook:
    """All refunds of an export by their originals."""

    by_original: dict[str, list[Refund]] = attrs.Factory(dict)
    totals: dict[str, int] = attrs.Factory(dict)

    def take(self, refunds: list[Refund], originals: dict[str, int]) -> None:
        """What the next part holds."""
        for one in refunds:
            self.by_original.setdefault(one.original, []).append(one)
        self.totals |= originals

    @property
    def wanted(self) -> frozenset[str]:
        """Originals whose totals are not known yet."""
        return frozenset(self.by_original.keys() - self.totals.keys())

    def judge(self, *, whole: bool) -> Iterator[Break]:
        """What is given back beyond its original; where the ``whole`` ledger was read, originals that lack as well."""
        for original, refunds in self.by_original.items():
            total = self.totals.get(original)
            if total is None:
                if whole:
                    for one in refunds:
                        yield _break(one, f"it gives back number {original}, which is not in the ledger")
                continue
            left = total
            for one in sorted(refunds, key=lambda refund: refund.index):
                left -= one.amount
                if left < 0:
                    yield _break(one, f"{-left} more than was sold as number {original} is given back (x 10^-4)")
                    break


def _break(one: Refund, detail: str) -> Break:
    return Break(BreakCode.REFUND, one.index, f"number {one.number}", detail)
