"""Refunds against their originals: what was sold is given back once at most (S0-059), through whatever channel.

A part knows the originals that it holds itself. The others are looked up in a second pass, which reads records alone
and only where a refund of a register asks for it: the authority was asked before anything was given back, so it is
booked within what is left, or with its code. What cards alone gave back is a merchant's matter: they sign unasked.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.given_back import GIVES_BACK, IN_DOUBT, TAXCORE_REFUNDS, is_instalment, named_original
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.wire.ledger_export import Part, read_lines
from tallystick.wire.record import Record

_read = msgspec.json.Decoder(Record).decode


class Original(NamedTuple):
    """The total of a document (x 10^4), and whose it is; ``is_instalment``: a card may give back others with it."""

    total: int
    tin: str
    is_instalment: bool

    @classmethod
    def of(cls, record: Record) -> Original:
        """As its record says."""
        instalment = bool(record.refers_to) and is_instalment(int(record.type), record.refers_to)
        return cls(int(record.total or "0"), record.taxpayer, instalment)


@attrs.frozen(slots=True)
class Refund:
    """A document that gives back ``amount`` (x 10^4) of the one whose number is ``original``."""

    index: int
    original: str
    amount: int
    number: str
    tin: str
    by_card: bool


class PartRefunds:
    """Refunds of one part, and the totals of all numbers in it until the end."""

    def __init__(self) -> None:
        self.refunds: list[Refund] = []
        self._totals: dict[str, Original] = {}

    def take(self, index: int, record: Record) -> None:
        """A document of whatever kind: each can be an original."""
        number, document_type = f"{record.device}-{record.se_total}", int(record.type)
        self._totals[number] = Original.of(record)
        if document_type in GIVES_BACK and record.refers_to and IN_DOUBT.isdisjoint(record.flags):
            original = str(named_original(record.refers_to) or record.refers_to)
            by_card = document_type in TAXCORE_REFUNDS
            self.refunds.append(Refund(index, original, int(record.total or "0"), number, record.taxpayer, by_card))

    @property
    def originals(self) -> dict[str, Original]:
        """Those originals that this part holds."""
        wanted = (one.original for one in self.refunds)
        return {number: self._totals[number] for number in wanted if number in self._totals}


def find_totals(folder: str, part: Part, wanted: frozenset[str]) -> dict[str, Original]:
    """The second pass: totals of these numbers in one part; what cannot be read was told by the first."""
    found: dict[str, Original] = {}
    try:
        with (Path(folder) / part.name).open("rb") as file:
            for line in read_lines(file, part.bytes):
                if '"kind":"1"' not in line.record:
                    continue
                record = _read(line.record.encode())
                number = f"{record.device}-{record.se_total}"
                if number in wanted:
                    found[number] = Original.of(record)
    except (Fault, OSError, msgspec.DecodeError, ValueError):
        pass
    return found


@attrs.define(slots=True)
class RefundBook:
    """All refunds of an export by their originals."""

    by_original: dict[str, list[Refund]] = attrs.Factory(dict)
    totals: dict[str, Original] = attrs.Factory(dict)

    def take(self, refunds: list[Refund], originals: dict[str, Original]) -> None:
        """What the next part holds."""
        for one in refunds:
            self.by_original.setdefault(one.original, []).append(one)
        self.totals |= originals

    @property
    def wanted(self) -> frozenset[str]:
        """Originals whose totals are not known yet."""
        return frozenset(number for number, _ in self._by_registers() if number not in self.totals)

    def _by_registers(self) -> Iterator[tuple[str, list[Refund]]]:
        """What a register gave back of."""
        for number, refunds in self.by_original.items():
            if not all(one.by_card for one in refunds):
                yield number, refunds

    def judge(self, *, whole: bool) -> Iterator[Break]:
        """What is given back beyond its original; where the ``whole`` ledger was read, originals that lack as well."""
        for number, refunds in self._by_registers():
            original = self.totals.get(number)
            if original is None:
                if whole:
                    for one in refunds:
                        if not one.by_card:
                            yield _break(one, f"it gives back number {number}, which is not in the ledger")
                continue
            left = original.total
            for one in sorted(refunds, key=lambda refund: refund.index):
                if one.by_card and (one.tin != original.tin or original.is_instalment):
                    continue  # it takes nothing from another's document, and nobody can tell how much of an instalment
                left -= one.amount
                if left < 0:
                    yield _break(one, f"{-left} more than was sold as number {number} is given back (x 10^-4)")
                    break


def _break(one: Refund, detail: str) -> Break:
    return Break(BreakCode.REFUND, one.index, f"number {one.number}", detail)
