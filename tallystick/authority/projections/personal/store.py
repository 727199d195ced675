"""The only SQL of personal data."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries

_SQL = RoomQueries("tallystick.authority.projections.personal")


@attrs.frozen(slots=True, kw_only=True)
class Order:
    """An erasure that two officers approved; ``entry_index`` is where the ledger says so, none until it does."""

    request_id: int
    law: str
    asked_by: str
    approved_by: str
    ordered_at: datetime
    entry_index: int | None


def entry(conn: Connection, log_index: int) -> tuple[int, int, bytes, bool] | None:
    """Kind, bytes of the body, SHA-256 of the body, and whether it is behind the gate; none for no such entry."""
    row = _SQL.row(conn, "entry", log_index=log_index)
    return None if row is None else (row[0], row[1], bytes(row[2]), row[3])


def add(conn: Connection, order: Order, erased: Mapping[int, bytes]) -> None:
    """Write an order and what it names."""
    _SQL.run(
        conn,
        "add_erasure",
        request_id=order.request_id,
        law=order.law,
        asked_by=order.asked_by,
        approved_by=order.approved_by,
        at=order.ordered_at,
    )
    for log_index, body_hash in erased.items():
        _SQL.run(conn, "add_erased", request_id=order.request_id, log_index=log_index, body_hash=body_hash)


def next_order(conn: Connection, after: int) -> Order | None:
    """The first order behind a request's number that is not carried out."""
    names = ("request_id", "law", "asked_by", "approved_by", "ordered_at", "entry_index")
    row = _SQL.row(conn, "next_erasure", after=after)
    return None if row is None else Order(**dict(zip(names, row, strict=True)))


def erased_of(conn: Connection, request_id: int) -> dict[int, bytes]:
    """What an order names: index and body hash."""
    return {row[0]: bytes(row[1]) for row in _SQL.rows(conn, "erased_of", request_id=request_id)}


def note_entry(conn: Connection, request_id: int, entry_index: int) -> None:
    """The ledger says so there."""
    _SQL.run(conn, "note_entry", request_id=request_id, entry_index=entry_index)


def note_done(conn: Connection, request_id: int, at: datetime) -> None:
    """Every body is erased."""
    _SQL.run(conn, "note_done", request_id=request_id, at=at)


def acked_size(conn: Connection) -> int:
    """How many entries are behind the ledger's gate."""
    return int(_SQL.value(conn, "acked_size"))


def in_mirror(conn: Connection, below: int, limit: int) -> dict[int, bytes]:
    """Erased bodies of entries below an index that the second copy still holds."""
    return {row[0]: bytes(row[1]) for row in _SQL.rows(conn, "in_mirror", below=below, limit=limit)}


def out_of_mirror(conn: Connection, indexes: Collection[int]) -> None:
    """The second copy holds them no longer."""
    _SQL.run(conn, "out_of_mirror", indexes=list(indexes))


def entries_of_taxpayer(conn: Connection, tin: str, first: int, last: int) -> list[int]:
    """Indexes of a span that belong to a taxpayer, of any kind."""
    return [row[0] for row in _SQL.rows(conn, "entries_of_taxpayer", tin=tin, first=first, last=last)]


def of_buyer(conn: Connection, first: int, last: int, around_salt: tuple[bytes, bytes]) -> list[int]:
    """Indexes of a span whose commitments open to a buyer; ``around_salt`` as in `kernel.hashing`."""
    before, after = around_salt
    rows = _SQL.rows(conn, "of_buyer", first=first, last=last, before_salt=before, after_salt=after)
    return [row[0] for row in rows]


def with_text(conn: Connection, first: int, last: int, text: str, canonical: str) -> list[int]:
    """Indexes of a span whose bodies hold one of two texts and whose records commit to no buyer.

    National documents that lie apart are among them whatever they say: their text stands encoded in them.
    """
    texts = {"wanted": text.encode(), "canonical": canonical.encode()}
    return [row[0] for row in _SQL.rows(conn, "with_text", first=first, last=last, **texts)]


def buyer_salt(conn: Connection, log_index: int) -> bytes:
    """What opens an entry's commitment to its buyer; empty where there is none."""
    row = _SQL.row(conn, "buyer_salt", log_index=log_index)
    return b"" if row is None else bytes(row[0])
