"""A register's own sums, folded anew: what its reports must say, from the documents before them (S1-029, S1-030).

Written from the rule, not from the kernel's fold. Parts are checked apart from each other, so that each hands over what
happened on its registers in short form (`Happened`), and the joiner folds it in order (`RegisterFold`).
"""

from __future__ import annotations

from collections.abc import Iterator

import attrs

from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.national import Payload, money, moneys
from tallystick.wire.record import Record

CLOSING, STATUS, OPENING, CLOSURE = "shift-closing", "settlement-status", "shift-opening", "memory-closure"
_SHIFT_IN_DOUBT = frozenset({"TS-1409", "TS-2408", "TS-2409"})
_CASH = "cash"
Found = tuple[BreakCode, int, str]


@attrs.define(slots=True)
class Sums:
    """Counts and amounts by what they are counted as, taxes by label, payments by kind; what was paid in cash."""

    counted: dict[str, list[int]] = attrs.Factory(dict)
    taxes: dict[str, int] = attrs.Factory(dict)
    payments: dict[str, int] = attrs.Factory(dict)
    turnover: int = 0

    def sell(self, said: Payload) -> None:
        """One more document; raises ``ValueError`` where its amounts are none."""
        sign, total = (-1 if said.is_down else 1), money(said.total)
        if said.kind == "correction":
            name = "corrections_down" if said.is_down else "corrections_up"
        else:
            name = "refunds" if said.is_down else "sales"
        count = self.counted.setdefault(name, [0, 0])
        count[0] += 1
        count[1] += total
        for tax in said.taxes:
            _add(self.taxes, tax.label.upper(), sign * money(tax.amount))
        for payment in said.payments:
            _add(self.payments, payment.kind, sign * money(payment.amount))
        self.turnover += sign * total

    def take(self, other: Sums) -> None:
        """Add others."""
        for name, (count, total) in other.counted.items():
            present = self.counted.setdefault(name, [0, 0])
            present[0] += count
            present[1] += total
        for ours, theirs in ((self.taxes, other.taxes), (self.payments, other.payments)):
            for key, amount in theirs.items():
                _add(ours, key, amount)
        self.turnover += other.turnover


def _add(sums: dict[str, int], key: str, amount: int) -> None:
    sums[key] = sums.get(key, 0) + amount


@attrs.define(slots=True)
class Happened:
    """Something on a register, from number ``first`` to ``last``: sales in a row, or one document that speaks of it.

    ``index`` is the entry of the last one. ``in_doubt`` says that the record itself carries a doubt about the shift;
    ``sums`` is none where a body was erased or cannot be read, and then ``turnover`` is what the record counts.
    """

    index: int
    first: int
    last: int
    sums: Sums | None = None
    report: Payload | None = None
    in_doubt: bool = False
    turnover: int = 0


class Registers:
    """Gathers what happened on each register within one part."""

    def __init__(self) -> None:
        self.happened: dict[str, list[Happened]] = {}

    def take(self, index: int, record: Record, said: Payload | None) -> None:
        """The next document of a register; ``said`` is none where its body is gone."""
        number = int(record.device_seq)
        doubt = not _SHIFT_IN_DOUBT.isdisjoint(record.flags)
        past = self.happened.setdefault(record.device, [])
        if said is None:
            past.append(Happened(index, number, number, turnover=int(record.day_amount or "0")))
            return
        if not said.is_sale:
            past.append(Happened(index, number, number, report=said, in_doubt=doubt))
            return
        last = past[-1] if past else None
        if doubt or last is None or last.sums is None or last.in_doubt or last.last != number - 1:
            last = Happened(index, number, number, sums=Sums(), in_doubt=doubt)
            past.append(last)
        assert last.sums is not None
        last.sums.sell(said)
        last.index, last.last = index, number


UNKNOWN, CLOSED, OPEN = "unknown", "closed", "open"


