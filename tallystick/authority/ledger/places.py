"""Which events a device's sequence allows: names that are none, and places that are settled where they do not stand."""

from __future__ import annotations

from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.sequences import DeviceHead
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import parse_uid
from tallystick.wire.settled_place import SettledPlace, read_settled_place


def check_event(entry: NewEntry, head: DeviceHead | None) -> None:
    """Raises the fault of an event that may not be booked; ``head`` is that of its device, if it has one."""
    if entry.kind == EntryKind.REGISTRY and entry.device != ("", ""):
        parse_uid(entry.device[0])
        parse_uid(entry.device[1])
    elif entry.kind == EntryKind.SETTLED_PLACE:
        place_of(entry, head)


def place_of(entry: NewEntry, head: DeviceHead | None) -> SettledPlace:
    """What the entry settles, if it goes on from where its device stands.

    Raises ``TS-2401`` for a device that is not registered, ``TS-1220`` for a body that is none, ``TS-1408`` for places
    that are not the next ones or begin behind another link: a document is there, they are settled, or the device never
    was there. ``expected`` names the next place.
    """
    if head is None:
        raise Fault("TS-2401", detail="the device is not registered in the ledger")
    place = read_settled_place(entry.body)
    if entry.device != (place.device, place.device):
        raise Fault("TS-1408", detail="the entry is of another device than the place")
    if (place.first, place.previous) != (head.seq + 1, head.link) or head.highest >= place.first:
        raise Fault("TS-1408", detail=f"the next place is {head.seq + 1}", expected=head.next_place)
    return place
