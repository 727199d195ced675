"""What may be done to the authority's keys: enter, replace, retire, bind to a card, and note their uses."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import attrs
import msgspec

from tallystick.authority.keys import store
from tallystick.authority.keys.values import AuthorityKey, KeyUse
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.wire.key_change import MEDIA_TYPE as CHANGE_MEDIA_TYPE

RECORD_MEDIA_TYPE = "application/vnd.tallystick.ceremony-record+json"
RETIREMENT_MEDIA_TYPE = "application/vnd.tallystick.key-retirement+json"
_REGISTRY, _KEY_CHANGE = 0x03, 0x0B
"""Kinds of ledger entries; the ledger stands above this room, so the numbers of its table stand here."""


def enter_key(conn: Connection, key: AuthorityKey, statement: bytes, *, at: datetime, actor: str) -> None:
    """Enter the first key of a series, with its signed statement for the ledger (0x0B).

    Raises ``TS-3030`` when the series has a key already.
    """
    if store.hold_active(conn, key.series) is not None:
        raise Fault("TS-3030", detail=f"the series {key.series} has a key already; rotate it")
    store.add_key(conn, key)
    store.add_event(conn, _KEY_CHANGE, CHANGE_MEDIA_TYPE, statement, at)
    activity.record(conn, _act(actor, "keys.enter", key, at))


def replace_key(
    conn: Connection, key: AuthorityKey, statement: bytes, *, follows: str, retires_at: datetime, actor: str
) -> None:
    """Make a key the active one of its series; the one that it follows serves until ``retires_at``.

    One transaction: whoever looks sees the old state or the new one. Raises ``TS-3030`` when the active key is not
    ``follows`` any more: somebody else rotated meanwhile, and the statement would name the wrong one.
    """
    held = store.hold_active(conn, key.series)
    if held != follows:
        raise Fault("TS-3030", detail=f"the active key of {key.series} is {held}, not {follows}")
    store.begin_retiring(conn, follows, retires_at)
    store.add_key(conn, key)
    store.add_event(conn, _KEY_CHANGE, CHANGE_MEDIA_TYPE, statement, key.active_at)
    facts = {"follows": follows, "retires": str(unix_ms(retires_at))}
    activity.record(conn, attrs.evolve(_act(actor, "keys.rotate", key, key.active_at), facts=facts))


def retire_due(conn: Connection, now: datetime) -> int:
    """Retire the keys whose overlap has ended; returns how many. Keys stay in the table and in the store."""
    retired = store.retire_due(conn, now)
    for key in retired:
        body = {"fingerprint": key.public_key.fingerprint.hex(), "label": key.label, "series": key.series}
        store.add_event(conn, _KEY_CHANGE, RETIREMENT_MEDIA_TYPE, msgspec.json.encode(body, order="sorted"), now)
        activity.record(conn, _act("process:worker", "keys.retire", key, now))
    return len(retired)


def enter_record(conn: Connection, record_hash: bytes, *, kind: str, at: datetime, actor: str) -> None:
    """Hand the hash of a ceremony's written record to the ledger (0x03)."""
    body = {"ceremony": kind, "record": record_hash.hex()}
    store.add_event(conn, _REGISTRY, RECORD_MEDIA_TYPE, msgspec.json.encode(body, order="sorted"), at)
    activity.record(conn, Act(at=at, actor=actor, verb="keys.ceremony", object=kind, after=record_hash.hex()))


def bind_card(conn: Connection, uid: str, label: str) -> None:
    """Note at personalisation whose proofs of audit a card accepts."""
    store.bind_card(conn, uid, label)


def intend(conn: Connection, use: KeyUse, at: datetime) -> None:
    """Store the intent of a use; the caller commits before it asks the key. The same use again is the same intent."""
    store.intend(conn, use, at)


def complete(conn: Connection, use: KeyUse, at: datetime) -> None:
    """Note that the key was used."""
    store.complete(conn, use, at)


def _act(actor: str, verb: str, key: AuthorityKey, at: datetime) -> Act:
    return Act(at=at, actor=actor, verb=verb, object=key.label, after=key.public_key.fingerprint.hex())


@contextmanager
def rotating(conn: Connection) -> Iterator[None]:
    """Be the only one who makes a key meanwhile, for two who choose the same label would overwrite each other's.

    Raises ``TS-3030`` when somebody else rotates just now.
    """
    if not store.hold_rotation(conn):
        raise Fault("TS-3030", detail="somebody else rotates a key just now")
    try:
        yield
    finally:
        conn.rollback()
        store.release_rotation(conn)
        conn.commit()
