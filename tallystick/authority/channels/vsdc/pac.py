"""The PAC: six characters beside the client certificate, kept as a keyed hash, compared in constant time, few tries."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.values import PosEntry
from tallystick.authority.room_queries import Connection
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


class TriesSince:
    """Wrong PACs that the view in memory does not know of yet: many at once are not more tries than some in a row.

    Each of several processes has its part of the tries that are left, and at least one.
    """

    def __init__(self, processes: int = 1) -> None:
        self._processes = processes
        self._wrong: dict[str, tuple[PosEntry, int]] = {}

    def check(self, pos: PosEntry) -> None:
        """Raises ``TS-1121`` when all tries since the view's state are used up; it will say so in a moment itself."""
        seen, wrong = self._wrong.get(pos.uid, (pos, 0))
        if seen is not pos:
            del self._wrong[pos.uid]
            return
        allowed = 1 if pos.locked_until is not None else LIMITS.pac_tries - pos.wrong_pacs
        if wrong >= max(allowed // self._processes, 1):
            raise Fault("TS-1121", detail="too many wrong PACs", retry_after_seconds=1)

    def count(self, pos: PosEntry) -> None:
        """One more, at once."""
        seen, wrong = self._wrong.get(pos.uid, (pos, 0))
        self._wrong[pos.uid] = pos, (wrong if seen is pos else 0) + 1


def count_wrong(conn: Connection, uid: str, now: datetime) -> None:
    """One more wrong PAC, durable; the last that is allowed locks the POS for a while."""
    store.count_wrong_pac(conn, uid, now, most=LIMITS.pac_tries, until=now + LOCKED_FOR)
