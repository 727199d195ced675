"""What commands ask of the registry and of the builds, which this room does not know; the assembly hands it in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_policy import DeviceState


class Selection(StrEnum):
    """Which devices a command to many is for: all of a taxpayer, of a maker, or that last proved a build."""

    TAXPAYER = "taxpayer"
    MAKER = "maker"
    BUILD = "build"


class Device(Protocol):
    """A device of the national channels as the registry has it."""

    @property
    def uid(self) -> str:
        """Its eight characters."""

    @property
    def device_class(self) -> int:
        """The number of its class."""

    @property
    def tin(self) -> str:
        """Its taxpayer."""

    @property
    def state(self) -> DeviceState:
        """Whether it may fiscalise."""


class Devices(Protocol):
    """Devices and their states; all in the caller's transaction."""

    def device(self, conn: Connection, uid: str) -> Device | None:
        """The registered device of that UID."""

    def selected(self, conn: Connection, by: Selection, name: str, most: int) -> list[str]:
        """UIDs of devices that are not closed, in order, at most so many."""

    def registered_before(self, conn: Connection, after: str, before: datetime, most: int) -> list[str]:
        """UIDs of devices that are not closed and were registered before a moment, a page behind one, in order."""

    def require_acts_for(self, conn: Connection, person: Person, tin: str) -> None:
        """Raise ``TS-4003`` unless the person may decide for that taxpayer."""

    def require_build(self, conn: Connection, build_id: str, device_class: int | None) -> None:
        """Raise ``TS-2406`` unless the build is certified and, where a class is named, made for it."""

    def hold(self, conn: Connection, uid: str, at: datetime, reason: str, by: str) -> None:
        """Let it fiscalise nothing; on hold already, nothing changes."""

    def release(self, conn: Connection, uid: str, at: datetime, reason: str, by: str) -> None:
        """Take it off hold; active already, nothing changes."""
