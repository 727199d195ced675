"""The PAC: six characters beside the client certificate, kept as a keyed hash, compared in constant time, few tries."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.values import PosEntry
from tallystick.authority.reference.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import hmac_sha256, same_bytes
from tallystick.kernel.limits import LIMITS

LOCKED_FOR = timedelta(minutes=LIMITS.pac_locked_minutes)


def pac_hash(secret: bytes, uid: str, pac: bytes) -> bytes:
    """HMAC-SHA256 under the server's secret; the UID makes equal PACs of two POS differ."""
    return hmac_sha256(secret, uid.encode() + b"\0" + pac)


def check_pac(secret: bytes, pos: PosEntry, pac: bytes | None, now: datetime) -> None:
    """Raises ``TS-1121`` while the POS is locked, whatever it sends, and ``TS-1120`` for no or a wrong PAC."""
    if pos.locked_until is not None and now < pos.locked_until:
        wait = int((pos.locked_until - now).total_seconds()) + 1
        raise Fault("TS-1121", detail="too many wrong PACs", retry_after_seconds=wait)
    if pac is None:
        raise Fault("TS-1120", detail="the header PAC is missing")
    if not same_bytes(pac_hash(secret, pos.uid, pac.strip()), pos.pac_hash):
        raise Fault("TS-1120", detail="the PAC is wrong")


def count_wrong(conn: Connection, uid: str, now: datetime) -> None:
    """One more wrong PAC, durable; the last that is allowed locks the POS for a while."""
    store.count_wrong_pac(conn, uid, now, most=LIMITS.pac_tries, until=now + LOCKED_FOR)
