"""Erasures, wired: the ledger's entry of kind 07, the eraser's own role, and the second copy."""

from __future__ import annotations

from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.mirror_erasure import closed_below, erase_in_mirror
from tallystick.authority.ledger.queries import erasure_orders
from tallystick.authority.projections.personal.store import Order
from tallystick.authority.projections.personal.tasks import carry_out, clear_mirror
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.wire.erasure import ERASURE_MEDIA_TYPE, read_erasure

Connection = psycopg.Connection[Any]
_ERASE = "SELECT eraser.erase(%s, %s)"


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
                conn.execute(_ERASE, [index, by_entry])


def erase_again(conn: Connection, eraser: str, tell: Callable[[str], None]) -> int:
    """After a restore: carry out anew what the ledger's own entries of kind 07 order; returns how many bodies went.

    What is erased already stays so. An order that is not behind the gate yet is told; the next call does it.
    """
    erased = 0
    with psycopg.connect(eraser, autocommit=True, connect_timeout=5) as hand:
        for by_entry, body in erasure_orders(conn):
            try:
                for index in read_erasure(body).erased:
                    row = hand.execute(_ERASE, [index, by_entry]).fetchone()
                    erased += bool(row and row[0])
            except (psycopg.Error, Fault) as error:
                tell(f"the erasure that entry {by_entry} orders is put off: {error}")
    return erased


def clear_mirror_again(conn: Connection, mirror: Path) -> int:
    """The same for the closed files of the second copy; returns of how many entries the bodies are out."""
    orders = [read_erasure(body).erased for _, body in erasure_orders(conn)]
    erased = {index: bytes.fromhex(digest) for order in orders for index, digest in order.items()}
    return sum(len(out) for out in erase_in_mirror(mirror, erased)) if erased else 0
