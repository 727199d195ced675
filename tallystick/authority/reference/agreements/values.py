"""An agreement as a value."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.kernel.identifiers import Tin


@attrs.frozen(slots=True, kw_only=True)
class Agreement:
    """Of a taxpayer with the operator; in force from ``since`` on and before ``until``, which may be open."""

    number: str
    tin: Tin
    since: datetime
    until: datetime | None
    concluded_by: str
    concluded_at: datetime
    ended_by: str = ""
    end_reason: str = ""

    def in_force(self, at: datetime) -> bool:
        """Whether it binds at that moment."""
        return self.since <= at and (self.until is None or at < self.until)
