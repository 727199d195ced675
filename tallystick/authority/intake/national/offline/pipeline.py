"""Books the documents of a batch, in the order of their device, many at a time (S0-062, K-21, K-24).

The same fifteen steps with the checks of the offline channel. The sequencer gives each document the place that its
device signed or none, so whatever was booked before a crash is found booked, and a batch begins where it stopped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import attrs

from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national.offline.findings import BuildHistory
from tallystick.authority.intake.national.offline.run import BatchRun, OpenedPart
from tallystick.authority.intake.national.offline.values import Arrived, OfflineBatch, Tally
from tallystick.authority.intake.national.ports import NationalRules, NationalStores
from tallystick.authority.intake.national.signatures import Signatures
from tallystick.authority.intake.ports import Sequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.store import Quarantined
from tallystick.authority.ledger.booked_numbers import BookedNumber
from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import SignedDocument, read_signed

SHARE = 512
"""How many documents of all batches of a process wait in the sequencer's queue: an eighth of it, so that a returning
fleet cannot fill it, and what is sold on line waits behind a tenth of a second of it at most."""
LEAST_IN_FLIGHT = 16


class OfflineStores(NationalStores, Protocol):
    """What is kept in SQL, many rows at a time."""

    async def booked_between(self, uid: str, first: int, last: int) -> dict[int, BookedNumber]:
        """What the ledger has of a device in a span of numbers."""

    async def quarantine_all(self, rows: Sequence[Quarantined]) -> dict[bytes, int | None]:
        """Keep documents apart; the ledger's entry of each by its act, none where it has none yet."""

    async def number_all(self, numbers: Sequence[tuple[bytes, int]]) -> None:
        """Note the ledger's entries."""


@attrs.frozen(slots=True, kw_only=True)
class OfflineRules:
    """What the booking consults: the rules of national documents, with stores that take many rows at a time."""

    national: NationalRules
    stores: OfflineStores
    history: BuildHistory


class OfflineIntake:
    """Books batches side by side. Belongs to one event loop. `stopped` is the institution's switch."""

    def __init__(self, rules: OfflineRules, sequencer: Sequencer, signatures: Signatures, share: int = SHARE) -> None:
        self.stopped = False
        self._rules = rules
        self._sequencer = sequencer
        self._signatures = signatures
        self._share = share
        self._active = 0

    async def book(self, batch: OfflineBatch, parts: AsyncIterator[Sequence[Arrived]]) -> Tally:
        """Book every document, or keep it apart; returns once all of it is behind the acknowledgement gate.

        Raises ``TS-50xx`` and ``TS-1402`` when it cannot go on now: then the same batch may be booked again, and what
        is booked already is found.
        """
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        standing = await self._rules.stores.standing(batch.sender.uid)
        if standing is None:
            fault = Fault("TS-5002", detail="the registration is not in the ledger yet", retry_after_seconds=5)
            raise at_step(Step.DEVICE_STATE, fault)
        self._active += 1
        run = BatchRun(self._rules, self._sequencer, batch, standing, self._window)
        try:
            async for part in self._opened(parts):
                await run.take(part)
            return await run.finish()
        finally:
            self._active -= 1
            run.give_up()

    def _window(self) -> int:
        """How many documents of one batch may be on their way: its part of the share."""
        return max(LEAST_IN_FLIGHT, self._share // max(1, self._active))

    async def _opened(self, parts: AsyncIterator[Sequence[Arrived]]) -> AsyncIterator[OpenedPart]:
        """Parts with the outcome of their signatures; the next one is checked while one is booked."""
        waiting: asyncio.Task[OpenedPart] | None = None
        try:
            async for part in parts:
                coming = asyncio.create_task(self._open(part))
                if waiting is not None:
                    yield await waiting
                waiting = coming
            if waiting is not None:
                yield await waiting
        finally:
            if waiting is not None:
                waiting.cancel()

    async def _open(self, part: Sequence[Arrived]) -> OpenedPart:
        signed = [read_signed(one.compact) for one in part]
        by_key: dict[bytes, list[int]] = {}
        for place, one in enumerate(signed):
            by_key.setdefault(one.header.kid, []).append(place)
        codes = [""] * len(part)
        for kid, places in by_key.items():
            found = await self._check(kid, [signed[place] for place in places])
            for place, code in zip(places, found, strict=True):
                codes[place] = code
        return OpenedPart([one.received_at for one in part], signed, codes)

    async def _check(self, kid: bytes, signed: Sequence[SignedDocument]) -> list[str]:
        certificate = self._rules.national.devices.certificate(kid)
        if certificate is None:
            return ["TS-1311"] * len(signed)
        pairs = [(one.signing_input, one.signature) for one in signed]
        return await self._signatures.wrong(certificate.public_key.spki, pairs)
