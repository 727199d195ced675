"""Erasures, wired: the ledger's entry of kind 07, the eraser's own role, and the second copy."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.mirror_erasure import closed_below, erase_in_mirror
from tallystick.authority.projections.personal.store import Order
from tallystick.authority.projections.personal.tasks import carry_out, clear_mirror
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.wire.erasure import ERASURE_MEDIA_TYPE

Connection = psycopg.Connection[Any]


@attrs.frozen(slots=True)
class Erasures:
    """The worker's duty. ``eraser`` is the connection string of the role that may do nothing but erase."""

    sequencer: Path
    eraser: str
    mirror: Path
    clock: Clock

    def work(self, conn: Connection) -> None:
        """Carry out what was approved, and clear the second copy's closed files."""
        carry_out(conn, self._append, self._erase, self.clock())
        below = closed_below(self.mirror)
        if below:
            clear_mirror(conn, below, lambda erased: erase_in_mirror(self.mirror, erased))

    def _append(self, body: bytes, order: Order) -> int:
        entry = NewEntry(
            kind=EntryKind.ERASURE,
            channel=Channel.NONE,
            body=body,
            media_type=ERASURE_MEDIA_TYPE,
            received_at_ms=unix_ms(order.ordered_at),
        )
        return append_blocking(self.sequencer, entry).index

    def _erase(self, indexes: Collection[int], by_entry: int) -> None:
        """Those that are erased already stay so."""
        with psycopg.connect(self.eraser, connect_timeout=5) as conn:
            for index in indexes:
                conn.execute("SELECT eraser.erase(%s, %s)", [index, by_entry])
