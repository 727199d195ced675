"""What the records of a dump say about each other: seals, cuts, anchors, closure, and links known from elsewhere."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tallystick.crypto.certificates import DeviceCertificate
from tallystick.crypto.signatures import verify_es256
from tallystick.device.worm.breaks import DumpOutcome, WormBreakCode
from tallystick.device.worm.counter import COUNTER_NAME, Count
from tallystick.device.worm.tally import SALES
from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import Record, RecordKind
from tallystick.wire.worm_contents import Seal, read_anchor, read_cut, read_note, read_seal, seal_text

_Report = Callable[[WormBreakCode, int, str, str], None]
KEPT = "a seal kept elsewhere"


class Contents:
    """Takes the records in their order."""

    def __init__(
        self, outcome: DumpOutcome, certificates: Sequence[DeviceCertificate], kept: Sequence[Seal], report: _Report
    ) -> None:
        self._outcome = outcome
        self._certificates = list(certificates)
        self._kept = list(kept)
        self._report = report
        self._wanted: dict[int, bytes] = {seal.statement.seq: b"" for seal in kept}
        self._count: Count | None = None
        self._last_anchor = 0
        self._is_sealed_for_ever = False

    def begin(self, uid: str, place: str, genesis: bytes) -> None:
        """The device is known, so its certificates and the link before all records are."""
        self._wanted[0] = genesis
        for certificate in self._certificates:
            if certificate.uid != uid:
                detail = f"a certificate of {certificate.uid} for a memory of {uid}"
                self._report(WormBreakCode.OTHER_DEVICE, 0, place, detail)
        self._certificates = [certificate for certificate in self._certificates if certificate.uid == uid]

    def watch(self, count: Count) -> None:
        """The counter's file names a record, too."""
        self._count = count
        self._wanted.setdefault(count.counter, b"")

    def take(self, record: Record, segment: int, offset: int, place: str, *, before: bytes) -> None:
        """Judge one record; ``before`` is the link that the chain had before it."""
        outcome = self._outcome
        outcome.first_ms = outcome.first_ms or record.time_ms
        outcome.last_ms = record.time_ms
        if record.seq in self._wanted:
            self._wanted[record.seq] = record.link
        self._check_closure(record, place)
        if record.kind in SALES and outcome.unsealed >= LIMITS.worm_records_between_seals:
            detail = f"{outcome.unsealed} records before it are not sealed"
            self._report(WormBreakCode.SEAL_OVERDUE, record.seq, place, detail)
        try:
            self._check_content(record, segment, offset, place, before)
        except Fault as fault:
            self._report(WormBreakCode.CONTENT, record.seq, place, fault.detail)
        outcome.unsealed = 0 if record.kind is RecordKind.SEAL else outcome.unsealed + 1

    def _check_closure(self, record: Record, place: str) -> None:
        outcome = self._outcome
        allowed = {RecordKind.SEAL, RecordKind.CUT}
        if outcome.closed and (self._is_sealed_for_ever or record.kind not in allowed):
            self._report(WormBreakCode.AFTER_CLOSURE, record.seq, place, record.kind.name.lower())
        self._is_sealed_for_ever = self._is_sealed_for_ever or (outcome.closed and record.kind is RecordKind.SEAL)
        outcome.closed = outcome.closed or record.kind is RecordKind.CLOSURE

    def _check_content(self, record: Record, segment: int, offset: int, place: str, before: bytes) -> None:
        if record.kind is RecordKind.SEAL:
            self._check_seal(record, segment, place, before)
        elif record.kind is RecordKind.CUT:
            cut = read_cut(record.data)
            self._outcome.cuts += 1
            if (cut.segment, cut.offset) != (segment, offset):
                self._report(WormBreakCode.CUT, record.seq, place, f"segment {cut.segment} byte {cut.offset}")
        elif record.kind is RecordKind.ANCHOR:
            anchor = read_anchor(record.data)
            if not self._last_anchor <= anchor.seq < record.seq:
                self._report(WormBreakCode.ANCHOR, record.seq, place, f"for records up to {anchor.seq}")
            self._last_anchor = max(anchor.seq, self._last_anchor)
        elif record.kind is RecordKind.NOTE:
            read_note(record.data)

    def _check_seal(self, record: Record, segment: int, place: str, before: bytes) -> None:
        outcome, seal = self._outcome, read_seal(record.data)
        statement = seal.statement
        outcome.seals += 1
        if statement.uid != outcome.uid:
            self._report(WormBreakCode.OTHER_DEVICE, record.seq, place, f"a seal of {statement.uid}")
        elif statement.seq != record.seq - 1 or statement.link != before or segment - statement.segment not in (0, 1):
            detail = f"record {statement.seq} in segment {statement.segment}"
            self._report(WormBreakCode.SEAL, record.seq, place, detail)
        else:
            outcome.sealed_up_to = statement.seq
        if statement.card_counter < outcome.card_counter:
            detail = f"{statement.card_counter} after {outcome.card_counter}"
            self._report(WormBreakCode.CARD_COUNTER, record.seq, place, detail)
        outcome.card_counter = max(outcome.card_counter, statement.card_counter)
        self._check_signature(seal, record.seq, place)

    def _check_signature(self, seal: Seal, seq: int, place: str) -> None:
        if not self._certificates:
            return
        self._outcome.seals_checked += 1
        for position, certificate in enumerate(self._certificates):
            try:
                verify_es256(certificate.public_key, seal_text(seal.statement), seal.signature)
            except Fault:
                continue
            self._certificates.insert(0, self._certificates.pop(position))  # the next seal is of the same key
            return
        self._report(WormBreakCode.SEAL_SIGNATURE, seq, place, "")

    def finish(self) -> None:
        """What is known from elsewhere against what was found."""
        outcome = self._outcome
        for seal in self._kept:
            statement = seal.statement
            self._check_signature(seal, statement.seq, KEPT)
            if statement.uid != outcome.uid:
                self._report(WormBreakCode.OTHER_DEVICE, statement.seq, KEPT, f"a seal of {statement.uid}")
            elif statement.seq > outcome.seq:
                detail = f"{statement.seq} were sealed, the last one here is {outcome.seq}"
                self._report(WormBreakCode.TAIL, outcome.seq + 1, KEPT, detail)
            elif self._wanted[statement.seq] != statement.link:
                self._report(WormBreakCode.SEAL, statement.seq, KEPT, "the record is another one now")
        count = self._count
        if count and 0 < count.counter <= outcome.seq and self._wanted[count.counter] != count.link:
            self._report(WormBreakCode.COUNTER, count.counter, COUNTER_NAME, "the record is another than was counted")
