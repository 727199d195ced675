"""The only SQL of this channel."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

import psycopg
from psycopg.pq import ExecStatus
from psycopg.pq.abc import PGresult

from tallystick.authority.channels.vsdc.values import Number, OpenAct, PosEntry, SignerEntry, SignerState, Taking
from tallystick.authority.ledger.binary import bytea_array, int8_array, positional, text_array
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.instants import unix_ms
from tallystick.kit.named_sql import load_queries

_SQL = RoomQueries(__package__)
_PREPARED = b"take_numbers"
_TAKE, _TAKE_PARAMETERS = positional(load_queries(__package__)["take_numbers"])


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


def pairs_of(conn: Connection, requested_by: str) -> list[tuple[str, int, bytes, bool]]:
    """Signer, total counter and newest act of each pair of a POS, and whether that act is void."""
    rows = _SQL.rows(conn, "pairs_of", requested_by=requested_by)
    return [(uid, total, bytes(act), void) for uid, total, act, void in rows]


def add_pair(conn: Connection, requested_by: str, signed_by: str) -> None:
    """Begin a pair at 0; one that is there stays as it is."""
    _SQL.run(conn, "add_pair", requested_by=requested_by, signed_by=signed_by)


def open_acts(conn: Connection) -> list[OpenAct]:
    """Every act whose document the ledger does not have, but for void ones."""
    return [OpenAct(pos, signer, total, bytes(act)) for pos, signer, total, act in _SQL.rows(conn, "open_acts")]


def void_pair(conn: Connection, act: OpenAct, at: datetime, entry: int) -> bool:
    """End a pair with its open act; false when the act is not open any more."""
    place = {"requested_by": act.requested_by, "signed_by": act.signed_by, "total_counter": act.total_counter}
    return _SQL.run(conn, "void_pair", at=at, entry=entry, **place) > 0


def forget_number(conn: Connection, act: OpenAct) -> None:
    """The request that got this number may get another one."""
    place = {"requested_by": act.requested_by, "signed_by": act.signed_by, "total_counter": act.total_counter}
    _SQL.run(conn, "forget_number", **place)


def prepare_taking(conn: Connection) -> None:
    """Make a connection ready for `take_numbers`."""
    result = conn.pgconn.prepare(_PREPARED, _TAKE)
    if result.status != ExecStatus.COMMAND_OK:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")


def take_numbers(conn: Connection, takings: Sequence[Taking]) -> set[tuple[str, str, int]]:
    """Take numbers and store the acts, on a connection that `prepare_taking` has seen; those that got theirs.

    One gets none when its pair stands elsewhere, or when its request id with these bytes has a number already. Raises
    ``psycopg.Error``. Every invoice passes here, so the arrays are built at once, without a look at each element.
    """
    columns = {
        "requested_by": text_array(taking.requested_by for taking in takings),
        "signed_by": text_array(taking.signed_by for taking in takings),
        "total_counter": int8_array(taking.total_counter for taking in takings),
        "act": bytea_array(taking.act for taking in takings),
        "request_id": text_array(taking.request_id for taking in takings),
        "request_hash": bytea_array(taking.request_hash for taking in takings),
        "taken_ms": int8_array(unix_ms(taking.taken_at) for taking in takings),
    }
    values = [columns[name] for name in _TAKE_PARAMETERS]
    result = conn.pgconn.exec_prepared(_PREPARED, values, [1] * len(values))
    if result.status != ExecStatus.TUPLES_OK:
        raise psycopg.errors.error_from_result(result, encoding="utf-8")
    return {_taken(result, row) for row in range(result.ntuples)}


def _taken(result: PGresult, row: int) -> tuple[str, str, int]:
    requested_by, signed_by, total = (result.get_value(row, column) or b"" for column in range(3))
    return requested_by.decode(), signed_by.decode(), int(total)


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
