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


def drop_keys(conn: Connection, expired: datetime, doubtful: datetime) -> int:
    """Remove keys that have had their time, and sooner those of acts that were refused and never booked; how many."""
    refused = _SQL.run(conn, "drop_refused_keys", doubtful=doubtful)
    return refused + _SQL.run(conn, "drop_keys", expired=expired)


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
            number=f"{requested_by}-{signed_by}-{sequence}",
            amount=amount,
            received_ms=read_leaf(leaf).received_ms,
        )
        for index, original, requested_by, signed_by, sequence, amount, leaf in rows
    ]


def received_at(conn: Connection, index: int) -> datetime:
    """When the entry at an index came; the beginning of time where the ledger has none."""
    row = _SQL.row(conn, "leaf", log_index=index)
    return EPOCH if row is None else from_unix_ms(read_leaf(row[0]).received_ms)


@attrs.frozen(slots=True)
class Webhook:
    """A webhook as it is kept. ``sending_to`` is the cursor behind what is being sent, empty while nothing is."""

    webhook_id: int
    uid: str
    certificate_hash: bytes
    url: str
    salt: bytes
    made_at: datetime
    read_to: str
    sending_to: str
    message: str
    state: str
    tries: int
    next_at: datetime | None
    trouble: str
    delivered_at: datetime | None


def lock_webhooks(conn: Connection, uid: str) -> None:
    """Let nobody else register a webhook of this connection until the transaction ends."""
    _SQL.rows(conn, "lock_webhooks", uid=uid)


def webhooks(conn: Connection, uid: str) -> list[Webhook]:
    """Those of a connection, oldest first."""
    return [Webhook(*row) for row in _SQL.rows(conn, "webhooks", uid=uid)]


def add_webhook(
    conn: Connection, uid: str, certificate_hash: bytes, url: str, salt: bytes, read_to: str, at: datetime
) -> Webhook:
    """A webhook that is told what comes behind a cursor."""
    row = _SQL.row(
        conn, "add_webhook", uid=uid, certificate_hash=certificate_hash, url=url, salt=salt, read_to=read_to, at=at
    )
    assert row is not None
    return Webhook(*row)


def remove_webhook(conn: Connection, uid: str, webhook_id: int) -> bool:
    """Whether there was one."""
    return bool(_SQL.run(conn, "remove_webhook", uid=uid, webhook_id=webhook_id))


def resume_webhook(
    conn: Connection, uid: str, webhook_id: int, certificate_hash: bytes, at: datetime
) -> Webhook | None:
    """Try at once what is waiting, and go on from there."""
    row = _SQL.row(
        conn, "resume_webhook", uid=uid, webhook_id=webhook_id, certificate_hash=certificate_hash, at=at
    )  # fmt: skip
    return None if row is None else Webhook(*row)


def due_webhooks(conn: Connection, at: datetime, limit: int) -> list[Webhook]:
    """Those that have something to be looked at, held until the transaction ends."""
    return [Webhook(*row) for row in _SQL.rows(conn, "due_webhooks", at=at, limit=limit)]


def rest_webhook(conn: Connection, webhook_id: int, next_at: datetime) -> None:
    """There is nothing to tell it; look again then."""
    _SQL.run(conn, "rest_webhook", webhook_id=webhook_id, next_at=next_at)


def intend_sending(
    conn: Connection, webhook_id: int, sending_to: str, message: str, tries: int, next_at: datetime
) -> None:
    """What is going to be sent, the how many-th time, and when it will be tried again unless it is told."""
    intent = {"sending_to": sending_to, "message": message, "tries": tries, "next_at": next_at}
    _SQL.run(conn, "intend_sending", webhook_id=webhook_id, **intent)


def webhook_told(conn: Connection, webhook_id: int, message: str, at: datetime) -> None:
    """The receiver has it: go on behind it."""
    _SQL.run(conn, "webhook_told", webhook_id=webhook_id, message=message, at=at)


def webhook_trouble(conn: Connection, webhook_id: int, message: str, trouble: str) -> None:
    """It was not told, and why."""
    _SQL.run(conn, "webhook_trouble", webhook_id=webhook_id, message=message, trouble=trouble)


def stop_webhook(conn: Connection, webhook_id: int, trouble: str) -> None:
    """Its owner must look at it."""
    _SQL.run(conn, "stop_webhook", webhook_id=webhook_id, trouble=trouble)
