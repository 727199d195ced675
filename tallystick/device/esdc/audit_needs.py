"""What the audit asks of the device's thread and of the authority: values that a driver or a playbook answers."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Generic, TypeVar

import attrs

from tallystick.device.esdc.audit_records import Cycle
from tallystick.device.esdc.authority_client import HttpAnswer
from tallystick.device.esdc.conversation import Need
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.facts import CardFacts
from tallystick.device.esdc.session import Session
from tallystick.device.esdc.setup_records import Token
from tallystick.device.esdc.storage import Fullness
from tallystick.device.secure_element import StatusWordError
from tallystick.kernel.instants import unix_ms
from tallystick.wire.card import AmountStatus
from tallystick.wire.ordinal_ranges import Ranges, within, without
from tallystick.wire.taxcore_api import Command

T = TypeVar("T")

VERDICTS_WAIT = timedelta(seconds=1)
"""How long verdicts wait for the commit of a sale, which takes them along for nothing."""


class DeviceNeed(Need[T], Generic[T]):
    """A need that the device's thread answers. May raise `PosFault` when there is no card."""

    def on(self, device: Device) -> T:
        """Do it."""
        raise AssertionError("abstract")


@attrs.frozen(slots=True, kw_only=True)
class Call(Need[HttpAnswer]):
    """A call to the authority; `certificate_of` shows a card's client certificate. Raises `AuthorityAway`."""

    api_url: str
    method: str
    path: str
    body: bytes | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    certificate_of: str | None = None


@attrs.frozen(slots=True, kw_only=True)
class View:
    """The device as one round of the audit finds it. `insertion` tells one insertion of a card from the next."""

    insertion: int
    card: CardFacts
    token: Token | None
    results: list[tuple[str, bool]]
    packages: list[tuple[int, bytes]]
    waiting: int
    cycle: Cycle | None
    newest_ordinal: int
    amounts: AmountStatus | None
    may_start: bool
    storage_low: bool
    left_waiting: int
    """Packages of earlier cards of this environment that wait (S2-132)."""
    write_at: datetime | None
    """When verdicts must be written that no other commit has taken along."""


@attrs.frozen(slots=True)
class LookAround(DeviceNeed[View]):
    """Everything that a round needs to know, with the next packages from beyond an ordinal."""

    after: int
    most: int

    def on(self, device: Device) -> View:
        """Read it; verdicts that waited too long for another commit get their own."""
        session = device.require_card()
        store = session.store
        if store.judged_since is not None and device.clock() >= store.judged_since + VERDICTS_WAIT:
            store.write_notes()
        return View(
            insertion=session.insertion,
            card=session.facts,
            token=store.setup.token(),
            results=store.setup.unreported(),
            packages=store.waiting(self.most, self.after),
            waiting=store.waiting_count(),
            cycle=store.audit.newest(),
            newest_ordinal=session.position.counter if session.position else 0,
            amounts=_amounts(session),
            write_at=None if store.judged_since is None else store.judged_since + VERDICTS_WAIT,
            left_waiting=sum(left.waiting for left in device.left.of(session.facts.environment)),
            storage_low=device.fullness(session) is not Fullness.ROOM,
            may_start=session.pin_verified and session.position is not None,
        )


def _amounts(session: Session) -> AmountStatus | None:
    try:
        return session.card.amount_status()
    except StatusWordError:
        return None


@attrs.frozen(slots=True)
class KeepToken(DeviceNeed[None]):
    """A new session token."""

    token: Token

    def on(self, device: Device) -> None:
        """Store it."""
        device.require_card().store.setup.keep_token(self.token)


@attrs.frozen(slots=True)
class DropToken(DeviceNeed[None]):
    """The authority does not know the token any more."""

    def on(self, device: Device) -> None:
        """Forget it."""
        device.require_card().store.setup.drop_token()


@attrs.frozen(slots=True)
class Obey(DeviceNeed[list[tuple[str, bool]]]):
    """Carry out commands; answers all results that the authority has not taken yet."""

    commands: tuple[Command, ...]

    def on(self, device: Device) -> list[tuple[str, bool]]:
        """One after another, in the order received."""
        device.obey_all(self.commands)
        return device.require_card().store.setup.unreported()


@attrs.frozen(slots=True)
class NoteReported(DeviceNeed[None]):
    """The authority took a result."""

    command_id: str

    def on(self, device: Device) -> None:
        """Store that."""
        device.require_card().store.setup.note_reported(self.command_id)


