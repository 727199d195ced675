"""The SQL of what an authority's key did: revocation lists, and each use of a key with what explains it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from tallystick.authority.reference.pki.values import KeptList, KeyUse
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.crypto.revocation_lists import PreparedList, RevocationList
from tallystick.kernel.hashing import sha256

_SQL = RoomQueries("tallystick.authority.reference.pki")


def hold_authority(conn: Connection, authority: str) -> None:
    """Make lists of an authority one after the other, until the transaction ends."""
    _SQL.rows(conn, "hold_authority", authority=authority)


def begin_list(conn: Connection, authority: str, prepared: PreparedList) -> bool:
    """Write the intent of a list; false when that number was published meanwhile."""
    return bool(
        _SQL.run(
            conn,
            "begin_list",
            authority=authority,
            number=prepared.number,
            this_update=prepared.this_update,
            next_update=prepared.next_update,
            revoked=prepared.count,
            tbs_hash=prepared.tbs_hash,
        )
    )


def finish_list(conn: Connection, authority: str, prepared: PreparedList, der: bytes) -> bool:
    """Publish it; false when another one has its number."""
    return bool(
        _SQL.run(
            conn,
            "finish_list",
            authority=authority,
            number=prepared.number,
            tbs_hash=prepared.tbs_hash,
            list=der,
            list_hash=sha256(der),
        )
    )


def add_list(conn: Connection, authority: str, read: RevocationList, der: bytes) -> None:
    """Publish a list that was made elsewhere."""
    _SQL.run(
        conn,
        "add_list",
        authority=authority,
        number=read.number,
        this_update=read.this_update,
        next_update=read.next_update,
        revoked=len(read.revoked),
        tbs_hash=read.tbs_hash,
        list=der,
        list_hash=sha256(der),
    )


def _list(row: Row) -> KeptList:
    authority, number, this_update, next_update, revoked, tbs_hash, der, ledger_index = row
    return KeptList(
        authority=authority,
        number=number,
        this_update=this_update,
        next_update=next_update,
        revoked=revoked,
        tbs_hash=tbs_hash,
        der=der,
        ledger_index=ledger_index,
    )


def newest_list(conn: Connection, authority: str) -> KeptList | None:
    """The one that is in force."""
    row = _SQL.row(conn, "newest_list", authority=authority)
    return None if row is None else _list(row)


def newest_lists(conn: Connection) -> dict[str, KeptList]:
    """Those in force, by authority."""
    return {row[0]: _list(row) for row in _SQL.rows(conn, "newest_lists")}


def unpublished_lists(conn: Connection, most: int) -> list[KeptList]:
    """Published, and not in the ledger yet."""
    return [_list(row) for row in _SQL.rows(conn, "unpublished_lists", most=most)]


def set_list_index(conn: Connection, authority: str, number: int, index: int) -> bool:
    """Note where the ledger has it, once."""
    return bool(_SQL.run(conn, "set_list_index", authority=authority, number=number, ledger_index=index))


def begin_use(conn: Connection, key_hash: bytes, purpose: str, digest: bytes, by: str, at: datetime) -> int:
    """Write that a key is about to sign; the number of the use."""
    return int(_SQL.value(conn, "begin_use", key_hash=key_hash, purpose=purpose, digest=digest, used_by=by, at=at))


def end_use(conn: Connection, use_id: int, at: datetime) -> bool:
    """Write that it has signed."""
    return bool(_SQL.run(conn, "end_use", use_id=use_id, at=at))


def _uses(rows: list[Row]) -> list[KeyUse]:
    names = ("use_id", "key_hash", "purpose", "digest", "used_by", "begun_at", "ended_at")
    return [KeyUse(**dict(zip(names, row, strict=True))) for row in rows]


def unexplained_uses(conn: Connection) -> list[KeyUse]:
    """Signatures that no certificate and no list explains."""
    return _uses(_SQL.rows(conn, "unexplained_uses"))


def repeated_uses(conn: Connection) -> list[KeyUse]:
    """The same bytes signed more than once."""
    return _uses(_SQL.rows(conn, "repeated_uses"))


def open_uses(conn: Connection, before: datetime) -> list[KeyUse]:
    """Begun, never ended, and not known to be void."""
    return _uses(_SQL.rows(conn, "open_uses", before=before))


def unlogged_certificates(conn: Connection) -> list[tuple[int, str]]:
    """Certificates without a use of a key: number and authority."""
    return [(row[0], row[1]) for row in _SQL.rows(conn, "unlogged_certificates")]


def unlogged_lists(conn: Connection) -> list[tuple[str, int]]:
    """Lists without a use of a key: authority and number."""
    return [(row[0], row[1]) for row in _SQL.rows(conn, "unlogged_lists")]


def issued_after(conn: Connection, after: int, most: int) -> list[tuple[int, bytes, bytes]]:
    """Number, certificate and hash of the signed part, in order."""
    return [(row[0], row[1], row[2]) for row in _SQL.rows(conn, "issued_after", after=after, most=most)]


def newest_timestamp(conn: Connection) -> datetime | None:
    """The latest moment that a token bears."""
    row = _SQL.row(conn, "newest_timestamp")
    return None if row is None else row[0]


def timestamps_since(conn: Connection, since: datetime, most: int) -> int:
    """How many were begun from a moment on, counted up to ``most``."""
    return int(_SQL.value(conn, "timestamps_since", since=since, most=most))


def begin_timestamp(
    conn: Connection, serial: int, key_hash: bytes, imprint: bytes, digest: bytes, at: datetime
) -> bool:
    """Write the intent of a token; false when its serial number is another one's."""
    number = serial.to_bytes(16, "big")
    values = {"serial": number, "key_hash": key_hash, "imprint": imprint, "digest": digest, "at": at}
    return bool(_SQL.run(conn, "begin_timestamp", **values))


def end_timestamp(conn: Connection, digest: bytes, at: datetime) -> bool:
    """Write that it was signed."""
    return bool(_SQL.run(conn, "end_timestamp", digest=digest, at=at))


def open_timestamps(conn: Connection, before: datetime) -> int:
    """How many were begun and never ended."""
    return int(_SQL.value(conn, "open_timestamps", before=before))


def known_digests(conn: Connection, digests: Collection[bytes]) -> set[bytes]:
    """Which of these (SHA-256 of what was signed) are in the register of uses."""
    return {bytes(row[0]) for row in _SQL.rows(conn, "known_digests", digests=list(digests))}
