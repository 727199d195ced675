"""Turns checked entries into one batch: links, records, leaves, tiles and rows. No I/O; the writer carries it out.

A batch lays its changes over the heads and can be thrown away. Per document it does what the ledger's byte formats ask
for and nothing else, for this is the one place that every document of a nation passes one after the other.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import NamedTuple

from msgspec.structs import replace

from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.event_record import event_record
from tallystick.authority.ledger.growing_tree import FullTile
from tallystick.authority.ledger.mirror import buyer_frame, entry_frame, genesis_frame
from tallystick.authority.ledger.months import month_of
from tallystick.authority.ledger.places import check_event, place_of
from tallystick.authority.ledger.rows import Rows, wrap_64
from tallystick.authority.ledger.sequences import DeviceHead, Head, LedgerState, Overlay, PendingState, State
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import (
    HASH_BYTES,
    buyer_commitment,
    day_genesis,
    day_link,
    device_genesis,
    device_link,
    record_commitment,
    sha256,
    taxpayer_genesis,
    taxpayer_link,
    type_genesis,
    type_link,
)
from tallystick.kernel.merkle import leaf_hash
from tallystick.wire.leaf import NO_LINK, pack_leaf
from tallystick.wire.record import BUYER_FACT, write_document_record, write_record

_DOCUMENT = int(EntryKind.DOCUMENT)
_REGISTRY = int(EntryKind.REGISTRY)
_SETTLED = int(EntryKind.SETTLED_PLACE)

RandomBytes = Callable[[int], bytes]


class KnownAct(NamedTuple):
    """What the identity table says of an entry that is booked."""

    requested_by: str
    act_hash: bytes
    body_hash: bytes
    log_index: int
    verdict: int


Known = Mapping[tuple[str, int], Sequence[KnownAct]]
"""Booked acts by (signedBy, ordinal); events stand under ``("", 0)``."""

EVENTS = ("", 0)


class Outcome(NamedTuple):
    """What becomes of one entry: the index that its answer rests on (-1: none), and the answer or the fault."""

    log_index: int
    verdict: int = 0
    duplicate: bool = False
    body_hash: bytes = b""
    fault: str = ""
    detail: str = ""
    expected: dict[str, str] | None = None


class Batch:
    """Entries that will be committed together, in the order in which they were added."""

    def __init__(self, state: State, known: Known, random_bytes: RandomBytes) -> None:
        self.state = state
        # As of planning: the state may have gone on to include this very batch when it is asked again.
        self.number = state.batch + 1
        self.first_index = state.size
        self.bytes_before = state.total_bytes
        self.overlay = Overlay(state)
        self.tree = state.tree.copy()
        self.rows = Rows()
        self.tiles: list[FullTile] = []
        self.beginnings: list[bytes] = []
        self.frames: list[bytes] = []
        self.waits_from_ms: list[int] = []
        self.months: set[int] = set()
        self.bytes = 0
        self._known = known
        self._here: dict[tuple[str, int], list[KnownAct]] = {}
        self._random_bytes = random_bytes

    @property
    def root(self) -> bytes:
        """The tree's root with this batch."""
        return self.tree.frontier.root()

    @property
    def count(self) -> int:
        """Number of new entries."""
        return self.tree.size - self.first_index

    def add(self, entry: NewEntry) -> Outcome:
        """Book one entry, or find that it is booked, or refuse it. After any other exception the batch is void."""
        if entry.kind == _DOCUMENT:
            return self._document(entry)
        return self._event(entry)

    def pending(self, ledger: LedgerState) -> PendingState:
        """The ledger as this batch will leave it, for planning the next one; ``ledger`` is what is committed."""
        number = self.number - (not self.count)  # a batch of known acts alone writes nothing
        return PendingState(self.overlay, ledger, self.tree, number, self.bytes_before + self.bytes)

    def settle(self, state: LedgerState) -> None:
        """The batch is committed: the state goes on from here."""
        self.overlay.settle(state)
        state.tree = self.tree
        state.total_bytes = self.bytes_before + self.bytes
        state.batch = self.number

    def _document(self, entry: NewEntry) -> Outcome:
        head = self.overlay.device(entry.device)
        if head is None:
            return Outcome(-1, fault="TS-2401", detail="the device is not registered in the ledger")
        body_hash = sha256(entry.body)
        act_hash = entry.act_hash or body_hash
        if not self.overlay.surely_new(head, entry.se_total):
            outcome = self._booked_before(entry, act_hash, body_hash)
            if outcome is not None:
                return outcome
            if not head.lacks(entry.se_total):
                return Outcome(-1, fault="TS-5008", detail="a number counts as booked, and no entry has it")
        if entry.device_prev and (entry.device_seq, entry.device_prev) != (head.seq + 1, head.link):
            code = "TS-1402"
            if entry.device_seq <= head.seq:  # nothing is booked there, so the place was settled
                code = "TS-1410" if head.lacks(entry.se_total) else "TS-1404"
            return Outcome(
                -1, fault=code, detail=f"the next document is number {head.seq + 1}", expected=head.next_place
            )
        return self._book_document(entry, head, act_hash, body_hash)

    def _acts(self, key: tuple[str, int]) -> Iterable[KnownAct]:
        yield from self._here.get(key, ())
        yield from self._known.get(key, ())

    def _booked_before(self, entry: NewEntry, act_hash: bytes, body_hash: bytes) -> Outcome | None:
        """The first answer for an act that is booked; evidence where its bytes or its number contradict the first."""
        rival = None
        for act in self._acts((entry.device[1], entry.se_total)):
            if act.act_hash == act_hash:
                if act.body_hash == body_hash:
                    return Outcome(act.log_index, act.verdict, True, act.body_hash)
                kept = self._keep_evidence(entry, act_hash, act, "unsigned part differs")
                return Outcome(max(act.log_index, kept.log_index), act.verdict, True, act.body_hash)
            if act.requested_by == entry.device[0]:
                rival = act
        if rival is None:
            return None
        kept = self._keep_evidence(entry, act_hash, rival, "equivocation")
        return kept._replace(fault="TS-1403", detail=f"number {entry.se_total} is booked with other content")

    def _keep_evidence(self, entry: NewEntry, act_hash: bytes, first: KnownAct, reason: str) -> Outcome:
        """Store the second document beside the first, once, as an entry of its own kind."""
        evidence = NewEntry(
            kind=EntryKind.EVIDENCE,
            channel=entry.channel,
            body=entry.body,
            media_type=entry.media_type,
            received_at_ms=entry.received_at_ms,
            act_hash=act_hash,
            file_hash=entry.file_hash,
            device=entry.device,
            tin=entry.tin,
            se_total=entry.se_total,
            refers_to=str(first.log_index),
            facts={"reason": reason},
            buyer=entry.buyer,
        )
        return self._event(evidence)

    def _event(self, entry: NewEntry) -> Outcome:
        body_hash = sha256(entry.body)
        for act in self._acts(EVENTS):
            if act.body_hash == body_hash:
                return Outcome(act.log_index, act.verdict, True, body_hash)
        try:
            check_event(entry, self.overlay.device(entry.device))
        except Fault as fault:
            return Outcome(-1, fault=fault.code, detail=fault.detail, expected=fault.expected)
        return self._book_event(entry, body_hash)

    def _book_document(self, entry: NewEntry, head: DeviceHead, act_hash: bytes, body_hash: bytes) -> Outcome:
        """Give a document its place in all five sequences."""
        if entry.buyer:
            entry = self._with_commitment(entry)
        requested_by, signed_by = entry.device
        tin, index, previous = entry.tin.encode("ascii"), self.tree.size, head.link
        device_seq = head.seq = head.seq + 1
        device_next = head.link = device_link(previous, device_seq, body_hash)
        head.total += entry.day_amount
        head.arrive(entry.se_total)
        taxpayer = self._taxpayer(entry.tin)
        taxpayer_seq = taxpayer.seq = taxpayer.seq + 1
        taxpayer_next = taxpayer.link = taxpayer_link(taxpayer.link, taxpayer_seq, body_hash)
        taxpayer.total += entry.day_amount
        kind = self._next_type(entry.document_type, entry.day_amount, body_hash)
        day = self._day(entry.day)
        day_seq = day.seq = day.seq + 1
        day.total += entry.day_amount
        day_next = day.link = day_link(day.link, entry.day, day_seq, body_hash, day.total)
        record = write_document_record(
            entry, act_hash, body_hash, previous, device_seq, taxpayer_seq, entry.document_type, kind.seq, day_seq
        )
        month = month_of(entry.received_at_ms)
        self._book(entry, month, tin, record, device_next, taxpayer_next, kind.link, day_next)
        rows, signer, requester = self.rows, signed_by.encode("ascii"), requested_by.encode("ascii")
        rows.number(index, month, tin, requester, signer, entry.se_total, act_hash, body_hash, entry.verdict)
        rows.device(signer, requester, device_seq, body_hash, device_next, index)
        rows.taxpayer(tin, taxpayer_seq, body_hash, taxpayer_next, index)
        rows.type(entry.document_type, kind.seq, body_hash, kind.link, index)
        rows.day(entry.day, day_seq, body_hash, wrap_64(day.total), day_next, index)
        act = KnownAct(requested_by, act_hash, body_hash, index, entry.verdict)
        self._here.setdefault((signed_by, entry.se_total), []).append(act)
        return Outcome(index, entry.verdict, False, body_hash)

    def _book_event(self, entry: NewEntry, body_hash: bytes) -> Outcome:
        """Give an entry that is no document its place in the type's sequence and the log."""
        if entry.buyer:
            entry = self._with_commitment(entry)
        index, tin, month = self.tree.size, entry.tin.encode("ascii"), month_of(entry.received_at_ms)
        document_type = entry.document_type or entry.kind
        kind, device_next = self._next_type(document_type, 0, body_hash), NO_LINK
        if entry.kind == _SETTLED:
            entry, device_next = self._settle(entry, body_hash)
        record = write_record(event_record(entry, document_type, kind.seq, entry.act_hash or body_hash, body_hash))
        leaf = self._book(entry, month, tin, record, device_next, NO_LINK, kind.link, NO_LINK)
        self.rows.type(document_type, kind.seq, body_hash, kind.link, index)
        self.rows.event(index, month, tin, body_hash, entry.verdict)
        if entry.kind == _REGISTRY and entry.device != ("", "") and self.overlay.device(entry.device) is None:
            requested_by, signed_by = entry.device
            genesis = device_genesis(f"{requested_by}-{signed_by}", entry.certificate_hash, leaf)
            self.overlay.devices[entry.device] = DeviceHead(
                requested_by, signed_by, entry.tin, genesis, entry.certificate_hash, index
            )
        self._here.setdefault(EVENTS, []).append(KnownAct("", body_hash, body_hash, index, entry.verdict))
        return Outcome(index, entry.verdict, False, body_hash)

    def _settle(self, entry: NewEntry, body_hash: bytes) -> tuple[NewEntry, bytes]:
        """The device's sequence goes on behind the settled places; the entry with its place, and the link there."""
        head = self.overlay.device(entry.device)
        place = place_of(entry, head)
        assert head is not None
        head.seq, head.link = place.last, place.next
        signer, requester = head.signed_by.encode("ascii"), head.requested_by.encode("ascii")
        self.rows.device(signer, requester, place.last, body_hash, place.next, self.tree.size)
        return replace(entry, device_seq=place.last, device_prev=place.previous), place.next

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
        """What every entry gets: leaf, tree, body and record in tables and mirror; returns the leaf's hash."""
        index, received_ms, body = self.tree.size, entry.received_at_ms, entry.body
        salt = self._random_bytes(HASH_BYTES)
        commitment = record_commitment(salt, record)
        leaf = pack_leaf(
            entry.kind,
            entry.channel,
            entry.leaf_flags,
            received_ms,
            commitment,
            device_next,
            taxpayer_next,
            type_next,
            day_next,
        )
        hashed = leaf_hash(leaf)
        self.tiles += self.tree.append(hashed)
        self.months.add(month)
        self.rows.stored(index, month, tin, entry.media_type.encode("ascii"), body, salt, record, leaf)
        self.frames += entry_frame(index, leaf, salt, record, body)
        self.waits_from_ms.append(received_ms)
        self.bytes += len(body) + len(record)
        return hashed

    def _with_commitment(self, entry: NewEntry) -> NewEntry:
        """The entry that comes next, whose record commits to its buyer; the salt gets a row that can be erased."""
        salt = self._random_bytes(HASH_BYTES)
        self._keep_salt(salt)
        commitment = buyer_commitment(salt, entry.buyer).hex()
        return replace(entry, facts={**entry.facts, BUYER_FACT: commitment}, buyer="")

    def _keep_salt(self, salt: bytes) -> None:
        """In the table and in the mirror, for the entry that comes next."""
        self.rows.buyer(self.tree.size, salt)
        self.frames.append(buyer_frame(self.tree.size, salt))

    def _next_type(self, document_type: int, amount: int, body_hash: bytes) -> Head:
        kind = self._type(document_type)
        kind.seq += 1
        kind.total += amount
        kind.link = type_link(kind.link, document_type, kind.seq, body_hash)
        return kind

    def _taxpayer(self, tin: str) -> Head:
        head = self.overlay.taxpayers.get(tin)
        if head is None:
            booked = self.state.taxpayers.get(tin)
            if booked is None:
                salt = self._random_bytes(HASH_BYTES)
                head = Head(0, taxpayer_genesis(salt, tin), 0, salt)
                self.beginnings.append(genesis_frame(tin, salt))
            else:
                head = booked.copy()
            self.overlay.taxpayers[tin] = head
        return head

    def _type(self, document_type: int) -> Head:
        head = self.overlay.types.get(document_type)
        if head is None:
            booked = self.state.types.get(document_type)
            head = booked.copy() if booked else Head(0, type_genesis(document_type))
            self.overlay.types[document_type] = head
        return head

    def _day(self, day: int) -> Head:
        head = self.overlay.days.get(day)
        if head is None:
            booked = self.state.days.get(day)
            head = booked.copy() if booked else Head(0, day_genesis(day))
            self.overlay.days[day] = head
        return head
