"""What may be done with rules: adopt one."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.reference.rules import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.hashing import sha256


def take_turns(conn: Connection, subject: str) -> None:
    """Hold a subject until the transaction ends: what is read of its rule from now on is not overtaken by `adopt`."""
    store.take_turns(conn, subject)


def adopt(conn: Connection, subject: str, content: bytes, by: str, at: datetime) -> int | None:
    """Write down that a rule has this content (canonical JSON) from an aware moment on; the number of the adoption.

    None when it has exactly this content already. ``by`` is the actor as the activity log names him.
    """
    store.take_turns(conn, subject)
    before = store.newest(conn, subject)
    if before is not None and before.content == content:
        return None
    number = 1 if before is None else before.number + 1
    store.add(conn, subject, number, content, at)
    act = Act(
        at=at,
        actor=by,
        verb="rules.adopt",
        object=f"{subject} {number}",
        before="" if before is None else sha256(before.content).hex(),
        after=sha256(content).hex(),
    )
    activity.record(conn, act)
    return number
