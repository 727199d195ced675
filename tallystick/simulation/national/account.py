"""Where the documents of every national device are: what it made, by its own store and memory, against the ledger.

Nothing is believed: a document that is not in the ledger waits only where the device holds it and knows that it waits,
is apart only where the authority keeps it, and is lost elsewhere. What the device takes for delivered and nobody has
is lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

import attrs
from tallystick_erp.store import Store

from tallystick.authority.intake import queries as intake
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.device.ecr.glance import glance
from tallystick.device.ecr.place import MEMORY_FOLDER
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid
from tallystick.simulation.national.erp_office import STORE
from tallystick.simulation.national.setup import DevicePlan
from tallystick.simulation.till import read_book

_RANGES_MOST = 1_000_000


@attrs.frozen(kw_only=True)
class DevicePlaces:
    """A device, its folder, its till's book, and what happened to it."""

    plan: DevicePlan
    folder: Path
    book: Path
    story: str = ""


@attrs.frozen(kw_only=True)
class DeviceEvidence:
    """What was found of one device, before it is judged.

    ``made`` are the numbers of documents that its store or memory has, ``waiting`` those of which it says that they
    wait; ``told`` is the highest that its till was given, ``missing`` what of all that is not in the ledger.
    """

    made: frozenset[int]
    waiting: frozenset[int]
    told: int
    highest_in_ledger: int
    missing: frozenset[int]
    apart: frozenset[int]
    breaks: tuple[str, ...] = ()

    @property
    def known(self) -> int:
        """The highest number that anybody knows."""
        return max(*self.made, self.told, self.highest_in_ledger, 0)


@attrs.frozen(kw_only=True)
class DeviceAccount:
    """The documents of one device."""

    uid: Uid
    channel: str
    name: str
    story: str
    made: int
    arrived: int
    apart: int
    waiting: int
    lost: int
    contradiction: str = ""

    @property
    def nothing_lost(self) -> bool:
        """Whether every document is somewhere, and its own records agree."""
        return not self.lost and not self.contradiction

    @property
    def is_whole(self) -> bool:
        """Whether every document has arrived, or is kept apart by the authority."""
        return self.nothing_lost and not self.waiting


def judge_device(device: DevicePlaces, found: DeviceEvidence) -> DeviceAccount:
    """The account of one device; each document is in one column."""
    apart = found.missing & found.apart
    waiting = (found.missing - apart) & found.made & found.waiting
    lost = len(found.missing) - len(apart) - len(waiting)
    contradiction = "; ".join(found.breaks[:3])
    unknown = found.known - len(found.made)
    if unknown:
        contradiction = "; ".join(filter(None, (contradiction, f"{unknown} documents are not in its own records")))
    return DeviceAccount(
        uid=device.plan.uid,
        channel=_CHANNELS[device.plan.device_class],
        name=device.plan.seller.location_name,
        story=device.story,
        made=found.known,
        arrived=found.known - len(found.missing),
        apart=len(apart),
        waiting=len(waiting),
        lost=lost,
        contradiction=contradiction,
    )


def take_device_evidence(conn: Connection, device: DevicePlaces) -> DeviceEvidence:
    """Ask the device first and the ledger last: what was sent in between is found where it is now."""
    made, waiting, breaks = _own_records(device)
    numbers = (int(number.rpartition("-")[2]) for number in read_book(device.book).values())
    uid = device.plan.uid
    pair = (uid, uid)
    found = DeviceEvidence(
        made=made,
        waiting=waiting,
        told=max(numbers, default=0),
        highest_in_ledger=ledger.highest_ordinal(conn, pair),
        missing=frozenset(),
        apart=frozenset(),
        breaks=breaks,
    )
    ranges = ledger.missing_ordinals(conn, pair, found.known, _RANGES_MOST)
    missing = frozenset([number for first, last in ranges for number in range(first, last + 1)])
    apart = frozenset(intake.kept_ordinals(conn, uid, 1, found.known)) if missing else frozenset[int]()
    return attrs.evolve(found, missing=missing, apart=apart)


def account_devices(conn: Connection, devices: Iterable[DevicePlaces]) -> list[DeviceAccount]:
    """Every device that was put into service, in its order."""
    return [judge_device(one, take_device_evidence(conn, one)) for one in devices if one.folder.exists()]


def _own_records(device: DevicePlaces) -> tuple[frozenset[int], frozenset[int], tuple[str, ...]]:
    if device.plan.device_class is DeviceClass.ERP:
        return (*_erp_records(device.folder / STORE), ())
    memory = device.folder / MEMORY_FOLDER if device.plan.device_class is DeviceClass.HARDWARE else None
    try:
        seen = glance(device.folder, memory)
    except Fault:
        return frozenset(), frozenset(), ()
    breaks = seen.breaks
    if memory is not None and seen.stored - seen.in_memory:
        breaks = (*breaks, f"{len(seen.stored - seen.in_memory)} documents are in its store and not in its memory")
    # What the memory has and the store has not was written in the moment of a power cut: the next start counts it.
    return seen.stored | seen.in_memory, seen.waiting | (seen.in_memory - seen.stored), breaks


def _erp_records(file: Path) -> tuple[frozenset[int], frozenset[int]]:
    if not file.exists():
        return frozenset(), frozenset()
    store = Store(file)
    try:
        rows = store.documents()
    finally:
        store.close()
    return frozenset([row[0] for row in rows]), frozenset([row[0] for row in rows if row[1] == "waiting"])


# For people

_CHANNELS = {
    DeviceClass.SOFTWARE: "on line",
    DeviceClass.HARDWARE: "off line",
    DeviceClass.VSDC: "hosted",
    DeviceClass.ERP: "ERP",
}
_COLUMNS = ("documents", "arrived", "apart", "waiting", "lost")


def device_lines(accounts: Sequence[DeviceAccount]) -> list[str]:
    """One line a device, and one for all."""
    lines = [_line("device", "channel", "place", _COLUMNS)]
    for one in accounts:
        lines.append(_line(one.uid, one.channel, one.name, _figures([one])))
        lines += [f"{'':<10}{note}" for note in (one.story, one.contradiction) if note]
    lines.append(_line("all", "", f"{len(accounts)} devices", _figures(accounts)))
    return lines


def _figures(accounts: Sequence[DeviceAccount]) -> tuple[str, ...]:
    columns = zip(*((one.made, one.arrived, one.apart, one.waiting, one.lost) for one in accounts), strict=True)
    return tuple(f"{sum(column):,}" for column in columns) or ("0",) * len(_COLUMNS)


def _line(uid: str, channel: str, name: str, figures: Sequence[str]) -> str:
    return f"{uid:<10}{channel:<9}{name[:19]:<19}" + "".join(f"{figure:>10}" for figure in figures)
