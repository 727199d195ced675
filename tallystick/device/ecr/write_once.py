"""How a document of the offline class becomes final: by write-once memory, always, whatever the network does (S0-094).

The authority gets the documents in the background (`synchronise`). Software has no such memory, and so no such way
(S0-087).
"""

from __future__ import annotations

import logging
from datetime import datetime

from tallystick.device.ecr.issue import counted
from tallystick.device.ecr.needs import Delivered, Refused, Sign
from tallystick.device.ecr.receipt import code_of
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.store import Store
from tallystick.device.worm import Anchor, Note, NoteKind, RecordKind, WriteOnceMemory
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import ZERO_MONEY
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.worm_contents import read_anchor

log = logging.getLogger(__name__)

_LOOK_BACK = 128
"""Records read at a start to know the last document again: more than stand between two seals."""


_NOT_WRITTEN = frozenset({"TS-3201", "TS-3202", "TS-3208"})
"""Full, closed, or no such record: the memory has certainly written nothing. After others nobody knows."""


class OfflineWay:
    """The receipt exists when the memory holds it; sealed when a seal is due and after each Z-report."""

    def __init__(self, memory: WriteOnceMemory, sign: Sign) -> None:
        self._memory = memory
        self._sign = sign
        self._last = _last_document(memory)

    def deliver(self, compact: bytes, now: datetime) -> Delivered:
        """See `needs.Way`; the same bytes again are found, not written again."""
        digest = sha256(compact)
        signed = read_signed(compact)
        kind = read_document(signed.payload).kind
        if self._last[0] != digest:
            if self._memory.state.seal_due:
                self._seal(signed.header.sequence - 1, now)
            try:
                self._last = digest, self._write(kind, compact, signed.header.sequence, now)
            except Fault as fault:
                if fault.code in _NOT_WRITTEN:
                    raise Refused(fault) from fault
                raise
        if kind is DocumentKind.SHIFT_CLOSING and self._memory.state.unsealed:
            self._seal(signed.header.sequence, now)
        return Delivered(memory_record=self._last[1])

    def _write(self, kind: DocumentKind, compact: bytes, sequence: int, now: datetime) -> int:
        memory = self._memory
        if kind is DocumentKind.CLOSURE:
            memory.close_for_ever(compact, sequence, self._sign, now)
            return memory.head.seq
        is_z = kind is DocumentKind.SHIFT_CLOSING
        return memory.append(RecordKind.Z_REPORT if is_z else RecordKind.DOCUMENT, compact, now)

    def _seal(self, sequence: int, now: datetime) -> None:
        """The register's own sequence stands where a card would give its counter."""
        self._memory.seal(sequence, self._sign, now)


SIGNED_RECORDS = frozenset({RecordKind.DOCUMENT, RecordKind.Z_REPORT, RecordKind.CLOSURE})
"""Records that are documents of this register."""


def _last_document(memory: WriteOnceMemory) -> tuple[bytes, int]:
    head = memory.head.seq
    found = (b"", 0)
    for record in memory.records(max(1, head - _LOOK_BACK)):
        if record.kind in SIGNED_RECORDS:
            found = sha256(record.data), record.seq
    return found


class SealedMemory:
    """What the register asks of its memory at a synchronisation; see `register.Memory`."""

    def __init__(self, memory: WriteOnceMemory, sign: Sign) -> None:
        self._memory = memory
        self._sign = sign

    def before_sending(self, sequence: int, now: datetime) -> None:
        """Seal what no seal covers."""
        if self._memory.state.unsealed:
            self._memory.seal(sequence, self._sign, now)

    def after_sending(self, record: int, log_index: int, checkpoint: bytes, now: datetime) -> None:
        """The anchor: memory and log hold each other's head. One that stands there already is not written again."""
        newest = self._newest(RecordKind.ANCHOR)
        if self._memory.state.closed or (newest and read_anchor(newest).seq >= record):
            return
        try:
            self._memory.anchor(Anchor(seq=record, log_index=log_index, checkpoint=checkpoint), now)
        except Fault as fault:
            if fault.code != "TS-3201":
                raise
            log.warning("no room for an anchor: %s", fault)  # the authority has the documents all the same

    def newest_seal(self) -> bytes:
        """The newest seal as it stands there, empty where none is near the end."""
        return self._newest(RecordKind.SEAL)

    def _newest(self, kind: RecordKind) -> bytes:
        found = b""
        for record in self._memory.records(max(1, self._memory.head.seq - _LOOK_BACK)):
            if record.kind is kind:
                found = record.data
        return found

    def is_almost_full(self) -> bool:
        """From 90 % of what it was made for."""
        return self._memory.state.almost_full

    def release(self) -> None:
        """Let go of the medium."""
        self._memory.release()


def note_power_up(memory: WriteOnceMemory, before_ms: int, now: datetime) -> None:
    """A record of the start; not in a memory that is closed, or has room only for what closes it."""
    if not (memory.state.closed or memory.state.full):
        memory.note(Note(kind=NoteKind.POWER_UP, before_ms=before_ms), now)


def recover(memory: WriteOnceMemory, store: Store, setup: RegisterSetup, sign: Sign, now: datetime) -> None:
    """Count what the memory holds and the store does not: the memory is right, whatever the store says (S0-094).

    Its anchors tell what of that the authority has. An intent that is not in the memory was never written there and
    ends. Raises ``TS-3258`` where the two do not fit.
    """
    standing = store.standing()
    if memory.head.seq < standing.memory_record:
        raise Fault("TS-3258", detail="the write-once memory is older than the store")
    intent = store.open_intent()
    anchored, before = 0, standing.sequence
    for record in memory.records(standing.memory_record + 1):
        if record.kind is RecordKind.ANCHOR:
            anchored = max(anchored, read_anchor(record.data).seq)
        if record.kind not in SIGNED_RECORDS:
            continue
        if read_signed(record.data).header.sequence != standing.sequence + 1:
            raise Fault("TS-3258", detail="the write-once memory does not go on from the store")
        asked = intent if intent is not None and intent.compact == record.data else None
        kept, standing = counted(
            record.data,
            Delivered(memory_record=record.seq),
            standing,
            setup,
            now,
            code=code_of(record.data, sign),
            change=asked.change if asked else ZERO_MONEY,
            request=(asked.request_id, asked.request_hash) if asked else None,
            is_shown=asked is None,  # what the store once knew, somebody once took
        )
        store.keep(kept, standing)
    if anchored and standing.sequence != before:
        store.settle_records(anchored, unix_ms(now))
    left = store.open_intent()
    if left is not None:
        store.forget(left)
    if memory.state.closed and memory.state.unsealed:
        memory.close_for_ever(b"", standing.sequence, sign, now)
