"""Books closed batches: takes one, has the intake judge its documents, writes its receipt and what inspectors see.

A batch is taken for a while and that time is renewed with every part, so a process that dies leaves it to another one.
One of a device on hold is laid aside, and nobody looks at it before it is woken. A hold that comes while a batch is
booked stops nothing: it was closed before.
Two that work on one batch do no harm: the sequencer gives each place once, and the first receipt stands.
"""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Callable, Collection
from datetime import datetime, timedelta
from itertools import count
from typing import Protocol

import attrs

from tallystick.authority.channels.ecr.batches import contacts, store
from tallystick.authority.channels.ecr.batches.holding import waits_for_release
from tallystick.authority.channels.ecr.batches.values import Batch, Matter, MatterKind
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.offline.values import ArrivedPart, OfflineBatch, Tally
from tallystick.authority.intake.national.ports import NationalDevices
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.reference.registry.values import DeviceCertificate
from tallystick.authority.room_queries import Connection
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import Clock
from tallystick.wire.batch_receipt import write_receipt

log = logging.getLogger(__name__)

TAKEN_FOR = timedelta(seconds=60)
AGAIN_FIRST = timedelta(seconds=1)
AGAIN_LAST = timedelta(minutes=2)
_REFUNDS = ("TS-2101", "TS-2102", "TS-2103", "TS-2104", "TS-2105")


class Booker(Protocol):
    """The intake of offline documents."""

    async def book(self, batch: OfflineBatch, parts: AsyncIterator[ArrivedPart]) -> Tally:
        """Book or keep apart every document; raises ``TS-50xx`` and ``TS-1402`` when it has to be done again."""


@attrs.frozen(slots=True, kw_only=True)
class BookingServices:
    """What the work needs. ``fresh`` tells whether the view of certificates is new enough to judge by (TS-1109);
    ``held`` gives the signers in force of devices on hold, whose batches wait for the release.
    """

    keeper: Keeper
    intake: Booker
    devices: NationalDevices
    rules: ChannelRules
    clock: Clock
    held: Callable[[], Collection[bytes]]
    fresh: Callable[[], bool] = lambda: True


async def book_next(services: BookingServices) -> bool:
    """Book the batch that is due; false where none is, or where nobody can tell who is revoked."""
    if not services.fresh():
        return False
    while True:
        now = services.clock()
        batch = await services.keeper.run(_take(now))
        if batch is None:
            return False
        if not waits_for_release(services.devices, batch, now):
            break
        await services.keeper.run(_park(batch, now))
    lease = _Lease(services, batch, now + TAKEN_FOR)
    try:
        tally = await _book(services, batch, lease)
    except Fault as fault:
        await _put_off(services, batch, fault)
        return True
    await services.keeper.run(lambda conn: _finish(conn, batch, tally, services.clock()))
    return True


async def wake_released(services: BookingServices) -> int:
    """Have booked what lay aside and waits for no release any more; how many batches."""
    if not services.fresh():
        return 0
    held = services.held()
    return await services.keeper.run(lambda conn: store.wake(conn, services.clock(), held))


def _take(now: datetime) -> Callable[[Connection], Batch | None]:
    return lambda conn: store.take_due(conn, now, now + TAKEN_FOR)


def _park(batch: Batch, taken_at: datetime) -> Callable[[Connection], None]:
    return lambda conn: store.park(conn, batch, taken_at + TAKEN_FOR)


@attrs.define(slots=True)
class _Lease:
    """A batch is ours until a moment, and for longer while its parts go on."""

    services: BookingServices
    batch: Batch
    until: datetime

    async def renew(self) -> None:
        """Raises ``TS-5007`` where another process has it by now."""
        was, until = self.until, self.services.clock() + TAKEN_FOR
        if not await self.services.keeper.run(lambda conn: store.renew(conn, self.batch, was, until)):
            raise Fault("TS-5007", detail="another process books the batch")
        self.until = until


