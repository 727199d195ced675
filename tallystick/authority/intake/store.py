"""The three stores of the intake in SQL: refused, quarantine, evidence. A plain package never comes here."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import attrs

from tallystick.authority.ledger.entry import Channel
from tallystick.authority.room_queries import Connection, RoomQueries, Row
from tallystick.kernel.identifiers import SdcInvoiceNumber

_QUERIES = RoomQueries("tallystick.authority.intake")

UNSIGNED_PART_DIFFERS = "unsigned part differs"
TWO_DOCUMENTS = "two documents under one number"


@attrs.frozen(slots=True, kw_only=True)
class Refused:
    """A package that was refused, whole; ``code`` and ``detail`` are the true ones, ``answered`` what was told."""

    file_hash: bytes
    token_uid: str
    token_tin: str
    body: bytes
    step: int
    code: str
    detail: str
    answered: int
    at: datetime


@attrs.frozen(slots=True, kw_only=True)
class Quarantined:
    """A lawfully signed document that waits for a decision; ``turnover`` is signed, in ten-thousandths.

    ``buyer`` goes into the ledger as a commitment and is not kept beside the body; the ledger keeps ``media_type`` too.
    """

    act_hash: bytes
    body_hash: bytes
    file_hash: bytes
    body: bytes
    requested_by: str
    signed_by: str
    ordinal: int
    tin: str
    turnover: int
    step: int
    codes: list[str]
    verdict: int
    received_at: datetime
    channel: int = Channel.ESDC
    buyer: str = ""
    media_type: str = "application/json"


@attrs.frozen(slots=True)
class InQuarantine:
    """What is known of a quarantined act."""

    body_hash: bytes
    body: bytes
    verdict: int
    entry_index: int | None
    state: str


@attrs.frozen(slots=True, kw_only=True)
class Evidence:
    """A second document under one number, or a second unsigned part of one signed act."""

    act_hash: bytes
    body_hash: bytes
    kind: str
    file_hash: bytes
    body: bytes
    first_body_hash: bytes
    signed_by: str
    ordinal: int
    token_uid: str
    received_at: datetime


def keep_refused(conn: Connection, refused: Refused) -> None:
    """Keep a refused file; the same file again is counted."""
    _QUERIES.run(conn, "keep_refused", **attrs.asdict(refused))


def recent_refusals(conn: Connection, since: datetime) -> list[tuple[str, str, datetime]]:
    """UID and TIN of the sender and the moment, of refusals that count against the budget, oldest first."""
    return [(uid, tin, at) for uid, tin, at in _QUERIES.rows(conn, "recent_refusals", since=since)]


def keep_quarantined(conn: Connection, package: Quarantined) -> None:
    """Keep a package; an act that is kept already stays as it is."""
    _QUERIES.run(conn, "keep_quarantined", **attrs.asdict(package))


def quarantined(conn: Connection, act_hash: bytes) -> InQuarantine | None:
    """What is kept of an act."""
    row = _QUERIES.row(conn, "quarantined", act_hash=act_hash)
    return InQuarantine(*row) if row else None


def number_quarantined(conn: Connection, act_hash: bytes, entry_index: int) -> None:
    """Note the ledger's entry of a quarantined act."""
    _QUERIES.run(conn, "number_quarantined", act_hash=act_hash, entry_index=entry_index)


def keep_evidence(conn: Connection, evidence: Evidence) -> None:
    """Keep evidence; the same bytes again change nothing."""
    _QUERIES.run(conn, "keep_evidence", **attrs.asdict(evidence))


def evidence_index(conn: Connection, act_hash: bytes, body_hash: bytes) -> int | None:
    """The ledger's entry of kept evidence; none while it has none."""
    row = _QUERIES.row(conn, "evidence_index", act_hash=act_hash, body_hash=body_hash)
    return row[0] if row else None


def number_evidence(conn: Connection, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
    """Note the ledger's entry of evidence."""
    _QUERIES.run(conn, "number_evidence", act_hash=act_hash, body_hash=body_hash, entry_index=entry_index)


def is_doubled(conn: Connection, signed_by: str) -> bool:
    """Whether two documents under one number were seen of a signer."""
    return bool(_QUERIES.value(conn, "is_doubled", signed_by=signed_by))


def kept_ordinals(conn: Connection, signed_by: str, first: int, last: int) -> set[int]:
    """Ordinals of a signer that are in quarantine or evidence, with an entry in the ledger."""
    return {row[0] for row in _QUERIES.rows(conn, "kept_ordinals", signed_by=signed_by, first=first, last=last)}


def is_kept_apart(conn: Connection, act_hash: bytes) -> bool:
    """Whether an act is in quarantine and was not re-admitted."""
    return bool(_QUERIES.value(conn, "is_kept_apart", act_hash=act_hash))


def kept_turnover(conn: Connection, signed_by: str, first: int, last: int) -> int:
    """Sum of the amounts of fiscal receipts in quarantine, both directions counted up, in ten-thousandths.

    What was booked after all counts there, not here.
    """
    return int(_QUERIES.value(conn, "kept_turnover", signed_by=signed_by, first=first, last=last))


def acked_size(conn: Connection) -> int:
    """How many entries are behind the ledger's gate."""
    return int(_QUERIES.value(conn, "acked_size"))


def hold_position(conn: Connection, reader: str) -> int:
    """Up to which entry a reader has come, held until the transaction ends."""
    _QUERIES.run(conn, "begin_reader", reader=reader)
    return int(_QUERIES.value(conn, "hold_position", reader=reader))


def move_position(conn: Connection, reader: str, position: int) -> None:
    """A reader has come so far."""
    _QUERIES.run(conn, "move_position", reader=reader, position=position)


def referring(conn: Connection, first: int, last: int) -> list[bytes]:
    """Records of the entries of a span that refer to another document."""
    return [bytes(row[0]) for row in _QUERIES.rows(conn, "referring", first=first, last=last)]


def booked_refunds(conn: Connection, originals: Collection[SdcInvoiceNumber]) -> list[Row]:
    """Refunds of these documents behind the gate; see the room's queries."""
    names = [str(one) for one in originals]
    return _QUERIES.rows(conn, "booked_refunds", originals=names, edge=acked_size(conn))


def overview(conn: Connection, since: datetime) -> tuple[int, int, int, int]:
    """Refused, refused since a moment, undecided in quarantine, evidence."""
    row = _QUERIES.row(conn, "overview", since=since)
    assert row is not None
    refused, lately, waiting, evidence = row
    return refused, lately, waiting, evidence
