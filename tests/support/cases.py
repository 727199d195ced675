"""Cases put into the room as a detector would: for pages and commands, which only show them."""

from __future__ import annotations

from datetime import datetime

import psycopg

from tallystick.authority.projections.inspections import store
from tallystick.authority.projections.inspections.values import CaseKind, Evidence
from tallystick.ops.schema.roles import INTAKE, as_role


def open_cases(dsn: str, at: datetime) -> list[int]:
    """Two cases of two taxpayers; their numbers."""
    device = "ABCD1234-ABCD1234"
    shown = {"firstShown": at.isoformat(), "issued": at.isoformat(), "ordinal": "17", "times": "3", "act": "00" * 32}
    evidence = (
        Evidence(
            kind=CaseKind.SEEN_BY_BUYER,
            matter=device,
            item="number 17, act 0000",
            tin="123456789",
            device=device,
            amount=12_345_000,
            facts=shown,
        ),
        Evidence(
            kind=CaseKind.ROWS_MISSING,
            matter="WXYZ9876-WXYZ9876",
            item="entry 4711",
            tin="987654321",
            device="WXYZ9876-WXYZ9876",
            facts={"entry": "4711", "why": "without record, device link"},
        ),
    )
    with psycopg.connect(as_role(dsn, INTAKE)) as conn:
        return [store.see(conn, one, at) for one in evidence]
