"""Books again, from the mirror, what a restored database lost: the very same entries under the very same signed heads.

Each entry is planned anew by the rules of booking, with the salts that the mirror kept; it is taken only if its leaf is
byte for byte the mirror's, and a batch only if its root is the one that the log had signed. So what comes out is the
ledger that was there, or none. The batch behind the last signed head is booked as well: it was flushed before its
commit, and nobody can tell any more whether it was answered.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger.beyond import Group, Salts, groups_beyond, orders_beyond
from tallystick.authority.ledger.booking import Batch
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.mirror import Mirror, MirrorDamaged, MirrorEntry
from tallystick.authority.ledger.recovery import SelfCheckFailed, load_ledger, reconcile_mirror
from tallystick.authority.ledger.sequences import LedgerState
from tallystick.authority.ledger.store import WriterConnection, load_tree_state
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.erasure import tombstone
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import BUYER_FACT, Record, read_record
from tallystick.wire.signed_note import Check, NoteKey, parse_checkpoint, parse_note, verify_note

_PLAIN = frozenset({EntryKind.DOCUMENT, EntryKind.BARRIER})


@attrs.frozen(slots=True, kw_only=True)
class Replayed:
    """What was booked again: entries from ``first`` on, the ledger's size now, and what they are.

    ``events`` are (index, kind) of entries that are no documents: other rooms' tables may not know of them.
    """

    first: int
    size: int
    first_ms: int = 0
    last_ms: int = 0
    events: Sequence[tuple[int, int]] = ()

    @property
    def entries(self) -> int:
        """How many entries were booked again."""
        return self.size - self.first


class Replay:
    """The writer of a ledger that no sequencer writes meanwhile. Raises ``TS-3185`` while one lives."""

    def __init__(self, dsn: str, holder: str, now_ms: int) -> None:
        self._connection = WriterConnection(dsn)
        try:
            self._epoch = self._take(holder, now_ms)
            self._state = load_ledger(self._connection.raw)
            self._closed_at_ms = load_tree_state(self._connection.raw).closed_at_ms
        except SelfCheckFailed as error:
            self._connection.close()
            raise Fault("TS-5008", detail=str(error)) from error
        except BaseException:
            self._connection.close()
            raise

    def _take(self, holder: str, now_ms: int) -> int:
        if self._connection.in_recovery():
            raise Fault("TS-3185", detail="the database server is a standby or still recovering")
        if not self._connection.try_lock():
            raise Fault("TS-3185", detail="a sequencer writes this ledger; stop it first")
        return self._connection.raise_epoch(holder, now_ms)

    def close(self) -> None:
        """Let go of the ledger."""
        self._connection.close()

    @property
    def state(self) -> LedgerState:
        """The ledger as it stands."""
        return self._state

    def run(self, folder: Path, keys: Sequence[NoteKey], check: Check) -> Replayed:
        """Book what the mirror holds beyond the tables; nothing where it holds no more.

        ``keys`` are those of the log. Raises ``TS-3186`` where the mirror does not go on from this ledger: what was
        booked until then stays, and is right.
        """
        first = self._state.size
        events: list[tuple[int, int]] = []
        spans: list[int] = []
        try:
            orders = orders_beyond(folder, first)
            salts = Salts()
            for group in groups_beyond(folder, first, salts):
                self._book(group, salts, orders, keys, check)
                salts.buyers.clear()
                leaves = [(entry.log_index, read_leaf(entry.leaf)) for entry in group.entries]
                spans += (leaves[0][1].received_ms, leaves[-1][1].received_ms)
                events += [(index, leaf.kind) for index, leaf in leaves if leaf.kind not in _PLAIN]
        except (MirrorDamaged, psycopg.Error) as error:
            raise Fault("TS-3186", detail=str(error)) from error
        return Replayed(
            first=first,
            size=self._state.size,
            first_ms=min(spans, default=0),
            last_ms=max(spans, default=0),
            events=tuple(events),
        )

    def settle_mirror(self, folder: Path) -> None:
        """Make the mirror end where the tables end, as a sequencer does at its start; raises ``TS-5008``."""
        try:
            reconcile_mirror(self._connection.raw, self._state, folder)
        except SelfCheckFailed as error:
            raise Fault("TS-5008", detail=str(error)) from error

    def enter(self, entry: NewEntry, folder: Path) -> int:
        """Book one event of our own behind all, in the mirror as well; its head is signed when the sequencer starts."""
        self.settle_mirror(folder)
        batch = Batch(self._state, {}, os.urandom)
        index = batch.first_index
        batch.add(entry)
        mirror = Mirror(folder)
        try:
            self._write(batch, entry.received_at_ms, (), mirror)
        finally:
            mirror.close()
        return index

    def _book(
        self,
        group: Group,
        salts: Salts,
        orders: Mapping[int, int],
        keys: Sequence[NoteKey],
        check: Check,
    ) -> None:
        batch = _SameBatch(self._state, salts, orders)
        for entry in group.entries:
            batch.repeat(entry)
        checkpoints = [(batch.tree.size, group.note)] if group.note else []
        if group.note:
            _compare(batch, group.note, keys, check)
        self._write(batch, max(batch.waits_from_ms), checkpoints)

    def _write(
        self, batch: Batch, at_ms: int, checkpoints: Sequence[tuple[int, bytes]], mirror: Mirror | None = None
    ) -> None:
        connection = self._connection
        self._closed_at_ms = max(self._closed_at_ms, at_ms)
        connection.ensure_months(batch.months)
        connection.hold_lease(self._epoch)
        connection.copy_rows(batch)
        connection.close_batch(batch, self._epoch, self._closed_at_ms, checkpoints)
        if mirror is not None:
            mirror.append(batch.number, batch.first_index, batch.count, (*batch.beginnings, *batch.frames))
        connection.commit()
        batch.settle(self._state)


def _compare(batch: Batch, note: bytes, keys: Sequence[NoteKey], check: Check) -> None:
    """The signed head must be that of the entries."""
    parsed = parse_note(note)
    try:
        verify_note(parsed, keys, check)
        head = parse_checkpoint(parsed.text)
    except Fault as fault:
        raise Fault("TS-3186", detail=f"the mirror's head of {batch.tree.size} entries: {fault.detail}") from fault
    if (head.size, head.root) != (batch.tree.size, batch.root):
        raise Fault("TS-3186", detail=f"the entries up to {batch.tree.size} do not give the root that was signed")


class _SameBatch(Batch):
    """A batch in which every entry gets the salts that it had, and must give the leaf that it had."""

    def __init__(self, state: LedgerState, kept: Salts, orders: Mapping[int, int]) -> None:
        self._salts: deque[bytes] = deque()
        super().__init__(state, {}, lambda _: self._salts.popleft())
        self._kept = kept
        self._orders = orders
        self._mirrored: MirrorEntry | None = None

    def repeat(self, mirrored: MirrorEntry) -> None:
        """Book the entry again; raises ``TS-3186`` when it would not be the same one."""
        index = mirrored.log_index
        if index != self.tree.size:
            raise Fault("TS-3186", detail=f"entry {self.tree.size} lacks in the mirror, {index} follows")
        try:
            facts = read_record(mirrored.record)
            entry, body_hash = entry_of(facts, mirrored), bytes.fromhex(facts.body_hash)
        except (Fault, ValueError) as error:
            raise Fault("TS-3186", detail=f"entry {index}: {error}") from error
        if mirrored.body and sha256(mirrored.body) != body_hash:
            raise Fault("TS-3186", detail=f"entry {index}: another body than its record names")
        self._mirrored = mirrored
        if facts.taxpayer_seq == "1":
            if facts.taxpayer not in self._kept.beginnings:
                raise Fault("TS-3186", detail=f"entry {index}: the mirror does not hold how its taxpayer began")
            self._salts.append(self._kept.beginnings[facts.taxpayer])
        if mirrored.body and BUYER_FACT in facts.facts:
            if index not in self._kept.buyers:
                raise Fault("TS-3186", detail=f"entry {index}: the mirror does not hold the salt of its buyer")
            self._keep_salt(self._kept.buyers[index])
        self._salts.append(mirrored.salt)
        if entry.kind != EntryKind.DOCUMENT:
            self._book_event(entry, body_hash)
            return
        head = self.overlay.device(entry.device)
        if head is None or not head.lacks(entry.se_total):
            raise Fault("TS-3186", detail=f"entry {index}: its device is not registered, or its number is booked")
        self._book_document(entry, head, entry.act_hash, body_hash)

    def _book(
        self,
        entry: NewEntry,
        month: int,
        tin: bytes,
        record: bytes,
        device_next: bytes,
        taxpayer_next: bytes,
        type_next: bytes,
        day_next: bytes,
    ) -> bytes:
        mirrored = self._mirrored
        assert mirrored is not None
        if not mirrored.body and record_names_a_body(record):
            ordered = self._orders.get(mirrored.log_index)
            if ordered is None:
                detail = f"entry {mirrored.log_index}: its body is gone, and no order of erasure names it"
                raise Fault("TS-3186", detail=detail)
            entry = msgspec.structs.replace(entry, media_type=tombstone(ordered))
        hashed = super()._book(entry, month, tin, record, device_next, taxpayer_next, type_next, day_next)
        if hashed != leaf_hash(mirrored.leaf):
            raise Fault("TS-3186", detail=f"entry {mirrored.log_index} would get another leaf than the mirror holds")
        return hashed


def record_names_a_body(record: bytes) -> bool:
    """Whether the entry of this record had a body with something in it."""
    return read_record(record).body_hash != sha256(b"").hex()


def entry_of(facts: Record, mirrored: MirrorEntry) -> NewEntry:
    """The entry as it was handed to the sequencer, from its record; raises ``ValueError`` for a damaged one."""
    requested_by, _, signed_by = facts.device.partition("-")
    return NewEntry(
        kind=int(facts.kind),
        channel=int(facts.channel),
        body=mirrored.body,
        media_type=facts.media_type,
        received_at_ms=int(facts.received_at),
        act_hash=bytes.fromhex(facts.act_hash),
        file_hash=bytes.fromhex(facts.file_hash),
        device=(requested_by, signed_by),
        tin=facts.taxpayer,
        premises=facts.premises,
        document_type=int(facts.type),
        day=int(facts.day or 0),
        issued_at_ms=int(facts.issued_at or 0),
        utc_offset_minutes=int(facts.utc_offset_minutes or 0),
        currency=facts.currency,
        total=int(facts.total or 0),
        day_amount=int(facts.day_amount or 0),
        tax_totals={label: int(amount) for label, amount in facts.tax_totals.items()},
        se_total=int(facts.se_total or 0),
        se_type=int(facts.se_type or 0),
        certificate_hash=bytes.fromhex(facts.certificate_hash),
        refers_to=facts.refers_to,
        flags=facts.flags,
        leaf_flags=int(facts.leaf_flags or 0),
        verdict=int(facts.verdict),
        facts=facts.facts,
    )
