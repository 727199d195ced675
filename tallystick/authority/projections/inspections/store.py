"""The only SQL of the room: cases and evidence, how far readers have come, and questions to the ledger by key."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

import attrs
import msgspec
from psycopg.types.json import Jsonb

from tallystick.authority.projections.inspections.values import (
    Case,
    CaseKind,
    CaseState,
    Evidence,
    Seen,
    Sighting,
)
from tallystick.authority.room_queries import Connection, RoomQueries, Row

_SQL = RoomQueries("tallystick.authority.projections.inspections")


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


def was_closed(conn: Connection, evidence: Evidence) -> bool:
    """Whether an officer has closed a case about this very thing."""
    kind, matter, item = evidence.kind.value, evidence.matter, evidence.item
    return _SQL.row(conn, "was_closed", kind=kind, matter=matter, item=item) is not None


def see(conn: Connection, evidence: Evidence, at: datetime) -> int:
    """Put evidence into the open case of its matter, which is opened where there is none; the case's number."""
    case_id = int(
        _SQL.value(
            conn,
            "open_case",
            kind=evidence.kind.value,
            matter=evidence.matter,
            tin=evidence.tin,
            device=evidence.device,
            at=at,
        )
    )
    facts = Jsonb(dict(evidence.facts))
    _SQL.run(conn, "add_seen", case_id=case_id, item=evidence.item, amount=evidence.amount, facts=facts, at=at)
    return case_id


def due_cases(conn: Connection, kinds: Collection[CaseKind], before: datetime, limit: int) -> list[int]:
    """Open cases of these kinds that nobody has looked at since, the longest first, held until the transaction ends."""
    names = [kind.value for kind in kinds]
    return [row[0] for row in _SQL.rows(conn, "due_cases", kinds=names, before=before, limit=limit)]


def note_looked(conn: Connection, case_id: int, at: datetime) -> None:
    """A case was looked at again."""
    _SQL.run(conn, "note_looked", case_id=case_id, at=at)


def mark_gone(conn: Connection, seen_id: int, at: datetime) -> None:
    """What was seen is gone."""
    _SQL.run(conn, "mark_gone", seen_id=seen_id, at=at)


def vanish(conn: Connection, case_id: int, at: datetime) -> bool:
    """End a case of which nothing is left; whether that was so."""
    return _SQL.run(conn, "vanish", case_id=case_id, at=at) == 1


def lock_case(conn: Connection, case_id: int) -> CaseState | None:
    """The state of a case, held until the transaction ends."""
    row = _SQL.row(conn, "lock_case", case_id=case_id)
    return CaseState(row[0]) if row else None


def close_case(conn: Connection, case_id: int, by: str, reason: str, at: datetime) -> None:
    """An officer has closed it."""
    _SQL.run(conn, "close_case", case_id=case_id, by=by, reason=reason, at=at)


def cases(
    conn: Connection,
    *,
    case_id: int | None = None,
    state: str = "",
    kinds: Collection[CaseKind] = (),
    tin: str = "",
    before: int = 0,
    limit: int = 1,
) -> list[Case]:
    """Cases that fit, newest first."""
    names = [kind.value for kind in kinds]
    found = _SQL.rows(conn, "cases", case_id=case_id, state=state, kinds=names, tin=tin, before=before, limit=limit)
    return [_case(row) for row in found]


def _case(row: Row) -> Case:
    case_id, kind, matter, tin, device, state, opened, last_seen, amount, items, closed_at, closed_by, reason = row
    return Case(
        case_id=case_id,
        kind=CaseKind(kind),
        matter=matter,
        tin=tin,
        device=device,
        state=CaseState(state),
        opened_at=opened,
        last_seen_at=last_seen,
        amount=amount,
        items=items,
        closed_at=closed_at,
        closed_by=closed_by,
        reason=reason,
    )


def seen_in(conn: Connection, case_id: int, *, only_there: bool, limit: int) -> list[Seen]:
    """The evidence of a case in the order in which it was seen."""
    rows = _SQL.rows(conn, "seen_in", case_id=case_id, only_there=only_there, limit=limit)
    return [_seen(row) for row in rows]


def _seen(row: Row) -> Seen:
    seen_id, kind, matter, item, tin, device, amount, facts, seen_at, gone_at = row
    evidence = Evidence(
        kind=CaseKind(kind),
        matter=matter,
        item=item,
        tin=tin,
        device=device,
        amount=amount,
        facts=msgspec.json.decode(facts, type=dict[str, str]),
    )
    return Seen(seen_id=seen_id, evidence=evidence, seen_at=seen_at, gone_at=gone_at)


def open_holes(conn: Connection, after: tuple[str, str, int], limit: int) -> list[Row]:
    """Holes behind a key: signer, requester, last and first ordinal, TIN, when the document behind it came (ms)."""
    signed_by, requested_by, last = after
    return _SQL.rows(conn, "open_holes", signed_by=signed_by, requested_by=requested_by, last_ordinal=last, limit=limit)


def missing_between(
    conn: Connection, requested_by: str, signed_by: str, first: int, last: int, limit: int
) -> list[tuple[int, int]]:
    """What lacks of these ordinals, as ranges."""
    device = {"requested_by": requested_by, "signed_by": signed_by}
    rows = _SQL.rows(conn, "missing_between", **device, first=first, last=last, limit=limit)
    return [(max(first, start), min(last, end)) for start, end in rows]


def note_sighting(conn: Connection, sighting: Sighting, at: datetime) -> datetime:
    """Keep what a buyer has shown; the same again is counted. When it was shown first."""
    first_at: datetime = _SQL.value(
        conn,
        "note_sighting",
        act_hash=sighting.act_hash,
        requested_by=sighting.requested_by,
        signed_by=sighting.signed_by,
        ordinal=sighting.ordinal,
        tin=sighting.tin,
        amount=sighting.amount,
        issued_at=sighting.issued_at,
        at=at,
        at_once=sighting.at_once,
        differs=sighting.differs,
        booked_act=sighting.booked_act,
    )
    return first_at


def due_sightings(conn: Connection, before: datetime, limit: int) -> list[tuple[Sighting, datetime, int]]:
    """What buyers showed so long ago and nobody was told of: the sighting, when first, and how often."""
    names = [field.name for field in attrs.fields(Sighting)]
    rows = _SQL.rows(conn, "due_sightings", before=before, limit=limit)
    return [(Sighting(**dict(zip(names, row[:-2], strict=True))), row[-2], row[-1]) for row in rows]


def told_sighting(conn: Connection, act_hash: bytes) -> None:
    """It stands in a case."""
    _SQL.run(conn, "told_sighting", act_hash=act_hash)


def forget_sighting(conn: Connection, act_hash: bytes) -> None:
    """The document has arrived."""
    _SQL.run(conn, "forget_sighting", act_hash=act_hash)


def act_of_number(conn: Connection, requested_by: str, signed_by: str, ordinal: int) -> bytes | None:
    """The act that the ledger holds, behind its gate, under a number."""
    row = _SQL.row(conn, "act_of_number", requested_by=requested_by, signed_by=signed_by, ordinal=ordinal)
    return bytes(row[0]) if row else None
