"""The registry and the builds as the commands to devices see them: the port of one room over others."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import psycopg

from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.builds import queries as builds
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries
from tallystick.authority.reference.registry.registering import require_acts_for
from tallystick.authority.reference.remote import many
from tallystick.authority.reference.remote.ports import Device, Selection
from tallystick.kernel.builds import BuildClass, Certification, require_fit
from tallystick.kernel.device_policy import BUILD_CLASS, DeviceClass

Connection = psycopg.Connection[Any]
_FOR_HIMSELF = frozenset({"taxpayer"})


class RegistryOfCommands:
    """`ports.Devices` of the room `remote`."""

    def device(self, conn: Connection, uid: str) -> Device | None:
        """See the port."""
        return queries.fiscal_device(conn, uid)

    def selected(self, conn: Connection, by: Selection, name: str, most: int) -> list[str]:
        """See the port."""
        match by:
            case Selection.TAXPAYER:
                return queries.devices_of(conn, tin=name, most=most) if name else []
            case Selection.MAKER:
                return queries.devices_of(conn, maker=name, most=most) if name else []
            case Selection.BUILD:
                return builds.devices_with(conn, name, most=most)

    def registered_before(self, conn: Connection, after: str, before: datetime, most: int) -> list[str]:
        """See the port."""
        return queries.devices_registered_before(conn, after, before, most)

    def require_acts_for(self, conn: Connection, person: Person, tin: str) -> None:
        """See the port."""
        require_acts_for(conn, person, tin, _FOR_HIMSELF)

    def require_build(self, conn: Connection, build_id: str, device_class: int | None) -> None:
        """See the port."""
        found = builds.build(conn, build_id)
        built_for, state = (None, None) if found is None else (found.build_class, found.state)
        wanted = built_for if device_class is None else BUILD_CLASS[DeviceClass(device_class)]
        require_fit(Certification.REQUIRED, wanted or BuildClass.SOFTWARE_REGISTER, built_for, state)

    def hold(self, conn: Connection, uid: str, at: datetime, reason: str, by: str) -> None:
        """See the port."""
        registry.hold_device(conn, uid, at, reason, by)

    def release(self, conn: Connection, uid: str, at: datetime, reason: str, by: str) -> None:
        """See the port."""
        registry.release_device(conn, uid, at, reason, by)


DEVICES = RegistryOfCommands()


def give_many(conn: Connection, request: Request, at: datetime) -> None:
    """Carry out what two officers agreed on."""
    many.give_many(conn, DEVICES, request, at)
