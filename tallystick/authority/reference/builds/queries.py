"""What may be asked about makers and builds."""

from __future__ import annotations

from tallystick.authority.reference.builds import store
from tallystick.authority.reference.builds.values import Build, Decision, Maker
from tallystick.authority.room_queries import Connection


def makers(conn: Connection) -> list[Maker]:
    """All makers, by name."""
    return store.makers(conn)


def maker_of_user(conn: Connection, user_id: int) -> Maker | None:
    """The maker for whom a user of the pages acts."""
    return store.maker_of_user(conn, user_id)


def builds(conn: Connection, *, maker: str | None = None, limit: int = 200) -> list[Build]:
    """Builds of a maker or of all, those that wait for an officer first, then the newest."""
    return store.builds(conn, maker, limit)


def build(conn: Connection, build_id: str) -> Build | None:
    """One build."""
    return store.build(conn, build_id)


def decisions(conn: Connection, build_id: str) -> list[Decision]:
    """What was decided about a build, oldest first."""
    return store.decisions(conn, build_id)


def manifest(conn: Connection, build_id: str) -> bytes | None:
    """The exact bytes that the maker signed."""
    return store.manifest(conn, build_id)


def devices_with(conn: Connection, build_id: str, *, most: int) -> list[str]:
    """UIDs of devices that last proved this build, in order."""
    return store.devices_with(conn, build_id, most)
