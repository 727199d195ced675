"""What agreements ask of the registry, which they do not know; the assembly hands it in."""

from __future__ import annotations

from typing import Protocol

from tallystick.authority.room_queries import Connection


class Taxpayers(Protocol):
    """The registry's taxpayers."""

    def __call__(self, conn: Connection, tin: str) -> object | None:
        """The registered taxpayer of that TIN, or none."""
