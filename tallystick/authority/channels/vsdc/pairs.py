"""The pairs of POS and signing element in memory, each with its newest act; which element signs for a POS (S0-037).

The table is the truth. What is here is dropped whenever the table says otherwise, and read anew.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Collection
from datetime import datetime

import attrs
import msgspec

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.counters import first_counters
from tallystick.authority.channels.vsdc.services import VsdcServices
from tallystick.authority.channels.vsdc.values import Act, SignerEntry, SignerState
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.reference.registry.values import SecureElementEntry, SecureElementState
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import unix_ms
from tallystick.wire.card import InternalData

REGISTRATION_MEDIA_TYPE = "application/vnd.tallystick.registration+json"
_DESKS_MOST = 50_000


@attrs.define(slots=True)
class Pair:
    """One series of numbers. ``open`` is true while nobody knows that the ledger has the newest act's document;
    ``void`` when it never will, and the series is at its end."""

    signed_by: Uid
    total_counter: int
    internal: InternalData
    act: Act | None
    open: bool
    void: bool = False


@attrs.define(slots=True)
class Desk:
    """What one POS has here: its turn, its pairs by signer, and how many requests wait. ``loaded`` is false when the
    table has to be asked; ``lost`` counts the numbers that another process took first."""

    lock: asyncio.Lock = attrs.field(factory=asyncio.Lock)
    pairs: dict[str, Pair] = attrs.field(factory=dict)
    current: str = ""
    waiting: int = 0
    loaded: bool = False
    lost: int = 0


class Desks:
    """All POS that asked lately; bounded, and only idle ones are forgotten."""

    def __init__(self) -> None:
        self._desks: OrderedDict[str, Desk] = OrderedDict()

    def of(self, uid: str) -> Desk:
        """The desk of a POS."""
        desk = self._desks.get(uid)
        if desk is None:
            desk = self._desks[uid] = Desk()
            self._shrink()
        else:
            self._desks.move_to_end(uid)
        return desk

    def _shrink(self) -> None:
        if len(self._desks) <= _DESKS_MOST:
            return
        for uid, desk in self._desks.items():
            if not desk.waiting:
                del self._desks[uid]
                return


async def load(services: VsdcServices, uid: str, desk: Desk) -> None:
    """Read the pairs of a POS; whether their newest documents are booked is not known yet."""
    rows = await services.in_database(lambda conn: store.pairs_of(conn, uid))
    desk.pairs = {signed_by: read_pair(signed_by, total, act, void=void) for signed_by, total, act, void in rows}
    newest = max(desk.pairs.values(), key=lambda pair: pair.internal.time_ms, default=None)
    desk.current = newest.signed_by if newest is not None else ""
    desk.loaded = True


def read_pair(signed_by: str, total_counter: int, record: bytes, *, void: bool = False) -> Pair:
    """A row as a pair; an act that cannot be read is our own bug and stops this pair for good."""
    signer = Uid(signed_by)
    if not total_counter:
        return Pair(signer, 0, first_counters(signed_by), None, open=False)
    try:
        act = Act.decode(record)
    except msgspec.DecodeError as error:
        raise AssertionError(f"the act of number {total_counter} of {signed_by} cannot be read") from error
    return Pair(signer, total_counter, InternalData.decode(act.internal), act, open=not void, void=void)


def choose_signer(
    services: VsdcServices, uid: str, current: str, now: datetime, *, ended: Collection[str] = ()
) -> SecureElementEntry:
    """The element that signs for a POS: the one that did, while it takes invoices; else one by lot, always the same.

    Those in ``ended`` sign nothing more for this POS.

    Where one has long to live, those that end soon are passed over, so that a renewed element takes over in time.
    Raises ``TS-5004`` when there is none.
    """
    found = (_element_of(services, signer) for signer in services.hosted.signers)
    known = [element for element in found if element is not None and element.uid not in ended]
    able = [element for element in known if element.not_before <= now < element.not_after]
    fresh = [element for element in able if element.not_after - now > services.renew_before]
    candidates = {str(element.uid): element for element in fresh or able}
    if not candidates:
        raise Fault("TS-5004", detail="no signing element takes invoices now", retry_after_seconds=30)
    if current in candidates:
        return candidates[current]
    return max(candidates.values(), key=lambda element: sha256(f"{uid}-{element.uid}".encode()))


def _element_of(services: VsdcServices, signer: SignerEntry) -> SecureElementEntry | None:
    element = services.directory.secure_element(signer.uid)
    if element is None or element.state is not SecureElementState.ACTIVE or signer.state is not SignerState.ACTIVE:
        return None
    return element


async def begin(services: VsdcServices, requester: SecureElementEntry, signer: SecureElementEntry) -> Pair:
    """A new pair: first the ledger opens its sequence, then the table has it. Doing it again changes nothing."""
    await services.sequencer.append(pair_registration(requester, signer, services.clock()))
    await services.in_database(lambda conn: store.add_pair(conn, requester.uid, signer.uid))
    return Pair(signer.uid, 0, first_counters(signer.uid), None, open=False)


def pair_registration(requester: SecureElementEntry, signer: SecureElementEntry, now: datetime) -> NewEntry:
    """The ledger's entry that opens the sequence of a pair; the same bytes whenever it is written."""
    body = msgspec.json.encode(
        {
            "certificateHash": requester.certificate_hash.hex(),
            "requestedBy": str(requester.uid),
            "signedBy": str(signer.uid),
            "signerCertificateHash": signer.certificate_hash.hex(),
            "tin": str(requester.tin),
            "type": "hosted-pair",
        },
        order="sorted",
    )
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.VSDC,
        body=body,
        media_type=REGISTRATION_MEDIA_TYPE,
        received_at_ms=unix_ms(now),
        act_hash=sha256(body),
        device=(requester.uid, signer.uid),
        tin=requester.tin,
        certificate_hash=signer.certificate_hash,
    )