@attrs.define(slots=True)
class RegisterFold:
    """Where a register stands; ``turnover`` is none until a report has said it, unless all of it was seen."""

    shift: str = UNKNOWN
    number: int = 0
    first: int = 0
    sums: Sums = attrs.Factory(Sums)
    cash: int = 0
    turnover: int | None = None

    @classmethod
    def new(cls) -> RegisterFold:
        """A register of which all is seen, from its first document on."""
        return cls(shift=CLOSED, turnover=0)

    def take(self, one: Happened) -> Iterator[Found]:
        """What happened next; gives what contradicts the documents before it."""
        if one.first != self.number + 1:
            self.shift, self.turnover = UNKNOWN, None
        self.number = one.last
        if one.sums is not None:
            yield from self._sold(one, one.sums)
        elif one.report is not None:
            yield from self._said(one, one.report)
        else:
            self.shift = UNKNOWN
            if self.turnover is not None:
                self.turnover += one.turnover

    def _sold(self, one: Happened, sums: Sums) -> Iterator[Found]:
        if self.shift == CLOSED and not one.in_doubt:
            yield BreakCode.REPORT, one.index, f"documents {one.first} to {one.last} stand in no shift"
        self.sums.take(sums)
        self.cash += sums.payments.get(_CASH, 0)
        if self.turnover is not None:
            self.turnover += sums.turnover
        if one.in_doubt:
            self.shift = UNKNOWN

    def _said(self, one: Happened, said: Payload) -> Iterator[Found]:
        try:
            if said.kind == OPENING:
                yield from self._opened(one, said)
            elif said.kind in (CLOSING, STATUS):
                yield from self._reported(one, said)
            elif said.kind == CLOSURE and not one.in_doubt:
                yield from self._ended(one, said)
        except ValueError:
            self.shift = UNKNOWN
            yield BreakCode.REPORT, one.index, "a report whose amounts cannot be read"

    def _opened(self, one: Happened, said: Payload) -> Iterator[Found]:
        if self.shift == OPEN and not one.in_doubt:
            yield BreakCode.REPORT, one.index, "a shift begins while another one is open"
        self.shift, self.first, self.sums, self.cash = OPEN, one.last, Sums(), money(said.cash)

    def _reported(self, one: Happened, said: Payload) -> Iterator[Found]:
        turnover = money(said.turnover)
        if not one.in_doubt:
            if self.shift == CLOSED:
                yield BreakCode.REPORT, one.index, "a report of a shift where none is open"
            elif self.shift == OPEN:
                wrong = ", ".join(self._differences(said))
                if wrong:
                    yield BreakCode.REPORT, one.index, f"its {wrong} are not those of the documents before it"
            if self.turnover is not None and turnover != self.turnover:
                detail = f"it says a turnover of {turnover}, the documents make {self.turnover} (x 10^-4)"
                yield BreakCode.REPORT, one.index, detail
        self.turnover = turnover
        if said.kind == CLOSING:
            self.shift = CLOSED

    def _differences(self, said: Payload) -> Iterator[str]:
        if (said.first, said.last) != (str(self.first), str(self.number - 1)):
            yield "first and last number"
        totals = said.totals
        if totals is None:
            yield "totals"
            return
        for name in ("sales", "refunds", "corrections_up", "corrections_down"):
            count, total = self.sums.counted.get(name, (0, 0))
            counted = getattr(totals, name)
            if (int(counted.count), money(counted.total)) != (count, total):
                yield name.replace("_", " ")
        if moneys(totals.taxes) != _present(self.sums.taxes):
            yield "taxes"
        if moneys(totals.payments) != _present(self.sums.payments):
            yield "payments"
        if money(said.cash) != self.cash:
            yield "cash"

    def _ended(self, one: Happened, said: Payload) -> Iterator[Found]:
        if self.turnover is not None and money(said.turnover) != self.turnover:
            yield BreakCode.REPORT, one.index, "the closed memory says another turnover than its documents"
        if int(said.documents) != one.last - 1:
            yield BreakCode.REPORT, one.index, "the closed memory counts other documents"


def _present(sums: dict[str, int]) -> dict[str, int]:
    return {key: amount for key, amount in sums.items() if amount}
