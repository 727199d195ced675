"""Builds in memory: what is asked at each connection, without SQL. Refreshed by `reference.following`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from tallystick.authority.reference.builds import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.builds import CERTIFICATION, BuildClass, BuildState, Certification, require_fit


class BuildDirectory:
    """Class and state of every build; replaced whole at a refresh, for they are few."""

    channel = "builds"

    def __init__(self, certification: Mapping[BuildClass, Certification] = CERTIFICATION) -> None:
        self._certification = certification
        self._standings: dict[str, tuple[BuildClass, BuildState]] = {}
        self._withdrawals: dict[str, datetime] = {}

    def refresh(self, conn: Connection) -> None:
        """Read all of them again."""
        self._withdrawals = store.withdrawals(conn)
        self._standings = store.standings(conn)

    def known(self, build_id: str) -> str:
        """The same id when such a build was ever submitted, else empty: nothing unknown is kept."""
        return build_id if build_id in self._standings else ""

    def withdrawn_at(self, build_id: str) -> datetime | None:
        """Since when a build is suspended or revoked; none for one that is not, or that nobody certified."""
        return self._withdrawals.get(build_id)

    def standing(self, build_id: str) -> tuple[BuildClass, BuildState] | None:
        """Class and state of a build, none for one that nobody submitted."""
        return self._standings.get(build_id)

    def require(self, wanted: BuildClass, build_id: str) -> None:
        """Refuse a device of a class that proves this build (empty: none) with ``TS-2406`` when it may not serve."""
        found, state = self._standings.get(build_id, (None, None))
        require_fit(self._certification[wanted], wanted, found, state)
