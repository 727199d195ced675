"""The only SQL of this room."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from psycopg.types.json import Jsonb

from tallystick.authority.channels.ecr.batches.values import Batch, BatchState, Contact, Matter, MatterKind, Part
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.offline_limits import OUTAGE_LEAST, Outage

_SQL = RoomQueries(__package__)
OUTAGES_MOST = 1_000
WAITS_MOST = 100


def contact(conn: Connection, uid: str) -> Contact | None:
    """What is known of a device's contacts."""
    row = _SQL.row(conn, "device", uid=uid)
    if row is None:
        return None
    at, sequence, link, waiting, oldest_at = row
    return Contact(at=at, sequence=sequence, link=link, waiting=waiting, oldest_at=oldest_at)


def lock_contact(conn: Connection, uid: str, first: Contact) -> Contact:
    """The same, held until the transaction ends; ``first`` is entered where nothing is known yet."""
    _SQL.run(conn, "put_device", uid=uid, at=first.at, sequence=first.sequence, link=first.link)
    row = _SQL.row(conn, "lock_device", uid=uid)
    assert row is not None
    return Contact(at=row[0], sequence=row[1], link=row[2])


def note_contact(conn: Connection, uid: str, at: datetime, sequence: int, link: bytes | None) -> None:
    """A device was heard of; its number and link never go back here."""
    _SQL.run(conn, "note_contact", uid=uid, at=at, sequence=sequence, link=link)


def note_waiting(conn: Connection, uid: str, waiting: int, oldest_at: datetime | None) -> None:
    """What a device says that it holds back."""
    _SQL.run(conn, "note_waiting", uid=uid, waiting=waiting, oldest_at=oldest_at)


def overdue(conn: Connection, before: datetime) -> list[tuple[str, datetime, int, datetime]]:
    """Devices with documents that wait since before a moment, or that were heard of last before it.

    Each with its last contact, how many wait by its own word, and since when; none whose closed batches hold them all.
    """
    return [(uid, at, waiting, oldest_at) for uid, at, waiting, oldest_at in _SQL.rows(conn, "overdue", before=before)]


def put_outage(conn: Connection, uid: str, since: datetime, until: datetime, after: int) -> None:
    """A device was away."""
    _SQL.run(conn, "put_outage", uid=uid, since=since, until=until, after=after)


def end_outages(conn: Connection, uid: str, sequence: int) -> None:
    """The device has said how far it was when it came back."""
    _SQL.run(conn, "end_outages", uid=uid, sequence=sequence)


def outages(conn: Connection, uid: str, newer_than: datetime, before: datetime) -> list[Outage]:
    """Outages that ended after a moment and began before another, the newest ones where there are very many."""
    rows = _SQL.rows(conn, "outages", uid=uid, newer_than=newer_than, before=before, limit=OUTAGES_MOST)
    return [Outage(since=since, until=until, after=after, up_to=up_to) for since, until, after, up_to in rows]


def waits(conn: Connection, uid: str, now: datetime) -> list[tuple[datetime, datetime]]:
    """From when to when closed batches of a device waited to be booked, where it was long; the newest ones."""
    rows = _SQL.rows(conn, "waits", uid=uid, now=now, least=OUTAGE_LEAST, limit=WAITS_MOST)
    return [(since, until) for since, until in rows]


def put_head_report(
    conn: Connection, uid: str, sequence: int, link: bytes, body: bytes, at: datetime, since: datetime, most: int
) -> None:
    """Keep the first report of a head, unless so many of the device were kept since a moment."""
    said = {"sequence": sequence, "link": link, "body": body, "at": at}
    _SQL.run(conn, "put_head_report", uid=uid, since=since, most=most, **said)


def let_heads_go(conn: Connection, uid: str, sequence: int, before: datetime) -> None:
    """Forget old reports of heads below a number."""
    _SQL.run(conn, "let_heads_go", uid=uid, sequence=sequence, before=before)


def is_coming(conn: Connection, uid: str, first: int, last: int) -> bool:
    """Whether a batch that is not booked yet may hold a document with one of these numbers."""
    return bool(_SQL.value(conn, "is_coming", uid=uid, first=first, last=last))


def head_extent(conn: Connection, uid: str) -> int:
    """How many heads the device has reported."""
    found: int = _SQL.value(conn, "head_extent", uid=uid)
    return found


