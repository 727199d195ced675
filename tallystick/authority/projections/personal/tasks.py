"""Background work of erasures: the ledger is told first, then the bodies go, at last those in the second copy."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from datetime import datetime

from tallystick.authority.projections.personal import store
from tallystick.authority.projections.personal.store import Order
from tallystick.authority.room_queries import Connection
from tallystick.kernel.instants import unix_ms
from tallystick.wire.erasure import Erasure, write_erasure

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
    """
    done = 0
    for order in store.open_orders(conn, _ORDERS_MOST):
        erased, entry_index = store.erased_of(conn, order.request_id), order.entry_index
        if entry_index is None:
            entry_index = append(erasure_body(order, erased), order)
            store.note_entry(conn, order.request_id, entry_index)
        if entry_index >= store.acked_size(conn):
            continue  # nothing is erased before the ledger says so to everybody
        erase(erased, entry_index)
        store.note_done(conn, order.request_id, at)
        done += 1
    conn.commit()
    return done


def clear_mirror(conn: Connection, below: int, rewrite: Callable[[Mapping[int, bytes]], None]) -> int:
    """Take erased bodies out of the second copy's closed files, those of entries below ``below``; returns how many."""
    erased = store.in_mirror(conn, below, _MIRROR_MOST)
    if erased:
        rewrite(erased)
        store.out_of_mirror(conn, erased)
    conn.commit()
    return len(erased)
