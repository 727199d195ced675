"""Connecting a device: only under an agreement, at a point of its taxpayer, with the papers of its class (S1-022 to
S1-025). The caller's transaction is the unit of work.
"""

from __future__ import annotations

import secrets
import string
from collections.abc import Callable
from datetime import datetime

from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals.values import OFFICER, Person
from tallystick.authority.reference.registry import device_store, operations, pending_store, store
from tallystick.authority.reference.registry.ports import ConnectingServices
from tallystick.authority.reference.registry.values import FiscalDevice
from tallystick.authority.room_queries import Connection
from tallystick.kernel.device_policy import NEEDS_A_POINT, DeviceClass, require_memory
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid

_LETTERS = string.ascii_uppercase + string.digits
_TRIES = 8
WHO_ACTS_FOR_ALL = frozenset({OFFICER, "operator"})


def register_device(
    conn: Connection, services: ConnectingServices, device: FiscalDevice, by: str, at: datetime
) -> FiscalDevice:
    """Register a device of a taxpayer who has an agreement; the same again changes nothing.

    Raises ``TS-1313`` (taxpayer unknown, premises of another or of nobody), ``TS-2402`` (no agreement in force),
    ``TS-2401`` (a register without a point), ``TS-3230`` (hardware without a report on its memory) and ``TS-3004`` (the
    UID, or a number of the maker, is another device's).
    """
    if store.taxpayer(conn, device.tin) is None:
        raise Fault("TS-1313", detail="no such taxpayer is registered")
    if not services.agreements(conn, device.tin, at):
        raise Fault("TS-2402", detail="the taxpayer has no agreement in force")
    kind = DeviceClass(device.device_class)
    if device.premises_id is None:
        if kind in NEEDS_A_POINT:
            raise Fault("TS-2401", detail="a register is linked to its point first")
    elif pending_store.owner_of_premises(conn, device.premises_id) != device.tin:
        raise Fault("TS-1313", detail="these are no premises of the taxpayer")
    require_memory(kind, bool(device.memory_report), services.policy)
    is_new = device_store.device(conn, device.uid) is None
    made = operations.register_fiscal_device(conn, device)
    if is_new:
        facts = {
            "class": kind.word,
            "maker": made.maker,
            "model": made.model,
            "premises": "" if made.premises_id is None else str(made.premises_id),
            "serial": made.serial_number,
        }
        thing = f"device:{made.uid}"
        activity.record(
            conn, Act(at=at, actor=by, verb="registry.device", object=thing, for_whom=made.tin, facts=facts)
        )  # fmt: skip
    return made


def _random_uid() -> str:
    return "".join(secrets.choice(_LETTERS) for _ in range(8))


def free_uid(conn: Connection, choose: Callable[[], str] = _random_uid) -> Uid:
    """A UID that no device and no secure element has; raises ``TS-3004`` where none is found."""
    for _ in range(_TRIES):
        if not pending_store.is_uid_taken(conn, chosen := choose()):
            return Uid(chosen)
    raise Fault("TS-3004", detail="no free number was found")


def require_acts_for(conn: Connection, by: Person, tin: str, roles: frozenset[str]) -> None:
    """Whether a person may decide for a taxpayer: an officer for all, others in these roles for those they act for.

    Raises ``TS-4003``.
    """
    if by.role in WHO_ACTS_FOR_ALL:
        return
    user = store.user_by_name(conn, by.username) if by.role in roles else None
    if user is None or not user.is_active or user.role != by.role or tin not in store.taxpayers_of_user(conn, user.id):
        raise Fault("TS-4003", detail="no such register or taxpayer, or not yours")
