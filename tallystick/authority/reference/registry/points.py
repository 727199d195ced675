"""Points of taxpayers: entered, changed, and a register that moves from one to another (S1-025, S1-032)."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.registry import device_store, operations, pending_store, store
from tallystick.authority.reference.registry.registering import require_acts_for
from tallystick.authority.reference.registry.values import Premises
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import parse_tin
from tallystick.kernel.reasons import read_reason

CHARACTERS = 200
ACTS_FOR_HIS = frozenset({"service_centre"})


def put_point(conn: Connection, point: Premises, by: Person, at: datetime) -> int:
    """Enter a point of a registered taxpayer, or change what is known of it (its code stays); its number.

    Raises ``TS-1313`` (no such taxpayer), ``TS-4003`` (not his) and ``TS-1220`` (a text that cannot be printed).
    """
    if store.taxpayer(conn, parse_tin(point.tin)) is None:
        raise Fault("TS-1313", detail="no such taxpayer is registered")
    require_acts_for(conn, by, point.tin, ACTS_FOR_HIS)
    texts = {name: str(value) for name, value in attrs.asdict(point).items() if name != "tin"}
    for name, text in texts.items():
        needed = name in ("code", "name", "address")
        if not text.isprintable() or len(text) > CHARACTERS or text != text.strip() or (needed and not text):
            detail = f"printable, at most {CHARACTERS} characters, no blanks around it"
            raise Fault("TS-1220", detail=detail, fields=(FieldFault(f"/{name}", "5"),))
    number = operations.register_premises(conn, point)
    facts = {name: text for name, text in texts.items() if text}
    _record(conn, "registry.point", f"point:{number}", point.tin, by, at, "", facts)
    return number


def move_device(conn: Connection, uid: str, point: int, reason: str, by: Person, at: datetime) -> bool:
    """Let a register stand at another point of its taxpayer from now on; false where it stands there already.

    What it sold before keeps its point, as each booked document says where it was. Raises ``TS-2401`` (no such device,
    or closed), ``TS-4003`` (not his), ``TS-1313`` (a point of another) and ``TS-1220`` (reason).
    """
    words = read_reason(reason)
    present = device_store.lock(conn, uid)
    device = device_store.device(conn, uid)
    if present is None or device is None or present[0] is DeviceState.CLOSED:
        raise Fault("TS-2401", detail="no such device, or it is closed for good")
    require_acts_for(conn, by, device.tin, ACTS_FOR_HIS)
    if pending_store.owner_of_premises(conn, point) != device.tin:
        raise Fault("TS-1313", detail="this is no point of the taxpayer")
    if device.premises_id == point:
        return False
    device_store.move(conn, uid, point)
    facts = {"from": "" if device.premises_id is None else str(device.premises_id), "to": str(point)}
    _record(conn, "registry.move-device", f"device:{uid}", device.tin, by, at, words, facts)
    return True


def _record(
    conn: Connection, verb: str, thing: str, tin: str, by: Person, at: datetime, why: str, facts: dict[str, str]
) -> None:
    act = Act(at=at, actor=by.actor, verb=verb, object=thing, for_whom=tin, purpose=why, facts=facts)
    activity.record(conn, act)
