"""What records add up to: what no seal covers yet, the last seal, and whether the memory is closed."""

from __future__ import annotations

import attrs

from tallystick.kernel.limits import LIMITS
from tallystick.wire.worm import RecordKind
from tallystick.wire.worm_contents import SealStatement, read_seal

SALES = frozenset({RecordKind.DOCUMENT, RecordKind.Z_REPORT})
"""Kinds that wait when a seal is due."""


@attrs.define(slots=True)
class Tally:
    """A running sum over records in their order."""

    unsealed: int = 0
    last_seal: SealStatement | None = None
    closed: bool = False

    def take(self, kind: RecordKind, data: bytes) -> None:
        """Add the next record; raises ``TS-3203`` for a seal of another form."""
        if kind is RecordKind.SEAL:
            self.last_seal = read_seal(data).statement
            self.unsealed = 0
            return
        self.unsealed += 1
        self.closed = self.closed or kind is RecordKind.CLOSURE

    @property
    def seal_due(self) -> bool:
        """Whether the next document has to wait for a seal."""
        return self.unsealed >= LIMITS.worm_records_between_seals