async def _book(services: BookingServices, batch: Batch, lease: _Lease) -> Tally:
    signer = services.devices.certificate(batch.certificate or b"")
    if signer is None:
        raise Fault("TS-5009", detail="the signer's certificate is not in view", retry_after_seconds=5)
    came_at = batch.closed_at or services.clock()
    lateness = await services.keeper.run(lambda conn: contacts.lateness(conn, batch.uid, services.rules, came_at))
    offline = OfflineBatch(
        sender=_sender(batch, signer),
        revoked=batch.revoked or signer.was_revoked(services.clock()),
        lateness=lateness,
    )
    return await services.intake.book(offline, _parts(services, batch, lease))


def _sender(batch: Batch, signer: DeviceCertificate) -> Sender:
    return Sender(
        certificate_hash=signer.certificate_hash,
        uid=Uid(batch.uid),
        device_class=DeviceClass(signer.device_class),
        tin=Tin(batch.tin),
    )


async def _parts(services: BookingServices, batch: Batch, lease: _Lease) -> AsyncIterator[ArrivedPart]:
    for number in count(1):
        found = await services.keeper.run(_body_of(batch, number))
        if found is None:
            return
        yield ArrivedPart(*found)
        await lease.renew()


def _body_of(batch: Batch, number: int) -> Callable[[Connection], tuple[bytes, datetime] | None]:
    return lambda conn: store.part_body(conn, batch.uid, batch.batch_id, number)


async def _put_off(services: BookingServices, batch: Batch, fault: Fault) -> None:
    wait = min(AGAIN_LAST, AGAIN_FIRST * (1 << min(batch.attempts, 10)))
    wait = max(wait, timedelta(seconds=fault.retry_after_seconds or 0))
    log.warning("a batch is put off", extra={"uid": batch.uid, "code": fault.code, "detail": fault.detail})
    await services.keeper.run(lambda conn: store.put_off(conn, batch, services.clock() + wait, fault.code))


def _finish(conn: Connection, batch: Batch, tally: Tally, at: datetime) -> None:
    """The receipt, the end of the bodies, and what inspectors see: together or not at all."""
    assert batch.last is not None
    assert batch.head is not None
    indexes = None
    if tally.first_index is not None and tally.last_index is not None:
        indexes = tally.first_index, tally.last_index
    counts = {
        "booked": tally.booked,
        "flagged": tally.flagged,
        "apart": tally.apart,
        "refused": tally.refused,
        "doubled": tally.doubled,
    }
    receipt = write_receipt(
        batch=batch.batch_id,
        first=batch.first,
        last=batch.last,
        head=batch.head,
        indexes=indexes,
        counts=counts,
        codes=tally.codes,
    )
    if store.finish(conn, batch, receipt, at):
        for matter in _matters(batch, tally):
            store.put_matter(conn, matter, at)


def _matters(batch: Batch, tally: Tally) -> list[Matter]:
    """What of a batch somebody should see."""
    found = []
    if tally.codes["TS-2404"]:
        found.append(_matter(batch, tally, MatterKind.OFFLINE_TOO_LONG, ("TS-2404",)))
    if tally.apart or tally.refused or tally.doubled:
        found.append(_matter(batch, tally, MatterKind.BATCH_APART, tuple(sorted(tally.codes))))
    if tally.codes["TS-3286"]:
        found.append(_matter(batch, tally, MatterKind.CLOCK_CONTRADICTS, ("TS-3286",)))
    if any(tally.codes[code] for code in _REFUNDS):
        found.append(_matter(batch, tally, MatterKind.REFUND_CONTRADICTS, _REFUNDS))
    if tally.codes["TS-1409"]:
        found.append(_matter(batch, tally, MatterKind.SHIFT_LACKS, ("TS-1409",)))
    return found


def _matter(batch: Batch, tally: Tally, kind: MatterKind, codes: tuple[str, ...]) -> Matter:
    facts = {code: str(tally.codes[code]) for code in codes if tally.codes[code]}
    return Matter(
        kind=kind,
        uid=batch.uid,
        item=f"numbers {batch.first} to {batch.last}",
        tin=batch.tin,
        amount=max((tally.amounts[code] for code in codes), default=0),
        facts=facts | {"apart": str(tally.apart), "doubled": str(tally.doubled), "refused": str(tally.refused)},
    )
