"""What the self-check knows of settled places: each stands where its device stood, and no document is booked in it."""

from __future__ import annotations

import attrs

from tallystick.authority.ledger.findings import FindingCode, Shows, finding
from tallystick.authority.ledger.sweep_rows import Key
from tallystick.authority.ledger.sweep_standing import Standing
from tallystick.authority.ledger.sweep_tree import Report
from tallystick.kernel.faults import Fault
from tallystick.wire.settled_place import SettledPlace, read_settled_place


@attrs.define(slots=True)
class SettledPlaces:
    """The settled places that a walk has met, by device: first and last number."""

    spans: dict[Key, list[tuple[int, int]]] = attrs.Factory(dict)

    def take(
        self, key: Key, seq: int, body: bytes | None, standing: Standing | None, place: str, report: Report
    ) -> SettledPlace | None:
        """The place of an entry; none where it cannot be read, which is told."""
        try:
            settled = read_settled_place(body or b"")
        except Fault as fault:
            report(finding(FindingCode.LINK_BROKEN, place, f"it settles nothing: {fault.detail}", Shows.LOG))
            return None
        if (settled.device, settled.device) != key or settled.last != seq:
            detail = "the record names another device or number than the settled place"
            report(finding(FindingCode.RECORD_CHANGED, place, detail, Shows.LOG))
        elif standing is not None and settled.previous != standing.link:
            detail = "the settled place begins behind another link than the sequence has there"
            report(finding(FindingCode.LINK_BROKEN, place, detail, Shows.DEVICE, Shows.LOG))
        self.spans.setdefault(key, []).append((settled.first, settled.last))
        return settled

    def ends(self, key: Key, first: int, last: int) -> bool:
        """Whether these numbers of a device are one settled place."""
        return (first, last) in self.spans.get(key, ())

    def count(self, key: Key) -> int:
        """How many numbers of a device are settled."""
        return sum(last - first + 1 for first, last in self.spans.get(key, ()))
