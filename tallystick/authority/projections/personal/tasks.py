"""Background work of erasures: the ledger is told first, then the bodies go, at last those in the second copy."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

import psycopg

from tallystick.authority.projections.personal import store
from tallystick.authority.projections.personal.store import Order
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import unix_ms
from tallystick.wire.erasure import Erasure, write_erasure

log = logging.getLogger(__name__)
_ORDERS_MOST = 20
_MIRROR_MOST = 1_000


def erasure_body(order: Order, erased: Mapping[int, bytes]) -> bytes:
    """The body of the entry of kind 07: the same bytes whenever it is made again."""
    return write_erasure(
        Erasure(
            law=order.law,
            asked_by=order.asked_by,
            approved_by=order.approved_by,
            at_ms=unix_ms(order.ordered_at),
            request=order.request_id,
            erased={index: digest.hex() for index, digest in erased.items()},
        )
    )


def carry_out(
    conn: Connection, append: Callable[[bytes, Order], int], erase: Callable[[Collection[int], int], None], at: datetime
) -> int:
    """Carry approved erasures out; returns how many ended. Whatever was interrupted goes on the next time.

    ``append`` enters the body in the ledger and gives its index; ``erase`` makes the tombstones of (entries, by entry).
    Both may be done twice. No transaction is open meanwhile, and an order that fails stops no other.
    """
    done, after = 0, 0
    while done < _ORDERS_MOST and (order := store.next_order(conn, after)) is not None:
        after = order.request_id
        try:
            done += _carry_out(conn, order, append, erase, at)
        except psycopg.Error as error:
            conn.rollback()
            log.warning("an erasure is put off: %s", error, extra={"request": order.request_id})
    conn.commit()
    return done


def _carry_out(
    conn: Connection,
    order: Order,
    append: Callable[[bytes, Order], int],
    erase: Callable[[Collection[int], int], None],
    at: datetime,
) -> bool:
    """One order, as far as it can go now; whether it ended."""
    erased, entry_index = store.erased_of(conn, order.request_id), order.entry_index
    conn.commit()
    if entry_index is None:
        entry_index = append(erasure_body(order, erased), order)
        store.note_entry(conn, order.request_id, entry_index)
    behind_the_gate = entry_index < store.acked_size(conn)
    conn.commit()
    if not behind_the_gate:
        return False  # nothing is erased before the ledger says so to everybody
    erase(erased, entry_index)
    store.note_done(conn, order.request_id, at)
    conn.commit()
    return True


def clear_mirror(
    conn: Connection, below: int, rewrite: Callable[[Mapping[int, bytes]], Iterable[Collection[int]]]
) -> int:
    """Take erased bodies out of the second copy's closed files, those of entries below ``below``; returns how many.

    ``rewrite`` does it file by file and gives the entries that are out. Each file is noted by itself, and none is
    written while a transaction is open, so an interruption costs one file.
    """
    erased = store.in_mirror(conn, below, _MIRROR_MOST)
    conn.commit()
    cleared = 0
    for indexes in rewrite(erased) if erased else ():
        store.out_of_mirror(conn, indexes)
        conn.commit()
        cleared += len(indexes)
    return cleared
