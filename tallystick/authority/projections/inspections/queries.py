"""What may be asked about cases."""

from __future__ import annotations

from collections.abc import Collection

from tallystick.authority.projections.inspections import store
from tallystick.authority.projections.inspections.values import Case, CaseKind, CaseState, DetectorName, Seen
from tallystick.authority.room_queries import Connection

SEEN_SHOWN = 500


def cases(
    conn: Connection,
    *,
    state: CaseState | None = CaseState.OPEN,
    detector: DetectorName | None = None,
    kind: CaseKind | None = None,
    tin: str = "",
    before: int = 0,
    limit: int = 100,
) -> list[Case]:
    """Cases that fit, newest first, those below the number ``before`` only where one is given."""
    return store.cases(
        conn, state=state.value if state else "", kinds=_kinds(detector, kind), tin=tin, before=before, limit=limit
    )


def _kinds(detector: DetectorName | None, kind: CaseKind | None) -> Collection[CaseKind]:
    if kind is not None:
        return (kind,)
    return [one for one in CaseKind if one.detector is detector]


def case(conn: Connection, case_id: int) -> Case | None:
    """One case."""
    found = store.cases(conn, case_id=case_id)
    return found[0] if found else None


def evidence(conn: Connection, case_id: int, limit: int = SEEN_SHOWN) -> list[Seen]:
    """What was seen, in that order; what is gone again as well."""
    return store.seen_in(conn, case_id, only_there=False, limit=limit)
