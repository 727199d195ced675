"""What may be asked of the offline channel."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.channels.ecr.batches.values import Batch, Contact, NumberState, Part
from tallystick.authority.room_queries import Connection
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault


def batch(conn: Connection, uid: str, batch_id: bytes) -> Batch:
    """A batch of a device; raises ``TS-3282``."""
    found = store.batch(conn, uid, batch_id)
    if found is None:
        raise Fault("TS-3282", detail="no such batch of this device")
    return found


def parts(conn: Connection, uid: str, batch_id: bytes) -> list[Part]:
    """The parts of a batch that are here, without the hashes of their documents."""
    return store.parts_here(conn, uid, batch_id)


def contact(conn: Connection, uid: str) -> Contact | None:
    """When a device was heard of last, and what it says that it holds back."""
    return store.contact(conn, uid)


def number_state(
    conn: Connection, uid: str, sequence: int, made_at: datetime, rules: ChannelRules, now: datetime
) -> NumberState:
    """What an offline document is that is neither in the ledger nor apart.

    Overdue is it where the limit has passed since it was made, by its own word, or since its device, which must hold
    it back, was heard of last.
    """
    if store.number_in_parts(conn, uid, sequence) is not None:
        return NumberState.ARRIVING
    known = store.contact(conn, uid)
    since = made_at if known is None else min(made_at, known.at)
    return NumberState.OVERDUE if now - since > rules.offline_limit else NumberState.PENDING
