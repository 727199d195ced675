"""What may be done with batches: announce, bring a part, close, withdraw. Each call may be repeated.

Every function works in the caller's transaction, and what it has answered is durable once that has committed.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

import attrs

from tallystick.authority.channels.ecr.batches import contacts, store
from tallystick.authority.channels.ecr.batches.values import (
    ALL_BYTES_MOST,
    DAY_BYTES_MOST,
    DAY_DOCUMENTS_MOST,
    DEVICE_BYTES_MOST,
    HELD_BYTES_MOST,
    OPEN_MOST,
    Batch,
    BatchState,
    Matter,
    Part,
)
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.national_document import DocumentKind
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document
from tallystick.wire.offline_batch import (
    BATCH_BYTES_MAX,
    DOCUMENTS_MAX,
    PARTS_MAX,
    Announcement,
    SignedManifest,
    merkle_root,
    read_part,
)

_NAMED_MOST = 20
DAY = timedelta(days=1)


@attrs.frozen(slots=True)
class NewPart:
    """A part as it came, read: its text, and what is kept beside it."""

    part: Part
    text: bytes


def read_new_part(sender: Sender, number: int, text: bytes, at: datetime) -> NewPart:
    """Read a part, without a database; every document has the form, is of this device, and follows the one before.

    Raises ``TS-2410`` (number), ``TS-1003``, ``TS-3281``, ``TS-1201``, ``TS-1313`` (another device's).
    """
    if not 1 <= number <= PARTS_MAX:
        raise Fault("TS-2410", detail=f"parts are numbered from 1 to {PARTS_MAX}")
    documents = [read_signed(compact) for compact in read_part(text)]
    first = documents[0].header.sequence
    for place, signed in enumerate(documents):
        if signed.header.device != sender.uid:
            raise Fault("TS-1313", detail="a document of another device")
        if signed.header.sequence != first + place:
            raise Fault("TS-3281", detail=f"number {first + place} is missing, or not in its place")
    last = documents[-1]
    part = Part(
        number=number,
        sha256=sha256(text),
        size=len(text),
        first=first,
        last=last.header.sequence,
        last_link=link_of(last),
        body_hashes=b"".join([one.body_hash for one in documents]),
        received_at=at,
    )
    return NewPart(part, text)


def link_of(signed: SignedDocument) -> bytes:
    """The device link of a document, as its device made it."""
    return device_link(signed.header.previous, signed.header.sequence, signed.body_hash)


def announce(conn: Connection, sender: Sender, announcement: Announcement, at: datetime) -> Batch:
    """A batch is about to come. Raises ``TS-2410`` for the id of another batch, ``TS-3284`` for too many."""
    uid, batch_id = sender.uid, announcement.batch
    store.lock_device(conn, uid)
    known = store.batch(conn, uid, batch_id)
    if known is None:
        open_batches, _, _ = store.held(conn, uid, sender.certificate_hash)
        if open_batches >= OPEN_MOST:
            raise Fault("TS-3284", detail=f"at most {OPEN_MOST} batches are open at once", retry_after_seconds=60)
        _check_day(conn, sender, at)
        store.announce(conn, uid, batch_id, sender.tin, announcement.first, at, sender.certificate_hash)
        known = store.batch(conn, uid, batch_id)
        assert known is not None
    _check_own(known, sender)
    if known.first != announcement.first:
        raise Fault("TS-2410", detail=f"this batch begins with number {known.first}")
    _hear_of(conn, sender, at)
    return known


def put_part(
    conn: Connection, sender: Sender, batch_id: bytes, new: NewPart, *, is_held: bool = False
) -> tuple[Part, bool]:
    """Keep a part; whether it is new. The same bytes again change nothing, whenever they come.

    ``is_held``: the device is on hold, so its parts stay long, and leave half of the room to all others.

    Raises ``TS-3282`` (no such batch of this device), ``TS-2410`` (the part was there with other bytes, or does not
    belong into the batch), ``TS-3283`` (the batch is closed), ``TS-1003`` and ``TS-3284`` (bounds).
    """
    uid, part = sender.uid, new.part
    store.lock_device(conn, uid)
    batch = _batch(conn, sender, batch_id)
    known = store.part(conn, uid, batch_id, part.number)
    if known is not None:
        if known.sha256 != part.sha256:
            raise Fault("TS-2410", detail=f"part {part.number} came before with other bytes")
        _hear_of(conn, sender, part.received_at)
        return known, False
    if batch.state is not BatchState.OPEN:
        raise Fault("TS-3283", detail="nothing is added to a batch that is closed")
    if part.first < batch.first:
        raise Fault("TS-2410", detail=f"this batch begins with number {batch.first}")
    _check_bounds(conn, sender, batch, part, HELD_BYTES_MOST if is_held else ALL_BYTES_MOST)
    store.put_part(conn, uid, batch_id, part, new.text)
    _hear_of(conn, sender, part.received_at, sequence=part.last, link=part.last_link)
    return part, True


def _check_day(conn: Connection, sender: Sender, at: datetime) -> None:
    documents, size = store.brought(conn, sender.uid, sender.certificate_hash, at - DAY)
    if documents >= DAY_DOCUMENTS_MOST or size >= DAY_BYTES_MOST:
        raise Fault(
            "TS-3284", detail="so much was brought in a day that the rest has to wait", retry_after_seconds=3600
        )


def _check_bounds(conn: Connection, sender: Sender, batch: Batch, part: Part, all_most: int) -> None:
    documents = batch.documents + part.last - part.first + 1
    if batch.size + part.size > BATCH_BYTES_MAX or documents > DOCUMENTS_MAX:
        raise Fault("TS-1003", detail=f"a batch has at most {BATCH_BYTES_MAX} bytes and {DOCUMENTS_MAX} documents")
    _, of_device, of_all = store.held(conn, sender.uid, sender.certificate_hash)
    if of_device + part.size > DEVICE_BYTES_MOST or of_all + part.size > all_most:
        raise Fault("TS-3284", detail="what is here must be booked first", retry_after_seconds=30)


def withdraw(conn: Connection, sender: Sender, batch_id: bytes) -> None:
    """A device gives an open batch up, to send its documents in another; ``TS-3282``, ``TS-3283`` once it is closed."""
    batch = _batch(conn, sender, batch_id)
    if batch.state is not BatchState.OPEN:
        raise Fault("TS-3283", detail="a batch that is closed will be booked")
    store.withdraw(conn, sender.uid, batch_id)


def close(
    conn: Connection, sender: Sender, signed: SignedManifest, at: datetime, *, certificate: bytes, revoked: bool
) -> Batch:
    """A batch is whole: its manifest, whose signature was checked, agrees with the parts. It is to be booked now.

    The same manifest again gives the batch as it is. Raises ``TS-3282``, ``TS-3283`` (closed by another manifest),
    ``TS-2410`` (a part lacks, or root or head differ), ``TS-2409`` (no report at its end), ``TS-1402`` (an earlier
    batch is missing; ``expected`` names the place).
    """
    uid, manifest = sender.uid, signed.manifest
    store.lock_device(conn, uid)
    batch = _batch(conn, sender, manifest.batch)
    if batch.state is not BatchState.OPEN:
        if batch.act_hash != signed.signed.act_hash:
            raise Fault("TS-3283", detail="the batch was closed by another manifest")
        _hear_of(conn, sender, at)
        return batch
    parts = store.parts(conn, uid, manifest.batch)
    _check_parts(batch, signed, parts)
    _check_closing(conn, signed, parts[-1])
    _check_place(conn, uid, signed, with_revoked=revoked)
    if not revoked:
        _hear_of(conn, sender, at, sequence=manifest.last, link=signed.head, says_head=True)
        store.note_waiting(conn, uid, 0, None)
    store.close(
        conn,
        uid,
        manifest.batch,
        last=manifest.last,
        head=signed.head,
        manifest=signed.signed.compact,
        act_hash=signed.signed.act_hash,
        certificate=certificate,
        revoked=revoked,
        at=at,
    )
    return _batch(conn, sender, manifest.batch)


def tell_matters(conn: Connection, limit: int) -> list[Matter]:
    """What inspectors shall see and nobody was told of; they are told by this."""
    found = store.waiting_matters(conn, limit)
    for matter_id, _ in found:
        store.told(conn, matter_id)
    return [matter for _, matter in found]


def _hear_of(
    conn: Connection,
    sender: Sender,
    at: datetime,
    *,
    sequence: int = 0,
    link: bytes | None = None,
    says_head: bool = False,
) -> None:
    """A call is a contact of the device, unless its certificate is revoked: then it may come from anybody."""
    if not sender.revoked:
        contacts.hear_of(conn, sender.uid, at, sequence=sequence, link=link, says_head=says_head)


def _batch(conn: Connection, sender: Sender, batch_id: bytes) -> Batch:
    found = store.batch(conn, sender.uid, batch_id, lock=True)
    if found is None:
        raise Fault("TS-3282", detail="no such batch of this device")
    _check_own(found, sender)
    return found


def _check_own(batch: Batch, sender: Sender) -> None:
    """A revoked certificate goes on with what it began itself, and touches nothing else of the device."""
    if sender.revoked and batch.announced_by not in (None, sender.certificate_hash):
        raise Fault("TS-3282", detail="no such batch of this certificate, which is revoked")


def _check_parts(batch: Batch, signed: SignedManifest, parts: Sequence[Part]) -> None:
    """The parts that the manifest names are those that are here, in one unbroken order, with its root and head."""
    manifest = signed.manifest
    here = {part.number: part.sha256 for part in parts}
    wrong = [number for number, digest in enumerate(manifest.parts, 1) if here.get(number) != digest]
    if wrong or len(here) != len(manifest.parts):
        fields = tuple(FieldFault(f"/parts/{number - 1}", "differs" if number in here else "1") for number in wrong)
        raise Fault("TS-2410", detail="a part is missing, or differs", fields=fields[:_NAMED_MOST])
    place = batch.first
    for part in parts:
        if part.first != place:
            raise Fault("TS-2410", detail=f"part {part.number} begins with {part.first}, not with {place}")
        place = part.last + 1
    if manifest.first != batch.first or manifest.last != place - 1:
        raise Fault("TS-2410", detail=f"the parts hold numbers {batch.first} to {place - 1}")
    if merkle_root(body_hash for part in parts for body_hash in part.hashes) != manifest.root:
        raise Fault("TS-2410", detail="the root is not that of the documents")
    if parts[-1].last_link != signed.head:
        raise Fault("TS-2410", detail="the head is not the link of the last document")


def _check_closing(conn: Connection, signed: SignedManifest, last: Part) -> None:
    """The last document is a report: of a shift, or of the register itself, which stands outside of every shift."""
    manifest = signed.manifest
    found = store.part_body(conn, signed.signed.header.device, manifest.batch, last.number)
    assert found is not None, "an open batch has its bodies"
    compact = read_part(found[0])[-1]
    try:
        kind = read_document(read_signed(compact).payload).kind
    except Fault:
        kind = DocumentKind.RECEIPT
    closes = kind in (DocumentKind.SHIFT_CLOSING, DocumentKind.STATUS) or kind.is_register_report
    if manifest.closing != manifest.last or not closes:
        raise Fault("TS-2409", detail="a batch ends with the report that closes it")


def _check_place(conn: Connection, uid: str, signed: SignedManifest, *, with_revoked: bool) -> None:
    """It goes on from what is known of the device; where it lies before that, the booking finds what is there.

    What a revoked signer brought is nothing that a signer in force can go on from.
    """
    head = ledger.device_head(conn, (uid, uid))
    if head is None:
        raise Fault("TS-2401", detail="the registration is not in the ledger yet", retry_after_seconds=5)
    sequence, link = max(head, store.last_known(conn, uid, with_revoked=with_revoked) or head, key=lambda one: one[0])
    if signed.manifest.first > sequence + 1:
        raise Fault(
            "TS-1402",
            detail=f"the next batch begins with number {sequence + 1}",
            expected={"ts-seq": str(sequence + 1), "ts-prev": write_base64url(link).decode("ascii")},
        )