def heads(conn: Connection, uid: str) -> dict[tuple[int, bytes], datetime]:
    """Its reported heads, number and link, with the moment at which each came first."""
    return {(sequence, bytes(link)): at for sequence, link, at in _SQL.rows(conn, "heads", uid=uid)}


def lock_device(conn: Connection, uid: str) -> None:
    """Let no other announcement or part of the device be counted until the transaction ends."""
    _SQL.rows(conn, "lock_announcing", uid=uid)


def announce(
    conn: Connection, uid: str, batch_id: bytes, tin: str, first: int, at: datetime, certificate: bytes
) -> bool:
    """Enter a batch; false where it is there."""
    return bool(
        _SQL.run(conn, "announce", uid=uid, batch_id=batch_id, tin=tin, first=first, at=at, certificate=certificate)
    )


def held(conn: Connection, uid: str, certificate: bytes) -> tuple[int, int, int]:
    """Open batches of a device's certificate, bytes of those that are not booked, and such bytes of all devices."""
    row = _SQL.row(conn, "held", uid=uid, certificate=certificate)
    assert row is not None
    return row[0], row[1], row[2]


def brought(conn: Connection, uid: str, certificate: bytes, since: datetime) -> tuple[int, int]:
    """Documents and bytes of batches that a certificate announced and that were closed after a moment."""
    row = _SQL.row(conn, "brought", uid=uid, certificate=certificate, since=since)
    assert row is not None
    return row[0], row[1]


def batch(conn: Connection, uid: str, batch_id: bytes, *, lock: bool = False) -> Batch | None:
    """A batch of a device."""
    row = _SQL.row(conn, "lock_batch" if lock else "batch", uid=uid, batch_id=batch_id)
    return None if row is None else _batch(row)


def withdraw(conn: Connection, uid: str, batch_id: bytes) -> None:
    """Forget an open batch and its parts."""
    _SQL.run(conn, "withdraw", uid=uid, batch_id=batch_id)


def part(conn: Connection, uid: str, batch_id: bytes, number: int) -> Part | None:
    """A part, without its text."""
    row = _SQL.row(conn, "part", uid=uid, batch_id=batch_id, number=number)
    return None if row is None else _part(row)


def parts(conn: Connection, uid: str, batch_id: bytes) -> list[Part]:
    """All parts that are there, in order, without their text."""
    return [_part(row) for row in _SQL.rows(conn, "parts", uid=uid, batch_id=batch_id)]


def parts_here(conn: Connection, uid: str, batch_id: bytes) -> list[Part]:
    """The same without the hashes of their documents."""
    return [_part(row) for row in _SQL.rows(conn, "parts_here", uid=uid, batch_id=batch_id)]


def part_body(conn: Connection, uid: str, batch_id: bytes, number: int) -> tuple[bytes, datetime] | None:
    """The text of a part, and when it came; none once it is booked."""
    row = _SQL.row(conn, "part_body", uid=uid, batch_id=batch_id, number=number)
    return None if row is None or row[0] is None else (bytes(row[0]), row[1])


def put_part(conn: Connection, uid: str, batch_id: bytes, part: Part, body: bytes) -> None:
    """Keep a part and count it."""
    _SQL.run(
        conn,
        "put_part",
        uid=uid,
        batch_id=batch_id,
        number=part.number,
        sha256=part.sha256,
        size=part.size,
        first=part.first,
        last=part.last,
        last_link=part.last_link,
        body_hashes=part.body_hashes,
        body=body,
        at=part.received_at,
    )
    _SQL.run(conn, "count_part", uid=uid, batch_id=batch_id, size=part.size, documents=part.last - part.first + 1)


def last_known(conn: Connection, uid: str, *, with_revoked: bool) -> tuple[int, bytes] | None:
    """The highest number of closed batches of a device, and its link; those of a revoked signer only where asked."""
    row = _SQL.row(conn, "last_known", uid=uid, with_revoked=with_revoked)
    return None if row is None else (row[0], bytes(row[1]))


def close(
    conn: Connection,
    uid: str,
    batch_id: bytes,
    *,
    last: int,
    head: bytes,
    manifest: bytes,
    act_hash: bytes,
    certificate: bytes,
    revoked: bool,
    at: datetime,
) -> None:
    """Its manifest has come and agrees: it is to be booked."""
    _SQL.run(
        conn,
        "close",
        uid=uid,
        batch_id=batch_id,
        last=last,
        head=head,
        manifest=manifest,
        act_hash=act_hash,
        certificate=certificate,
        revoked=revoked,
        at=at,
    )


