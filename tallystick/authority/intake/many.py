"""Many documents of one device at once: what lies apart of it as two officers see it, and asking for a decision.

A batch of a revoked register lies apart document by document, thousands of them. What both officers saw is what is
decided: the extent is fixed by numbers and by the last entry that had arrived, and a hash over all that lies in it goes
through question, approval and carrying out. What arrives later is in none of them.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.intake import anchors, many_store
from tallystick.authority.intake.anchors import CardCounters
from tallystick.authority.intake.held import Decision
from tallystick.authority.intake.many_store import Extent
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money

DECIDE_MANY = "quarantine.decide-many"
"""The deed; its object is the device's UID, so that one decision about many of it is open at a time."""
NUMBER_MOST = 2**63 - 1
_UID_LENGTH = 8
_CODES_SHOWN = 10


@attrs.frozen(slots=True, kw_only=True)
class Many:
    """Documents of a device that wait. ``older``: how many of them arrival or chain show to be older than the
    revocation of their signer; what else may show it is looked at document by document when it is carried out."""

    extent: Extent
    count: int
    turnover: Money
    first_at: datetime | None
    last_at: datetime | None
    codes: dict[str, int]
    revoked_at: datetime | None
    older: int
    digest: bytes

    @property
    def content(self) -> dict[str, str]:
        """What two officers agree about."""
        said = {
            "device": self.extent.uid,
            "first": str(self.extent.first),
            "last": str(self.extent.last),
            "documents": str(self.count),
            "turnover": str(self.turnover),
            "arrived": " to ".join(f"{at:%Y-%m-%d %H:%M:%S}" for at in (self.first_at, self.last_at) if at),
            "codes": counted(dict(list(self.codes.items())[:_CODES_SHOWN])),
            "revoked": f"{self.revoked_at:%Y-%m-%d %H:%M:%S}" if self.revoked_at else "",
            "older": str(self.older) if self.revoked_at else "",
            "edge": str(self.extent.edge),
            "hash": self.digest.hex(),
        }
        return {name: words for name, words in said.items() if words}


def counted(codes: dict[str, int]) -> str:
    """Codes with their numbers, one line for people."""
    return ", ".join(f"{code}: {count}" for code, count in codes.items())


def look(conn: Connection, counters: CardCounters, uid: str, first: int = 0, last: int = NUMBER_MOST) -> Many:
    """What waits of a device now, between two numbers; raises ``TS-4003`` where nothing does."""
    extent = many_store.extent(conn, uid, first, last) if _is_uid(uid) and 0 <= first <= last <= NUMBER_MOST else None
    if extent is None:
        raise Fault("TS-4003", detail="no document of this device waits there for a decision")
    return look_again(conn, counters, extent)


def look_again(conn: Connection, counters: CardCounters, extent: Extent) -> Many:
    """What waits of that which was seen before; nothing that arrived since. Raises ``TS-4003`` as `look` does."""
    kept = many_store.kept(conn, extent) if _is_uid(extent.uid) else None
    if kept is None or not kept.count:
        raise Fault("TS-4003", detail="no document of this device waits there for a decision")
    revoked_at, older = anchors.older(conn, counters, extent.uid, many_store.arrived(conn, extent))
    return Many(
        extent=extent,
        count=kept.count,
        turnover=Money(kept.turnover),
        first_at=kept.first_at,
        last_at=kept.last_at,
        codes=many_store.codes(conn, extent),
        revoked_at=revoked_at,
        older=older,
        digest=kept.digest,
    )


def ask(conn: Connection, by: Person, seen: Many, decision: Decision, reason: str, at: datetime) -> int:
    """Ask for a decision about what somebody has seen; the request's number.

    Raises ``TS-4007`` (something else lies there by now: look again), ``TS-4004`` (such a decision is in work), and
    what ``approvals.ask`` raises.
    """
    if many_store.is_in_work(conn, seen.extent.uid):
        raise Fault("TS-4004", detail="a decision about many documents of this device is being carried out")
    check_unchanged(conn, seen.extent, seen.digest)
    return approvals.ask(
        conn, DECIDE_MANY, seen.extent.uid, seen.content | {"decision": decision.value}, reason, by, at
    )


def check_unchanged(conn: Connection, extent: Extent, digest: bytes) -> None:
    """Raises ``TS-4007`` where other documents lie there than those that were seen; decided ones count as well."""
    if many_store.kept(conn, extent).digest != digest:
        raise Fault("TS-4007", detail="other documents lie there than those that were seen: look again, and ask anew")


def _is_uid(text: str) -> bool:
    return len(text) == _UID_LENGTH and text.isascii() and text.isalnum()
