"""A rule as it was adopted."""

from __future__ import annotations

from datetime import datetime

import attrs

ALGORITHMS = "algorithms"
TAX_RATES = "tax-rates"


@attrs.frozen(slots=True)
class Adoption:
    """The whole content of one rule (canonical JSON) from a moment on, and its entry in the ledger."""

    subject: str
    number: int
    content: bytes
    adopted_at: datetime
    entry_index: int | None
