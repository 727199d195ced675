"""The only SQL of the commands to national devices."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime

from tallystick.authority.reference.remote.values import GivenCommand, Sort
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.device_commands import CommandResult
from tallystick.kernel.identifiers import Uid
from tallystick.wire.device_command import SignedResult, read_result, read_wanted, write_wanted

_SQL = RoomQueries(__package__)


def _command(row: Row) -> GivenCommand:
    uid, number, payload, issued_at, expires_at, kid, digest, compact, fetched_at, superseded_by, answered_at = row
    return GivenCommand(
        uid=Uid(uid),
        number=number,
        wanted=read_wanted(bytes(payload)),
        issued_at=issued_at,
        expires_at=expires_at,
        kid=None if kid is None else bytes(kid),
        digest=None if digest is None else bytes(digest),
        compact=None if compact is None else bytes(compact),
        fetched_at=fetched_at,
        superseded_by=superseded_by,
        answered_at=answered_at,
    )


def next_number(conn: Connection, uid: str) -> int:
    """The device's next number; its other writers wait until the transaction ends."""
    return int(_SQL.value(conn, "next_number", uid=uid))


def add(conn: Connection, command: GivenCommand, request_id: int | None) -> None:
    """Insert a command that is not signed yet."""
    _SQL.run(
        conn,
        "add",
        uid=command.uid,
        number=command.number,
        kind=str(command.kind),
        payload=write_wanted(command.wanted),
        issued_at=command.issued_at,
        expires_at=command.expires_at,
        request_id=request_id,
    )


def open_commands(conn: Connection, uid: str, at: datetime) -> list[GivenCommand]:
    """Not answered, not ended and not replaced, in their order; signed or not."""
    return [_command(row) for row in _SQL.rows(conn, "open_commands", uid=uid, at=at)]


def supersede(conn: Connection, uid: str, numbers: Sequence[int], by: int, at: datetime) -> None:
    """Note which command took their place."""
    _SQL.run(conn, "supersede", uid=uid, numbers=list(numbers), by=by, at=at)


def unsigned(conn: Connection, at: datetime, most: int) -> list[GivenCommand]:
    """Those that wait for their signature, oldest first."""
    return [_command(row) for row in _SQL.rows(conn, "unsigned", at=at, most=most)]


def is_any_unsigned(conn: Connection, at: datetime) -> bool:
    """Whether one waits for its signature."""
    return bool(_SQL.value(conn, "is_any_unsigned", at=at))


def begin_signing(conn: Connection, command: GivenCommand, kid: bytes, digest: bytes) -> bool:
    """Write the intent of a signature; false for a command that was signed or replaced meanwhile."""
    return bool(_SQL.run(conn, "begin_signing", uid=command.uid, number=command.number, kid=kid, digest=digest))


def finish_signing(conn: Connection, command: GivenCommand, digest: bytes, compact: bytes, at: datetime) -> bool:
    """Write the signed form; false when it has one, or another one is intended."""
    values = {"uid": command.uid, "number": command.number, "digest": digest, "compact": compact, "at": at}
    return bool(_SQL.run(conn, "finish_signing", **values))


def mark_fetched(conn: Connection, uid: str, numbers: Sequence[int], at: datetime) -> None:
    """Note that the device has them."""
    _SQL.run(conn, "mark_fetched", uid=uid, numbers=list(numbers), at=at)


def command(conn: Connection, uid: str, number: int, *, lock: bool = False) -> GivenCommand | None:
    """By number; with ``lock`` held until the transaction ends."""
    row = _SQL.row(conn, "lock_command" if lock else "command", uid=uid, number=number)
    return None if row is None else _command(row)


def results(conn: Connection, uid: str, number: int) -> dict[Sort, tuple[CommandResult, datetime]]:
    """What the device said about a command, and when it came."""
    rows = _SQL.rows(conn, "results", uid=uid, number=number)
    return {Sort(sort): (read_result(bytes(compact)).result, at) for sort, compact, at in rows}


def add_result(conn: Connection, signed: SignedResult, sort: Sort, at: datetime) -> bool:
    """Keep a result with its exact bytes; false where there is one of its sort."""
    result = signed.result
    return bool(
        _SQL.run(
            conn,
            "add_result",
            uid=result.device,
            number=result.number,
            sort=str(sort),
            outcome=str(result.outcome),
            compact=signed.compact,
            at=at,
        )
    )


def mark_answered(conn: Connection, uid: str, number: int, at: datetime) -> None:
    """Note that the command is over."""
    _SQL.run(conn, "mark_answered", uid=uid, number=number, at=at)


def waiting(conn: Connection, at: datetime) -> dict[str, int]:
    """Devices for which signed commands wait, with the highest number."""
    return {uid: int(number) for uid, number in _SQL.rows(conn, "waiting", at=at)}


def waiting_changed(conn: Connection, since: str, at: datetime) -> dict[str, int]:
    """The same where something changed by a transaction not older than ``since``; 0 where nothing waits now."""
    return {uid: int(number) for uid, number in _SQL.rows(conn, "waiting_changed", since=since, at=at)}


def oldest_open_transaction(conn: Connection) -> str:
    """The mark below which every transaction has ended, as the text of an ``xid8``."""
    return str(_SQL.value(conn, "oldest_open_transaction"))


def known_digests(conn: Connection, digests: Collection[bytes]) -> set[bytes]:
    """Which of these (SHA-256 of what was signed) are of commands that were signed."""
    return {bytes(row[0]) for row in _SQL.rows(conn, "known_digests", digests=list(digests))}


def signed_after(conn: Connection, uid: str, number: int, most: int) -> list[tuple[str, int, bytes]]:
    """Signed commands behind one, in order: device, number, digest."""
    rows = _SQL.rows(conn, "signed_after", uid=uid, number=number, most=most)
    return [(row[0], int(row[1]), bytes(row[2])) for row in rows]


def told_rates(conn: Connection, group_id: int, uids: Collection[str], at: datetime) -> dict[str, tuple[int, bool]]:
    """Which of these devices were told of a rate group: by which number, and whether that still holds or is over."""
    rows = _SQL.rows(conn, "told_rates", group_id=group_id, uids=list(uids), at=at)
    return {uid: (int(number), bool(holds)) for uid, number, holds in rows}


def note_told(conn: Connection, group_id: int, uid: str, number: int, before: int) -> bool:
    """Note by which command a device is told; false where another one than ``before`` stands there by now."""
    values = {"group_id": group_id, "uid": uid, "number": number, "before": before}
    return bool(_SQL.run(conn, "note_told", **values))
