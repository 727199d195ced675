"""Remote control of registers from a shell of the authority's machine: commands, and the log of a device."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any

import attrs
import psycopg

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.projections.devicelog import queries as devicelog
from tallystick.authority.projections.devicelog.values import LogPage, read_cursor
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.persons import person
from tallystick.authority.reference.remote import many, operations
from tallystick.authority.reference.remote.ports import Selection
from tallystick.authority.reference.remote.values import GivenCommand
from tallystick.authority.reference.taxrates import queries as taxrates
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import RateChange, Wanted, rate_change
from tallystick.kernel.faults import Fault
from tallystick.ops.database import open_database
from tallystick.ops.override_desk import shell
from tallystick.ops.packs import load_pack
from tallystick.ops.remote_devices import DEVICES
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

Connection = psycopg.Connection[Any]
_WHO = operations.WHO_COMMANDS | {"taxpayer"}


@attrs.frozen(slots=True, kw_only=True)
class DeviceDesk:
    """The deeds of one shell; each is a transaction. They raise the faults of the room."""

    owner_dsn: str
    came_from: str
    rules: ChannelRules
    clock: Callable[[], datetime]

    def give(self, username: str, uid: str, wanted: Wanted, reason: str) -> GivenCommand:
        """Give one device a command."""
        with psycopg.connect(as_role(self.owner_dsn, PORTAL)) as conn:
            by = person(conn, username, self.came_from, _WHO)
            return operations.give(conn, DEVICES, self.rules, uid, wanted, reason, by, self.clock())

    def ask_for_many(
        self, username: str, selection: Selection, name: str, wanted: Wanted, reason: str
    ) -> tuple[int, int]:
        """Ask that many devices be given one; the request's number, and how many they are."""
        with psycopg.connect(as_role(self.owner_dsn, PORTAL)) as conn:
            by = person(conn, username, self.came_from, _WHO)
            return many.ask_for_many(
                conn, DEVICES, self.rules, selection, name, wanted, reason, by, self.clock()
            )  # fmt: skip

    def rates(self, group_id: int) -> RateChange:
        """A published rate group as a command says it; raises ``TS-4003``."""
        with psycopg.connect(as_role(self.owner_dsn, PORTAL)) as conn:
            found = [one for one in taxrates.current_groups(conn) if one.group_id == group_id]
        if not found:
            raise Fault("TS-4003", detail="no such rate group is published")
        return rate_change(found[-1])

    def log(self, uid: str, after: str, limit: int, *, has_sales: bool = False) -> LogPage:
        """A page of a device's log; that it was read is an act. Raises ``TS-4003`` and ``TS-1220``."""
        cursor = read_cursor(after)
        with psycopg.connect(as_role(self.owner_dsn, INTAKE)) as conn:
            device = registry.fiscal_device(conn, uid)
            if device is None:
                raise Fault("TS-4003", detail="no such device")
            found = devicelog.page(conn, uid, cursor, self.clock(), limit=limit, has_sales=has_sales)
            act = Act(at=self.clock(), actor=self.came_from, verb="devices.read", object=f"device:{uid}")
            activity.record(conn, attrs.evolve(act, for_whom=device.tin))
            return found


@contextmanager
def open_devices(settings: Settings, clock: Callable[[], datetime]) -> Iterator[DeviceDesk]:
    """The desk of whoever runs this process; raises ``SettingsError`` when there is no database."""
    rules = load_pack(settings.country).channels
    with open_database(settings, StateFolder.of(settings.state)) as owner:
        yield DeviceDesk(owner_dsn=owner, came_from=shell(), rules=rules, clock=clock)
