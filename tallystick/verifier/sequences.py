"""The four sequences inside one part: every link computed anew, every number and running total followed."""

from __future__ import annotations

import struct
from collections.abc import Callable
from itertools import pairwise
from typing import Any

from tallystick.verifier import hashes
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.documents import DOCUMENT_KIND
from tallystick.verifier.stretches import DAY, DEVICE, TAXPAYER, TYPE, Key, Ranges, Stretch, to_ranges
from tallystick.wire.ledger_export import Before, Line
from tallystick.wire.record import Record
from tallystick.wire.settled_place import SettledPlace

Add = Callable[[BreakCode, int, str, str], None]

LINK_BREAKS = {
    DEVICE: BreakCode.DEVICE_LINK,
    TAXPAYER: BreakCode.TAXPAYER_LINK,
    TYPE: BreakCode.TYPE_LINK,
    DAY: BreakCode.DAY_LINK,
}
_NOTHING = Before()
_IN_DOUBT = "TS-1405"


class Sequences:
    """Follows the sequences through the entries of a part; ``main`` is the one that a selection was made by."""

    def __init__(self, add: Add, selection: bool, main: Key | None) -> None:
        self._add = add
        self._selection = selection
        self._main = main
        self._stretches: dict[Key, Stretch] = {}
        self._ordinals: dict[str, list[int]] = {}
        self._counters: dict[tuple[str, str], list[tuple[int, int, int]]] = {}
        self._blind = False

    @property
    def blind(self) -> bool:
        """Whether an entry could not be read, so that numbers may lack without a further break."""
        return self._blind

    def forget(self) -> None:
        """An entry could not be read: any sequence may have had a number there."""
        self._blind = True

    def take(self, line: Line, record: Record, fields: tuple[Any, ...], body_hash: bytes) -> None:
        """An entry's links against those before it."""
        index, before = line.index, line.before or _NOTHING
        try:
            kind, number = int(record.type), int(record.type_seq)
            previous = self._enter((TYPE, record.type), number, index, before.type)
            self._leave((TYPE, record.type), index, fields[8], hashes.type_link(previous, kind, number, body_hash))
            if fields[1] != DOCUMENT_KIND:
                return
            self._device(index, record, fields[6], body_hash)
            number = int(record.taxpayer_seq)
            key = (TAXPAYER, record.taxpayer)
            previous = self._enter(key, number, index, before.taxpayer, salt=before.salt)
            self._leave(key, index, fields[7], hashes.taxpayer_link(previous, number, body_hash))
            self._day(index, record, before, fields[9], body_hash)
        except (ValueError, OverflowError, struct.error):
            self._add(BreakCode.RECORD, index, "record", "numbers that no record of a document has")
            self._blind = True

    def settle(self, index: int, place: SettledPlace, link: bytes) -> None:
        """Places of a device that are lost: the sequence goes on behind them, from the link that the entry names."""
        key = (DEVICE, place.pair)
        state = self._stretches.get(key)
        previous = self._enter(key, place.first, index, place.previous)
        if state is not None and previous != place.previous and not self._selection:
            detail = "the settled place begins behind another link than the sequence has there"
            self._add(BreakCode.DEVICE_LINK, index, f"device {place.pair}", detail)
        if link != place.next:
            detail = "the leaf goes on from another link than the settled place names"
            self._add(BreakCode.DEVICE_LINK, index, f"device {place.pair}", detail)
        state = self._stretches[key]
        state.seq, state.link = place.last, link

    def _device(self, index: int, record: Record, link: bytes, body_hash: bytes) -> None:
        key, number = (DEVICE, record.device), int(record.device_seq)
        said = bytes.fromhex(record.device_prev)
        state = self._stretches.get(key)
        previous = self._enter(key, number, index, said)
        if state is not None and previous != said and not self._selection:
            self._add(
                BreakCode.DEVICE_LINK, index, f"device {record.device}", "the record names another link before it"
            )
        self._leave(key, index, link, hashes.device_link(previous, number, body_hash))
        ordinal = int(record.se_total)
        self._ordinals.setdefault(record.device, []).append(ordinal)
        if record.se_type and _IN_DOUBT not in record.flags:
            numbers = (ordinal, int(record.se_type), index)
            self._counters.setdefault((record.device, record.type), []).append(numbers)

    def _day(self, index: int, record: Record, before: Before, link: bytes, body_hash: bytes) -> None:
        key, number, day = (DAY, record.day), int(record.day_seq), int(record.day)
        previous = self._enter(key, number, index, before.day, total=int(before.day_total))
        state = self._stretches[key]
        state.total += int(record.day_amount)
        self._leave(key, index, link, hashes.day_link(previous, day, number, body_hash, state.total))

    def _enter(self, key: Key, number: int, index: int, before: bytes, *, salt: bytes = b"", total: int = 0) -> bytes:
        """The link before this number; the sequence stands at the number afterwards."""
        state = self._stretches.get(key)
        if state is None:
            if number == 1 and not before:
                before = _genesis(key, salt)
            self._stretches[key] = Stretch(index, number, before, number, b"", total, total, salt)
            return before
        if number != state.seq + 1:
            if self._selection and key != self._main and before:
                state.seq, state.total = number, total
                return before
            if not self._blind:
                detail = f"number {number} follows number {state.seq}"
                self._add(LINK_BREAKS[key[0]], index, f"{key[0]} {key[1]}", detail)
        state.seq = number
        return state.link

    def _leave(self, key: Key, index: int, stored: bytes, computed: bytes) -> None:
        if stored != computed:
            detail = "the link does not follow from the document, its number and the link before it"
            self._add(LINK_BREAKS[key[0]], index, f"{key[0]} {key[1]}", detail)
        self._stretches[key].link = stored

    def hand_over(
        self,
        stretches: dict[Key, Stretch],
        ordinals: dict[str, Ranges],
        counters: dict[tuple[str, str], tuple[int, int, int, int, int]],
    ) -> None:
        """Give all that the next parts must meet; judge the counters within this one."""
        stretches.update(self._stretches)
        for device, numbers in self._ordinals.items():
            ordinals[device], twice = to_ranges(numbers)
            for number in twice:
                self._add(BreakCode.DOUBLE, -1, f"device {device}", f"number {number} is booked twice")
        for pair, counted in self._counters.items():
            counted.sort()
            for (ordinal, before, _), (later, after, index) in pairwise(counted):
                if after <= before and later != ordinal:
                    self._add(BreakCode.COUNTER, index, f"device {pair[0]}", _fell(pair[1], after, before))
            (low, low_count, low_index), (high, high_count, _) = counted[0], counted[-1]
            counters[pair] = (low, low_count, low_index, high, high_count)


def _fell(document_type: str, after: int, before: int) -> str:
    return f"the counter of type {document_type} goes from {before} to {after} while the total counter rises"


def _genesis(key: Key, salt: bytes) -> bytes:
    if key[0] == TYPE:
        return hashes.type_genesis(int(key[1]))
    if key[0] == DAY:
        return hashes.day_genesis(int(key[1]))
    return hashes.taxpayer_genesis(salt, key[1]) if key[0] == TAXPAYER else b""
