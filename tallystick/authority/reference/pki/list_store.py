"""The SQL of trust lists."""

from __future__ import annotations

from tallystick.authority.reference.pki.values import KeptTrustList
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries("tallystick.authority.reference.pki")


def hold_trust_lists(conn: Connection) -> None:
    """Make them one after the other, until the transaction ends."""
    _SQL.rows(conn, "hold_trust_lists")


def begin_trust_list(conn: Connection, kept: KeptTrustList) -> bool:
    """Write the intent of a list; false when that number was published meanwhile."""
    return bool(
        _SQL.run(
            conn,
            "begin_trust_list",
            number=kept.number,
            facts_hash=kept.facts_hash,
            issued_at=kept.issued_at,
            next_update=kept.next_update,
            digest=kept.digest,
        )
    )


def finish_trust_list(conn: Connection, number: int, digest: bytes, text: str) -> bool:
    """Publish it; false when another one has its number."""
    return bool(_SQL.run(conn, "finish_trust_list", number=number, digest=digest, list=text))


def newest_trust_list(conn: Connection) -> KeptTrustList | None:
    """The one in force."""
    row = _SQL.row(conn, "newest_trust_list")
    return None if row is None else _kept(row)


def unpublished_trust_lists(conn: Connection, most: int) -> list[KeptTrustList]:
    """Signed, and not in the ledger yet."""
    return [_kept(row) for row in _SQL.rows(conn, "unpublished_trust_lists", most=most)]


def set_trust_list_index(conn: Connection, number: int, index: int) -> bool:
    """Note where the ledger has it, once."""
    return bool(_SQL.run(conn, "set_trust_list_index", number=number, ledger_index=index))


def _kept(row: Row) -> KeptTrustList:
    number, facts_hash, issued_at, next_update, digest, text, ledger_index = row
    return KeptTrustList(
        number=number,
        facts_hash=facts_hash,
        issued_at=issued_at,
        next_update=next_update,
        digest=digest,
        text=text,
        ledger_index=ledger_index,
    )
