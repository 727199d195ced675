"""The only SQL of this channel."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.instants import EPOCH, from_unix_ms
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import read_record

_SQL = RoomQueries(__package__)


@attrs.frozen(slots=True)
class KeyRow:
    """Which act a key names."""

    act_hash: bytes
    sequence: int
    taken_at: datetime
    let_go: bool


@attrs.frozen(slots=True, kw_only=True)
class OwnDocument:
    """A document of the connection; ``received_ms`` is known of an erased one as well."""

    sequence: int
    received_ms: int
    entry: LedgerDocument


@attrs.frozen(slots=True, kw_only=True)
class Refund:
    """A booked refund of a document of the connection; ``amount`` x 10000."""

    index: int
    original: str
    number: str
    amount: int
    received_ms: int


def take_key(
    conn: Connection, uid: str, key: str, act_hash: bytes, sequence: int, at: datetime, expired: datetime
) -> bool:
    """The key names this act from now on, or did so; false where it names another one."""
    row = _SQL.row(
        conn, "take_key", uid=uid, key=key, act_hash=act_hash, sequence=sequence, at=at, expired=expired
    )  # fmt: skip
    return row is not None


def key_row(conn: Connection, uid: str, key: str) -> KeyRow | None:
    """Which act a key names."""
    row = _SQL.row(conn, "key", uid=uid, key=key)
    return None if row is None else KeyRow(*row)


def give_key(conn: Connection, uid: str, key: str, before: bytes, act_hash: bytes, sequence: int, at: datetime) -> bool:
    """The key names this act in place of the act ``before``; false where it named yet another one."""
    given = {"uid": uid, "key": key, "before": before, "act_hash": act_hash, "sequence": sequence, "at": at}
    return bool(_SQL.run(conn, "give_key", **given))


def let_key_go(conn: Connection, uid: str, key: str, act_hash: bytes) -> None:
    """Its act was refused."""
    _SQL.run(conn, "let_key_go", uid=uid, key=key, act_hash=act_hash)


def drop_keys(conn: Connection, expired: datetime) -> int:
    """Remove keys that have had their time; how many."""
    return _SQL.run(conn, "drop_keys", expired=expired)


def own_documents(conn: Connection, uid: str, after: int, edge: int, limit: int) -> list[OwnDocument]:
    """Documents of a connection behind a place of its sequence and below an index of the ledger, in order."""
    found = []
    rows = _SQL.rows(conn, "own_documents", uid=uid, after=after, edge=edge, limit=limit)
    for index, sequence, body_hash, leaf, record, media_type, body in rows:
        facts = read_record(record) if record else None
        entry = LedgerDocument(
            index=index,
            verdict=int(facts.verdict) if facts else 0,
            act_hash=bytes.fromhex(facts.act_hash) if facts else b"",
            body_hash=body_hash,
            media_type=media_type or "",
            body=body or b"",
            salt=b"",
            record=record or b"",
            leaf=leaf,
            acked=True,
        )
        found.append(OwnDocument(sequence=sequence, received_ms=read_leaf(leaf).received_ms, entry=entry))
    return found


def refunds(conn: Connection, uid: str, first: int, edge: int, since: datetime, limit: int) -> list[Refund]:
    """Refunds of a connection's documents from an index of the ledger on and below another one, in order.

    ``since`` is when the earliest of them may have been claimed.
    """
    rows = _SQL.rows(conn, "refunds", uid=uid, first=first, edge=edge, since=since, limit=limit)
    return [
        Refund(
            index=index,
            original=original,
            number=f"{device}-{device}-{sequence}",
            amount=amount,
            received_ms=read_leaf(leaf).received_ms,
        )
        for index, original, device, sequence, amount, leaf in rows
    ]


def received_at(conn: Connection, index: int) -> datetime:
    """When the entry at an index came; the beginning of time where the ledger has none."""
    row = _SQL.row(conn, "leaf", log_index=index)
    return EPOCH if row is None else from_unix_ms(read_leaf(row[0]).received_ms)
