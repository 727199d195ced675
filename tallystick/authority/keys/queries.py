"""What may be asked of the room: the keys, the one in use, the log's notes of change, the proof key of a card."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.keys import store
from tallystick.authority.keys.values import LOG, POA, AuthorityKey, KeyState
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.faults import Fault
from tallystick.wire.key_change import MEDIA_TYPE


def keys(conn: Connection, series: str = "") -> list[AuthorityKey]:
    """All keys, or those of a series, oldest first."""
    return store.keys(conn, series)


def active_key(conn: Connection, series: str) -> AuthorityKey:
    """The key in use; raises ``TS-3031`` when the series has none."""
    for key in store.keys(conn, series):
        if key.state is KeyState.ACTIVE:
            return key
    raise Fault("TS-3031", detail=f"there is no key of the series {series}")


def signing_log_keys(keys: Sequence[AuthorityKey], now: datetime) -> list[AuthorityKey]:
    """The log's keys that sign a checkpoint now, newest first: two during an overlap."""
    return [key for key in reversed(keys) if key.series == LOG and key.signs_at(now)]


def change_notes(conn: Connection) -> list[bytes]:
    """The signed statements of all changes, oldest first."""
    return store.change_notes(conn, MEDIA_TYPE)


def key_of(conn: Connection, series: str, public_key: PublicKey) -> AuthorityKey:
    """The key of a series with this public half; raises ``TS-3031``. For a card, which names keys by their bytes."""
    for key in store.keys(conn, series):
        if key.public_key == public_key:
            return key
    raise Fault("TS-3031", detail=f"no key of the series {series} has this public half")


def proof_key_of(conn: Connection, uid: str) -> AuthorityKey:
    """The key whose proofs a card accepts: the one it was personalised with. Raises ``TS-3031`` when there is none."""
    series = store.keys(conn, POA)
    label = store.label_of_card(conn, uid)
    for key in series:
        if label is None or key.label == label:
            return key
    raise Fault("TS-3031", detail="there is no proof key for this card")