def take_due(conn: Connection, now: datetime, until: datetime) -> Batch | None:
    """The batch that waits longest and is the next of its device, taken for a while."""
    row = _SQL.row(conn, "take_due", now=now, until=until)
    return None if row is None else _batch(row)


def park(conn: Connection, batch: Batch, was: datetime) -> None:
    """Lay a batch that was taken until ``was`` aside, with all that its signer closed: due at no time, and not read."""
    _SQL.run(conn, "park", uid=batch.uid, batch_id=batch.batch_id, certificate=batch.certificate, was=was)


def wake(conn: Connection, now: datetime, held: Collection[bytes]) -> int:
    """What lies aside is due again, but for what signers of devices on hold have closed; how many batches."""
    return _SQL.run(conn, "wake", now=now, held=list(held))


def renew(conn: Connection, batch: Batch, was: datetime, until: datetime) -> bool:
    """Keep it for longer; false where another process has it by now."""
    return bool(_SQL.run(conn, "renew", uid=batch.uid, batch_id=batch.batch_id, was=was, until=until))


def put_off(conn: Connection, batch: Batch, due_at: datetime, code: str) -> None:
    """Try again later."""
    _SQL.run(conn, "put_off", uid=batch.uid, batch_id=batch.batch_id, due_at=due_at, code=code)


def finish(conn: Connection, batch: Batch, receipt: bytes, at: datetime) -> bool:
    """Enter the receipt and let the parts' text go; false where it was done before."""
    done = _SQL.run(conn, "finish", uid=batch.uid, batch_id=batch.batch_id, receipt=receipt, at=at)
    if done:
        _SQL.run(conn, "let_bodies_go", uid=batch.uid, batch_id=batch.batch_id)
    return bool(done)


def put_matter(conn: Connection, matter: Matter, at: datetime) -> None:
    """Something that an inspector should see; the same again is known."""
    _SQL.run(
        conn,
        "put_matter",
        kind=matter.kind.value,
        uid=matter.uid,
        item=matter.item,
        tin=matter.tin,
        amount=matter.amount,
        facts=Jsonb(dict(matter.facts)),
        at=at,
    )


def waiting_matters(conn: Connection, limit: int) -> list[tuple[int, Matter]]:
    """Matters that are in no case yet, oldest first."""
    return [
        (
            row[0],
            Matter(kind=MatterKind(row[1]), uid=row[2], item=row[3], tin=row[4], amount=row[5], facts=row[6]),
        )
        for row in _SQL.rows(conn, "waiting_matters", limit=limit)
    ]


def told(conn: Connection, matter_id: int) -> None:
    """A matter is in a case."""
    _SQL.run(conn, "told_matter", matter_id=matter_id)


def documents_in_parts(conn: Connection, uid: str, sequence: int) -> list[bytes]:
    """The compact forms under a number in parts of batches that are not booked; two only where a device forked."""
    return [bytes(row[0]) for row in _SQL.rows(conn, "documents_in_parts", uid=uid, sequence=sequence)]


def overview(conn: Connection) -> tuple[int, int, int, datetime | None]:
    """Open and closed batches, their bytes, and since when the oldest closed one waits."""
    row = _SQL.row(conn, "overview")
    assert row is not None
    return row[0], row[1], row[2], row[3]


def let_old_go(conn: Connection, before: datetime) -> int:
    """Forget batches that were announced long ago and never closed; how many."""
    return _SQL.run(conn, "let_old_go", before=before)


def _batch(row: Row) -> Batch:
    (
        uid, batch_id, tin, first, announced_at, state, size, documents, last, head, act_hash, certificate, revoked,
        closed_at, attempts, code, receipt, announced_by,
    ) = row  # fmt: skip
    return Batch(
        uid=uid,
        batch_id=bytes(batch_id),
        tin=tin,
        first=first,
        announced_at=announced_at,
        state=BatchState(state),
        size=size,
        documents=documents,
        last=last,
        head=head,
        act_hash=act_hash,
        certificate=certificate,
        revoked=revoked,
        closed_at=closed_at,
        attempts=attempts,
        code=code,
        receipt=receipt,
        announced_by=announced_by,
    )


def _part(row: Row) -> Part:
    number, sha256, size, first, last, last_link, body_hashes, received_at = row
    return Part(
        number=number,
        sha256=sha256,
        size=size,
        first=first,
        last=last,
        last_link=last_link,
        body_hashes=body_hashes,
        received_at=received_at,
    )
