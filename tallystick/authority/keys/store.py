"""The SQL of the room: keys, cards, uses, events for the ledger, reconciled days."""

from __future__ import annotations

from datetime import date, datetime

import attrs

from tallystick.authority.keys.values import AuthorityKey, KeyState, KeyUse
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey

_SQL = RoomQueries("tallystick.authority.keys")


@attrs.frozen(slots=True)
class WaitingEvent:
    """An event that the ledger does not have yet."""

    event_id: int
    kind: int
    media_type: str
    body: bytes
    at: datetime


def add_key(conn: Connection, key: AuthorityKey) -> None:
    """Enter an active key; ``psycopg.errors.UniqueViolation`` when the series has one."""
    _SQL.run(
        conn,
        "add_key",
        label=key.label,
        series=key.series,
        purpose=key.purpose or "",
        public_key=key.public_key.spki,
        active_at=key.active_at,
    )


def hold_active(conn: Connection, series: str) -> str | None:
    """The label of the active key of a series, held until the transaction ends."""
    row = _SQL.row(conn, "hold_active", series=series)
    return row[0] if row else None


def begin_retiring(conn: Connection, label: str, retires_at: datetime) -> None:
    """The active key has a successor."""
    _SQL.run(conn, "begin_retiring", label=label, retires_at=retires_at)


def retire_due(conn: Connection, now: datetime) -> list[AuthorityKey]:
    """Retire what has come to its end; the keys concerned."""
    return [_key(row) for row in _SQL.rows(conn, "retire_due", now=now)]


def keys(conn: Connection, series: str = "") -> list[AuthorityKey]:
    """All keys, or those of a series, oldest first."""
    return [_key(row) for row in _SQL.rows(conn, "keys", series=series)]


def _key(row: Row) -> AuthorityKey:
    label, series, purpose, spki, state, active_at, retires_at = row
    return AuthorityKey(
        label=label,
        series=series,
        purpose=KeyPurpose(purpose) if purpose else None,
        public_key=PublicKey.from_spki(spki),
        active_at=active_at,
        state=KeyState(state),
        retires_at=retires_at,
    )


def bind_card(conn: Connection, uid: str, label: str) -> None:
    """Note which proof key a card has."""
    _SQL.run(conn, "bind_card", uid=uid, label=label)


def label_of_card(conn: Connection, uid: str) -> str | None:
    """The proof key of a card; none when it has no row."""
    row = _SQL.row(conn, "label_of_card", uid=uid)
    return row[0] if row else None


def intend(conn: Connection, use: KeyUse, at: datetime) -> None:
    """Write the intent; the same use again changes nothing."""
    _SQL.run(
        conn,
        "intend",
        label=use.label,
        use=use.use.name,
        digest=use.digest,
        principal=use.principal,
        request=use.request,
        at=at,
    )


def complete(conn: Connection, use: KeyUse, at: datetime) -> None:
    """Note that the signature was made."""
    _SQL.run(conn, "complete", label=use.label, use=use.use.name, digest=use.digest, at=at)


def is_intended(conn: Connection, label: str, use: str, digest: bytes) -> bool:
    """Whether a use has a row."""
    return _SQL.row(conn, "is_intended", label=label, use=use, digest=digest) is not None


def completed_between(conn: Connection, start: datetime, end: datetime) -> list[tuple[str, str, bytes]]:
    """Label, use and digest of the uses completed in a span."""
    return [(label, use, digest) for label, use, digest in _SQL.rows(conn, "completed_between", start=start, end=end)]


def add_event(conn: Connection, kind: int, media_type: str, body: bytes, at: datetime) -> None:
    """Put an event where the worker finds it."""
    _SQL.run(conn, "add_event", kind=kind, media_type=media_type, body=body, at=at)


def waiting_events(conn: Connection, limit: int) -> list[WaitingEvent]:
    """The oldest events that the ledger does not have."""
    return [WaitingEvent(*row) for row in _SQL.rows(conn, "waiting_events", limit=limit)]


def note_index(conn: Connection, event_id: int, log_index: int) -> None:
    """The ledger has it."""
    _SQL.run(conn, "note_index", event_id=event_id, log_index=log_index)


def change_notes(conn: Connection, media_type: str) -> list[bytes]:
    """The bodies of all events of a media type, oldest first."""
    return [body for (body,) in _SQL.rows(conn, "change_notes", media_type=media_type)]


def add_reconciled(conn: Connection, day: date, at: datetime, uses: int, unexplained: int, unjournalled: int) -> None:
    """Note the outcome of a day."""
    _SQL.run(conn, "add_reconciled", day=day, at=at, uses=uses, unexplained=unexplained, unjournalled=unjournalled)


def newest_reconciled(conn: Connection) -> date | None:
    """The newest day that was compared."""
    found: date | None = _SQL.value(conn, "newest_reconciled")
    return found


def hold_rotation(conn: Connection) -> bool:
    """Be the only one who rotates until `release_rotation` or the end of the connection; false when another does."""
    return bool(_SQL.value(conn, "hold_rotation"))


def release_rotation(conn: Connection) -> None:
    """Let others rotate."""
    _SQL.value(conn, "release_rotation")
