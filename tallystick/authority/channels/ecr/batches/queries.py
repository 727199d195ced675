"""What may be asked of the offline channel."""

from __future__ import annotations

from tallystick.authority.channels.ecr.batches import store
from tallystick.authority.channels.ecr.batches.values import Batch, Contact, Part
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import read_signed


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


def has_reported(conn: Connection, uid: str, sequence: int) -> bool:
    """Whether a head report of the device has reached a number."""
    return any(reported >= sequence for reported, _ in store.heads(conn, uid))


def is_here(conn: Connection, uid: str, sequence: int, act_hash: bytes) -> bool:
    """Whether this very document has come with a part of a batch that is not booked yet."""
    return any(read_signed(compact).act_hash == act_hash for compact in store.documents_in_parts(conn, uid, sequence))
