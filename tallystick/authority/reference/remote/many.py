"""Commands to many devices at once: all of a taxpayer, of a maker, or with a build. Two officers decide."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import Person, Request
from tallystick.authority.reference.remote.operations import WHO_COMMANDS, enter, require_sensible
from tallystick.authority.reference.remote.ports import Devices, Selection
from tallystick.authority.room_queries import Connection
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_commands import FirmwareNotice, Resend, Wanted
from tallystick.kernel.device_policy import DeviceClass, DeviceState
from tallystick.kernel.faults import Fault
from tallystick.wire.device_command import read_wanted, write_wanted

GIVE_MANY = "remote.command-many"
DEVICES_MOST = 5_000
"""How many devices one request may reach: what one transaction does in seconds."""


def ask_for_many(
    conn: Connection,
    devices: Devices,
    rules: ChannelRules,
    selection: Selection,
    name: str,
    wanted: Wanted,
    reason: str,
    by: Person,
    at: datetime,
) -> tuple[int, int]:
    """Ask that a command be given to every device of a selection; the request's number, and how many there are now.

    Raises ``TS-3301`` (no officer, or a resend, whose place is each device's own), ``TS-3300`` (more than the country
    gives), ``TS-2406`` (a build that is not certified), ``TS-4003`` (no device is selected), ``TS-3308`` (too many),
    ``TS-1220`` (reason) and ``TS-4004`` (such a request is open already).
    """
    if by.role not in WHO_COMMANDS:
        raise Fault("TS-3301", detail="commands to many are officers' to give")
    if isinstance(wanted, Resend):
        raise Fault("TS-3301", detail="each device has its own sequence: name the device")
    require_sensible(conn, devices, rules, wanted, None, at)
    found = devices.selected(conn, selection, name, DEVICES_MOST + 1)
    if not found:
        raise Fault("TS-4003", detail="no device is selected")
    if len(found) > DEVICES_MOST:
        raise Fault("TS-3308", detail=f"more than {DEVICES_MOST} devices: select fewer", retry_after_seconds=3600)
    content = {"wanted": write_wanted(wanted).decode("utf-8")}
    thing = f"{selection}:{name}/{wanted.kind}"
    return approvals.ask(conn, GIVE_MANY, thing, content, reason, by, at), len(found)


def give_many(conn: Connection, devices: Devices, request: Request, at: datetime) -> int:
    """Carry an approved request out, for the devices that are selected now; returns how many got the command.

    A device that is closed, for which too many commands wait, or of a class that a build is not made for, is passed
    over and counted. Where the selection has grown beyond the bound meanwhile, the act says that devices were left out.
    """
    wanted = read_wanted(request.content["wanted"].encode())
    selection, _, rest = request.object.partition(":")
    name = rest.rpartition("/")[0]
    given = passed_over = 0
    found = devices.selected(conn, Selection(selection), name, DEVICES_MOST + 1)
    for uid in found[:DEVICES_MOST]:
        device = devices.device(conn, uid)
        if device is None or device.state is DeviceState.CLOSED or device.device_class == DeviceClass.VSDC:
            passed_over += 1
            continue
        try:
            with conn.transaction():
                if isinstance(wanted, FirmwareNotice):
                    devices.require_build(conn, wanted.build, device.device_class)
                enter(conn, devices, device, wanted, request.reason, request.decider, at, request.request_id)
            given += 1
        except Fault as fault:
            if fault.code not in ("TS-3308", "TS-2406"):
                raise
            passed_over += 1
    facts = {"given": str(given), "kind": str(wanted.kind), "passed_over": str(passed_over)}
    facts |= {"asked_by": request.asked_by, "request": str(request.request_id)}
    if len(found) > DEVICES_MOST:
        facts["left_out"] = "some"
    for_whom = name if selection == Selection.TAXPAYER else ""
    act = Act(
        at=at, actor=request.decider, verb=GIVE_MANY, object=f"{selection}:{name}", for_whom=for_whom,
        purpose=request.reason, facts=facts,
    )  # fmt: skip
    activity.record(conn, act)
    return given
