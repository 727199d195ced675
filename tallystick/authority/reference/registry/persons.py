"""Who may act: a user of the registry as one person of four eyes, from the pages or from a shell."""

from __future__ import annotations

from collections.abc import Collection

from tallystick.authority.oversight.approvals.values import OFFICER, Person, account_of
from tallystick.authority.reference.registry import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault

OFFICERS = frozenset({OFFICER})


def person(conn: Connection, username: str, came_from: str, roles: Collection[str] = OFFICERS) -> Person:
    """An active user in one of these roles, as he came in.

    Raises ``TS-4003`` where there is none, and ``TS-4021`` at a shell whose account is another user's own: an account
    that bears a user's name is his, and speaks for nobody else.
    """
    user = store.user_by_name(conn, username)
    if user is None or not user.is_active or user.role not in roles:
        raise Fault("TS-4003", detail=f"no such {' or '.join(sorted(roles))}".replace("_", " "))
    account = account_of(came_from)
    if account and account != username and store.user_by_name(conn, account) is not None:
        raise Fault("TS-4021", detail=f"this is the account of {account}, who cannot act as {username}")
    return Person(username, came_from, user.role)
