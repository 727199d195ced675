"""The only SQL of this channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from tallystick.authority.channels.vsdc.values import Number, PosEntry, SignerEntry, SignerState, Taking
from tallystick.authority.room_queries import Connection, RoomQueries

_SQL = RoomQueries(__package__)


def put_pos(conn: Connection, uid: str, pac_hash: bytes) -> None:
    """Enrol a POS, or give it another PAC; wrong ones are forgotten."""
    _SQL.run(conn, "put_pos", uid=uid, pac_hash=pac_hash)


def changed_pos(conn: Connection, since: str) -> list[PosEntry]:
    """POS that changed in or after a transaction."""
    rows = _SQL.rows(conn, "changed_pos", since=since)
    return [PosEntry(uid, bytes(pac_hash), wrong, until) for uid, pac_hash, wrong, until in rows]


def count_wrong_pac(conn: Connection, uid: str, now: datetime, *, most: int, until: datetime) -> None:
    """One more wrong PAC; the ``most``-th in a row locks until a moment."""
    _SQL.rows(conn, "count_wrong_pac", uid=uid, now=now, most=most, until=until)


def forget_wrong_pacs(conn: Connection, uid: str) -> None:
    """A right PAC came."""
    _SQL.run(conn, "forget_wrong_pacs", uid=uid)


def oldest_open_transaction(conn: Connection) -> str:
    """For the next question for changes."""
    return str(_SQL.value(conn, "oldest_open_transaction"))


def add_signer(conn: Connection, uid: str, key_label: str) -> None:
    """Enter a signing element; the same again changes nothing."""
    _SQL.run(conn, "add_signer", uid=uid, key_label=key_label)


def set_signer_state(conn: Connection, uid: str, state: SignerState) -> bool:
    """Change the state; false when there is no such element."""
    return _SQL.run(conn, "set_signer_state", uid=uid, state=state.value) > 0


def all_signers(conn: Connection) -> list[SignerEntry]:
    """Every signing element; they are few."""
    return [SignerEntry(uid, label, SignerState(state)) for uid, label, state in _SQL.rows(conn, "all_signers")]


def pairs_of(conn: Connection, requested_by: str) -> list[tuple[str, int, bytes]]:
    """Signer, total counter and newest act of each pair of a POS."""
    return [(uid, total, bytes(act)) for uid, total, act in _SQL.rows(conn, "pairs_of", requested_by=requested_by)]


def add_pair(conn: Connection, requested_by: str, signed_by: str) -> None:
    """Begin a pair at 0; one that is there stays as it is."""
    _SQL.run(conn, "add_pair", requested_by=requested_by, signed_by=signed_by)


def open_pairs(conn: Connection) -> list[str]:
    """POS with an act whose document the ledger does not have."""
    return [row[0] for row in _SQL.rows(conn, "open_pairs")]


def take_numbers(conn: Connection, takings: Sequence[Taking]) -> set[tuple[str, str, int]]:
    """Take numbers and store the acts; those that got theirs.

    One gets none when its pair stands elsewhere, or when its request id with these bytes has a number already.
    """
    columns = {
        name: [getattr(taking, name) for taking in takings]
        for name in ("requested_by", "signed_by", "total_counter", "act", "request_id", "request_hash", "taken_at")
    }
    return {
        (requested_by, signed_by, total)
        for requested_by, signed_by, total in _SQL.rows(conn, "take_numbers", **columns)
    }


def number_of_request(conn: Connection, requested_by: str, request_id: str, request_hash: bytes) -> Number | None:
    """The number that this id with these bytes got."""
    found = _SQL.row(
        conn, "number_of_request", requested_by=requested_by, request_id=request_id, request_hash=request_hash
    )
    return Number(*found) if found else None


def newest_number_of_id(conn: Connection, requested_by: str, request_id: str) -> Number | None:
    """The newest number that this id got, whatever the bytes."""
    found = _SQL.row(conn, "newest_number_of_id", requested_by=requested_by, request_id=request_id)
    return Number(*found) if found else None


def forget_requests(conn: Connection, before: datetime) -> int:
    """Remove request ids that were used before a moment; how many."""
    return _SQL.run(conn, "forget_requests", before=before)
