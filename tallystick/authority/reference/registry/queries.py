"""What may be asked of the registry."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.authority.reference.registry import store
from tallystick.authority.reference.registry.values import AppUser, RegistryOverview, SecureElementEntry
from tallystick.authority.room_queries import Connection


def secure_element(conn: Connection, uid: str) -> SecureElementEntry | None:
    """The registered element of that UID, straight from the database."""
    return store.secure_element(conn, uid)


def user_by_name(conn: Connection, username: str) -> AppUser | None:
    """A portal user."""
    return store.user_by_name(conn, username)


def taxpayers_of_user(conn: Connection, user_id: int) -> tuple[str, ...]:
    """TINs of the taxpayers for whom a portal user may act."""
    return store.taxpayers_of_user(conn, user_id)


def owners(conn: Connection, uids: Sequence[str]) -> dict[str, str]:
    """TIN by UID, of those that are registered."""
    return store.owners(conn, uids)


def known_taxpayers(conn: Connection, tins: Sequence[str]) -> set[str]:
    """Those of the TINs that are registered."""
    return store.known_taxpayers(conn, tins)


def overview(conn: Connection) -> RegistryOverview:
    """How many are registered, by state."""
    counts = store.counts_by_state(conn)
    return RegistryOverview(
        taxpayers=store.count_taxpayers(conn),
        secure_elements=sum(counts.values()),
        active=counts.get("active", 0),
        hold=counts.get("hold", 0),
        revoked=counts.get("revoked", 0),
        closed=counts.get("closed", 0),
    )
