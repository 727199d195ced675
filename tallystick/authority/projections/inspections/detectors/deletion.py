"""D-DEL: is every document that was numbered still here? Trusts neither the database nor who runs it.

The rows of each entry and the size of the log, ordinals that never came although later ones did (K-13), and audits of
cards whose packages never came.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

import attrs

from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.ledger.sweep_keys import number_of
from tallystick.authority.ledger.sweep_rows import read_identities
from tallystick.authority.projections.inspections import store
from tallystick.authority.projections.inspections.ports import Audits, KeptApart, WaitingAudit
from tallystick.authority.projections.inspections.reading import (
    Entry,
    Pace,
    entries,
    is_erased,
    links_of,
    next_span,
    span_again,
)
from tallystick.authority.projections.inspections.values import CaseKind, DetectorName, Evidence
from tallystick.authority.room_queries import Connection
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.ordinal_ranges import count, without

AGAIN_MOST = 1_000
HOLES_MOST = 500
_FROM_START = ("", "", 0)
_DOCUMENT = str(int(EntryKind.DOCUMENT))
Ranges = list[tuple[int, int]]


@attrs.define(slots=True)
class Deletion:
    """Looks for what is gone. ``_after`` is the key of the hole that was looked at last; a restart begins anew."""

    audits: Audits
    apart: KeptApart
    limits: InspectionLimits
    name: DetectorName = DetectorName.DELETION
    _pace: Pace = attrs.field(factory=Pace, init=False)
    _after: tuple[str, str, int] = attrs.field(default=_FROM_START, init=False)

    def findings(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        """New entries; now and then a piece of the old ones, a page of holes, and the audits that wait."""
        yield from _shrunk(conn, at)
        new = next_span(conn, "D-DEL new", self._pace)
        yield from _rows_missing(conn, list(entries(conn, new.first, new.last)))
        if not self._pace.is_due(at, backlog=not new.is_all):
            return
        yield from _rows_missing(conn, list(entries(conn, *span_again(conn, "D-DEL again", AGAIN_MOST))))
        yield from self._holes(conn, at)
        for audit in self.audits.waiting(conn):
            if audit.missing and audit.received_at + self.limits.arrival <= at:
                yield _incomplete(audit)

    def holds(self, conn: Connection, evidence: Evidence, at: datetime) -> bool:
        """Look again at the very thing."""
        facts = evidence.facts
        if evidence.kind is CaseKind.NUMBERS_MISSING:
            requested_by, _, signed_by = evidence.device.partition("-")
            return bool(self._lacking(conn, requested_by, signed_by, int(facts["first"]), int(facts["last"])))
        if evidence.kind is CaseKind.AUDIT_INCOMPLETE:
            waiting = {(one.uid, str(one.total_counter)) for one in self.audits.waiting(conn) if one.missing}
            return (evidence.matter, facts["totalCounter"]) in waiting
        if "size" in facts:
            return True  # a log that has grown again has other entries there; an officer decides
        index = int(facts["entry"])
        return any(True for _ in _rows_missing(conn, list(entries(conn, index, index + 1))))

    def _holes(self, conn: Connection, at: datetime) -> Iterator[Evidence]:
        """Ordinals that lack although a later one came long ago."""
        rows = store.open_holes(conn, self._after, HOLES_MOST)
        self._after = (rows[-1][0], rows[-1][1], rows[-1][2]) if len(rows) == HOLES_MOST else _FROM_START
        for signed_by, requested_by, last, first, tin, later_ms in rows:
            if later_ms is not None and from_unix_ms(later_ms) + self.limits.arrival > at:
                continue
            lacking = self._lacking(conn, requested_by, signed_by, first, last)
            if lacking:
                device = f"{requested_by}-{signed_by}"
                facts = {"first": str(first), "last": str(last), "numbers": str(count(tuple(lacking)))}
                yield Evidence(
                    kind=CaseKind.NUMBERS_MISSING,
                    matter=device,
                    item=f"numbers {first} to {last}",
                    tin=tin,
                    device=device,
                    facts=facts,
                )

    def _lacking(self, conn: Connection, requested_by: str, signed_by: str, first: int, last: int) -> Ranges:
        """What of these ordinals is neither booked nor kept apart."""
        missing = store.missing_between(conn, requested_by, signed_by, first, last, HOLES_MOST)
        return list(without(missing, self.apart.ordinals(conn, signed_by, first, last))) if missing else []


def _shrunk(conn: Connection, at: datetime) -> Iterator[Evidence]:
    """The log has fewer entries than this reader has seen. Told once a time: the reader then goes back."""
    seen, size = store.hold_position(conn, "D-DEL new"), store.acked_size(conn)
    if size < seen:
        facts = {"size": str(seen), "why": f"the log had {seen} entries and has {size}"}
        item = f"size {seen}, {at:%Y-%m-%d %H:%M:%S}"
        yield Evidence(kind=CaseKind.ROWS_MISSING, matter="ledger", item=item, facts=facts)


def _rows_missing(conn: Connection, span: list[Entry]) -> Iterator[Evidence]:
    links = links_of(conn, span)
    documents = [entry for entry in span if entry.index in links and _is_document(entry)]
    numbers, _ = read_identities(conn, [number_of(one.record) for one in documents if one.record is not None], [])
    numbered = {number.log_index for number in numbers.values()}
    unnumbered = {entry.index for entry in documents} - numbered
    for entry in span:
        lacking = list(_lacks(entry, erased=is_erased(conn, entry)))
        lacking += [
            f"{shows} link"
            for shows, link in links.get(entry.index, {}).items()
            if link is None or link.log_index != entry.index
        ]
        lacking += ["number"] if entry.index in unnumbered else []
        if lacking:
            yield Evidence(
                kind=CaseKind.ROWS_MISSING,
                matter=entry.matter,
                item=entry.item,
                tin=entry.tin,
                device=entry.device,
                amount=entry.amount,
                facts={"entry": str(entry.index), "why": f"without {', '.join(lacking)}"},
            )


def _is_document(entry: Entry) -> bool:
    return entry.record is not None and entry.record.kind == _DOCUMENT


def _lacks(entry: Entry, *, erased: bool) -> Iterator[str]:
    if entry.row is None:
        yield "leaf"
        return
    if entry.row.record is None:
        yield "record"
    if not entry.row.body and not erased:
        yield "body"


def _incomplete(audit: WaitingAudit) -> Evidence:
    return Evidence(
        kind=CaseKind.AUDIT_INCOMPLETE,
        matter=audit.uid,
        item=f"audit up to {audit.total_counter}",
        device=f"{audit.uid}-{audit.uid}",
        facts={"totalCounter": str(audit.total_counter), "numbers": str(count(audit.missing))},
    )
