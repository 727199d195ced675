"""The acknowledgement gate: nothing is answered before it is committed, confirmed, mirrored and signed."""

from __future__ import annotations

import attrs


@attrs.define(slots=True)
class Gate:
    """How many entries, counted from the ledger's beginning, have passed each of the three conditions."""

    replicated: int = 0
    mirrored: int = 0
    signed: int = 0

    @property
    def acked_size(self) -> int:
        """Entries below this index may be answered."""
        return min(self.replicated, self.mirrored, self.signed)

    def covers(self, index: int) -> bool:
        """Whether an answer that rests on the entry at ``index`` may leave, a repeated one too."""
        return index < self.acked_size

    def close(self) -> None:
        """After start, reconnect or a doubtful commit: nothing counts as confirmed until a barrier is."""
        self.replicated = 0
