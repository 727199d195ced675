"""The only SQL of the room: which documents refer to which, and how far that fold has come."""

from __future__ import annotations

from tallystick.authority.projections.verification.claims import Claim
from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber

_SQL = RoomQueries("tallystick.authority.projections.verification")
_CLAIMS_SHOWN = 10_000


def acked_size(conn: Connection) -> int:
    """How many entries are behind the ledger's gate."""
    return int(_SQL.value(conn, "acked_size"))


def hold_position(conn: Connection, reader: str) -> int:
    """Up to which entry a reader has come, held until the transaction ends."""
    _SQL.run(conn, "begin_reader", reader=reader)
    return int(_SQL.value(conn, "hold_position", reader=reader))


def move_position(conn: Connection, reader: str, position: int) -> None:
    """A reader has come so far."""
    _SQL.run(conn, "move_position", reader=reader, position=position)


def referring(conn: Connection, first: int, last: int) -> list[tuple[int, bytes]]:
    """Index and record of the entries of a span that refer to another document."""
    return [(row[0], bytes(row[1])) for row in _SQL.rows(conn, "referring", first=first, last=last)]


def add_claim(conn: Connection, on: SdcInvoiceNumber, log_index: int, claim: Claim) -> None:
    """Note that an entry refers to a number."""
    _SQL.run(
        conn,
        "add_claim",
        requested_by=on.requested_by,
        signed_by=on.signed_by,
        ordinal=on.ordinal,
        log_index=log_index,
        document_type=claim.document_type,
        total=claim.total.scaled,
    )


def claims_on(conn: Connection, number: SdcInvoiceNumber) -> list[Claim]:
    """What refers to a number, behind the gate."""
    rows = _SQL.rows(
        conn,
        "claims_on",
        requested_by=number.requested_by,
        signed_by=number.signed_by,
        ordinal=number.ordinal,
        limit=_CLAIMS_SHOWN,
    )
    return [Claim(row[0], Money(row[1])) for row in rows]
