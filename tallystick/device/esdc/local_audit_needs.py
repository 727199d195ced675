"""What the local audit asks of the device's thread and of the medium, as values that a driver or a test answers."""

from __future__ import annotations

from typing import Generic, TypeVar

import attrs

from tallystick.device.esdc.audit_needs import DeviceNeed, start_cycle
from tallystick.device.esdc.audit_records import Cycle
from tallystick.device.esdc.conversation import Need
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.held_packages import Packages, holding_of_other, other_uids, piece_of_other
from tallystick.device.esdc.medium import Medium
from tallystick.device.esdc.session import Session
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.taxcore_api import Command

T = TypeVar("T")


class MediumNeed(Need[T], Generic[T]):
    """A need that the medium answers, in a thread that nobody waits for. Raises ``MediumError``."""

    def on_medium(self, medium: Medium) -> T:
        """Do it."""
        raise AssertionError("abstract")


@attrs.frozen(slots=True, kw_only=True)
class LocalView:
    """The device as a medium finds it: the inserted card's UID (empty for none), and what is held of each card.

    ``holdings`` is UID, highest held ordinal and number of held packages, the inserted card first; 0 for nothing held.
    """

    uid: str
    holdings: tuple[tuple[str, int, int], ...]


@attrs.frozen(slots=True)
class LookForMedium(DeviceNeed[LocalView]):
    """Which cards' packages are to be copied."""

    def on(self, device: Device) -> LocalView:
        """Read it; works without a card."""
        session = device.refresh()
        uid = session.facts.uid if session else ""
        own = ((uid, session.store.held_newest(), session.store.held_count()),) if session else ()
        others = ((one, *holding_of_other(device.stores, one)) for one in other_uids(device.stores, uid))
        return LocalView(uid=uid, holdings=(*own, *others))


@attrs.frozen(slots=True)
class UntoldResults(DeviceNeed[list[tuple[str, bool, int]]]):
    """Results of the inserted card that the authority has not taken yet."""

    uid: str

    def on(self, device: Device) -> list[tuple[str, bool, int]]:
        """Read them; none when the card is another by now."""
        session = _session_with(device, self.uid)
        return session.store.setup.untold_results() if session else []


@attrs.frozen(slots=True)
class ObeyFromMedium(DeviceNeed[list[tuple[str, bool | None]]]):
    """Carry out commands of a medium for the inserted card, one after another (S2-014, S2-100)."""

    uid: str
    commands: tuple[Command, ...]

    def on(self, device: Device) -> list[tuple[str, bool | None]]:
        """Id and result of each; none for one that waits, for the card's PIN or for the card itself."""
        session = _session_with(device, self.uid)
        if session is None:
            return [(command.command_id, None) for command in self.commands]
        device.obey_all(self.commands)
        session = _session_with(device, self.uid)
        if session is None:
            return [(command.command_id, None) for command in self.commands]
        known = [(one.command_id, session.store.setup.command(one.command_id.upper())) for one in self.commands]
        return [(number, record.success if record else None) for number, record in known]


@attrs.frozen(slots=True, kw_only=True)
class Started:
    """The request for a proof of audit that goes with the packages, and the ordinal that it reaches."""

    request: bytes
    last_ordinal: int


@attrs.frozen(slots=True)
class StartForMedium(DeviceNeed[Started | None]):
    """Start Audit before the copying (S2-147, S2-098, S2-113).

    A cycle that is open keeps its request while it covers everything, or is younger than the floor between two starts
    (S2-120): a needless start would void a proof that is on its way. Without an open one a hand's insertion starts at
    once.
    """

    uid: str

    def on(self, device: Device) -> Started | None:
        """None without the card, its PIN, or a card that wants to; the packages are copied all the same."""
        session = _session_with(device, self.uid)
        if session is None or session.position is None:
            return None
        cycle = session.store.audit.newest()
        if cycle is None or not self._is_kept(cycle, session, device):
            started = start_cycle(device, session, device.clock()) if session.pin_verified else None
            cycle = started or cycle
        if cycle is None or not cycle.is_open or cycle.request is None:
            return None
        return Started(request=cycle.request, last_ordinal=cycle.last_ordinal)

    @staticmethod
    def _is_kept(cycle: Cycle, session: Session, device: Device) -> bool:
        assert session.position is not None
        if not cycle.is_open or cycle.request is None:
            return False
        young = device.clock() < from_unix_ms(cycle.started_ms) + device.settings.timing.start_floor
        return young or session.position.counter <= cycle.last_ordinal


@attrs.frozen(slots=True)
class ReadPiece(DeviceNeed[Packages]):
    """The next held packages of a card, few at a time: between two pieces the POS sells (S2-091)."""

    uid: str
    after: int
    up_to: int
    most: int

    def on(self, device: Device) -> Packages:
        """Read them from the store of the inserted card, or of another."""
        session = _session_with(device, self.uid)
        if session is not None:
            return session.store.held(self.after, self.up_to, self.most)
        return piece_of_other(device.stores, self.uid, self.after, self.up_to, self.most)


def _session_with(device: Device, uid: str) -> Session | None:
    session = device.refresh()
    return session if session is not None and session.facts.uid == uid else None


@attrs.frozen(slots=True)
class ReadCommands(MediumNeed[bytes | None]):
    """The commands file of a card."""

    uid: str

    def on_medium(self, medium: Medium) -> bytes | None:
        """Read it."""
        return medium.commands(self.uid)


@attrs.frozen(slots=True)
class ReadResults(MediumNeed[bytes | None]):
    """The results file of a card."""

    uid: str

    def on_medium(self, medium: Medium) -> bytes | None:
        """Read it."""
        return medium.results(self.uid)


@attrs.frozen(slots=True)
class WriteResults(MediumNeed[None]):
    """A new results file."""

    uid: str
    content: bytes

    def on_medium(self, medium: Medium) -> None:
        """Put it in the place of the old one."""
        medium.prepare(self.uid)
        medium.write_results(self.uid, self.content)


@attrs.frozen(slots=True)
class Prepare(MediumNeed[None]):
    """The folder of a card, and proof that it can be written."""

    uid: str

    def on_medium(self, medium: Medium) -> None:
        """Make it ready."""
        medium.prepare(self.uid)


@attrs.frozen(slots=True)
class WritePiece(MediumNeed[int]):
    """Packages, with the request before the first one that is new there."""

    uid: str
    packages: Packages = attrs.field(repr=False)
    request: bytes | None = attrs.field(repr=False)

    def on_medium(self, medium: Medium) -> int:
        """Write them; how many were written."""
        return medium.write_packages(self.uid, self.packages, self.request)


@attrs.frozen(slots=True)
class DropRequest(MediumNeed[None]):
    """New packages came without a request: one that lies there is of an audit that has ended."""

    uid: str

    def on_medium(self, medium: Medium) -> None:
        """Take it away."""
        medium.drop_request(self.uid)


@attrs.frozen(slots=True)
class OweRequest(MediumNeed[bool]):
    """An earlier export wrote packages and was interrupted before it came to its request: bring it now."""

    uid: str
    request: bytes = attrs.field(repr=False)

    def on_medium(self, medium: Medium) -> bool:
        """Write it where none lies."""
        if medium.has_request(self.uid):
            return False
        medium.write_request(self.uid, self.request)
        return True