@attrs.frozen(slots=True)
class Settle(DeviceNeed[None]):
    """The authority's answers to packages: ordinal and audit status."""

    judged: tuple[tuple[int, int], ...]

    def on(self, device: Device) -> None:
        """Delete, keep or leave waiting, by the country's retention (S2-085, K-07), at the latest after a second."""
        store = device.require_card().store
        store.settle(self.judged, keep_until_proof=device.settings.keep_until_proof, now=device.clock())


@attrs.frozen(slots=True)
class LeftBatch:
    """The next packages of one earlier card."""

    uid: str
    packages: list[tuple[int, bytes]]


@attrs.frozen(slots=True)
class LookAtLeft(DeviceNeed[LeftBatch | None]):
    """Packages of earlier cards of this environment, from beyond the ordinals that were tried in this pass."""

    after: Mapping[str, int]
    most: int

    def on(self, device: Device) -> LeftBatch | None:
        """Read them; a store that gives nothing is left alone until the next insertion."""
        for left in device.left.of(device.require_card().facts.environment):
            packages = device.left.packages(left.uid, self.most, self.after.get(left.uid, 0))
            if packages:
                return LeftBatch(left.uid, packages)
            if left.uid not in self.after:
                device.left.forget_waiting(left.uid)
        return None


@attrs.frozen(slots=True)
class SettleLeft(DeviceNeed[None]):
    """The authority's answers to packages of an earlier card."""

    uid: str
    judged: tuple[tuple[int, int], ...]

    def on(self, device: Device) -> None:
        """Delete or keep, as for the card's own (K-07)."""
        keep = device.settings.keep_until_proof
        device.left.settle(self.uid, self.judged, keep_until_proof=keep, now=device.clock())


@attrs.frozen(slots=True)
class FindCycle(DeviceNeed[Cycle | None]):
    """The newest cycle as it is now."""

    def on(self, device: Device) -> Cycle | None:
        """Read it."""
        return device.require_card().store.audit.newest()


@attrs.frozen(slots=True)
class StartCycle(DeviceNeed[Cycle | None]):
    """Remember the last ordinal, then APDU 21 and 14 (S2-095, S2-113); none when the card does not want to."""

    now: datetime

    def on(self, device: Device) -> Cycle | None:
        """No sale can come in between: one thread does both."""
        return start_cycle(device, device.require_card(), self.now)


def start_cycle(device: Device, session: Session, now: datetime) -> Cycle | None:
    """Stored before the card is asked and after it answered; none where nothing is known of it, or it refuses."""
    if session.position is None:
        return None
    records = session.store.audit
    cycle = records.open(session.position.counter, unix_ms(now))
    try:
        request = session.card.start_audit()
        amounts = session.card.amount_status()
    except StatusWordError as error:
        device.note_audit_refused(error)
        return None
    records.note_started(cycle, request, amounts.sum.scaled, amounts.limit.scaled)
    return records.newest()


@attrs.frozen(slots=True)
class NoteSubmitted(DeviceNeed[None]):
    """The authority took the request of a cycle."""

    cycle: int
    now: datetime

    def on(self, device: Device) -> None:
        """Store it."""
        device.require_card().store.audit.note_submitted(self.cycle, unix_ms(self.now))


@attrs.frozen(slots=True)
class Mended:
    """Of the ordinals that the authority misses: the first to send, how many go again, and what is not here any more.

    What waits for its turn anyway is none of these: it goes in its order, after its pause.
    """

    packages: list[tuple[int, bytes]]
    again: int
    gone: Ranges


@attrs.frozen(slots=True)
class Mend(DeviceNeed[Mended]):
    """The authority misses these ordinals (K-13): what is still held waits again, and the first go at once.

    Whatever the header says, only ordinals of this card up to the start are looked for: none above ``last_ordinal``.
    """

    missing: Ranges
    last_ordinal: int
    most: int

    def on(self, device: Device) -> Mended:
        """Commit that they wait, then read the first of them."""
        store = device.require_card().store
        named = within(self.missing, 1, self.last_ordinal)
        held = store.send_again(named)
        first = held.again[: self.most]
        packages = [(ordinal, body) for ordinal in first if (body := store.package(ordinal)) is not None]
        return Mended(packages, len(held.again), tuple(without(named, held.all)))
