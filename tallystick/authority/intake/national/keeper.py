"""`ports.NationalStores` over PostgreSQL: what is kept of national documents beside the ledger, and read from it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from tallystick.authority.intake import claims, store
from tallystick.authority.intake.claims import RefundClaim, Taken
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.national.noted import Noted, note
from tallystick.authority.intake.national.reading import read_standing
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.store import Evidence, Quarantined, Refused
from tallystick.authority.ledger.booked_numbers import BookedNumber, documents_between
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry import operations as registry
from tallystick.authority.reference.registry import queries as registry_queries
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import Clock, unix_ms


class NationalKeeper:
    """Over a keeper's pool. ``window`` is how far a document's time may lie from its arrival."""

    def __init__(self, keeper: Keeper, clock: Clock, window: timedelta) -> None:
        self._keeper = keeper
        self._clock = clock
        self._window = window

    async def standing(self, uid: str, known: Standing | None = None) -> Standing | None:
        """See the port."""
        since_ms = unix_ms(self._clock() - 2 * self._window)
        return await self._keeper.run(lambda conn: read_standing(conn, uid, since_ms, known))

    async def note(self, uid: str, noted: Noted) -> None:
        """See the port."""
        await self._keeper.run(lambda conn: note(conn, uid, noted))

    async def document(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """See the port."""
        return await self._keeper.document(number.requested_by, number.signed_by, number.ordinal)

    async def is_card(self, uid: str) -> bool:
        """See the port."""
        return await self._keeper.is_registered(uid)

    async def claim(self, claim: RefundClaim, *, forced: bool) -> bool:
        """See the port. Noted as of now, however long the refund lay in a part: see `claims.IDLE_AFTER`."""
        taken = await self._keeper.run(lambda conn: claims.put(conn, claim, self._clock(), forced=forced))
        return taken is not Taken.BEYOND

    async def let_go(self, act_hash: bytes) -> None:
        """See the port."""
        await self._keeper.run(lambda conn: claims.let_go(conn, act_hash))

    async def refuse(self, refused: Refused) -> None:
        """See the port."""
        await self._keeper.refuse(refused)

    async def evidence(self, evidence: Evidence) -> int | None:
        """See the port."""
        return await self._keeper.evidence(evidence)

    async def number_evidence(self, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
        """See the port."""
        await self._keeper.number_evidence(act_hash, body_hash, entry_index)

    async def hold(self, uid: str, at: datetime, reason: str) -> None:
        """See the port; a device that is closed for good stays so."""

        def work(conn: Connection) -> None:
            try:
                registry.hold_device(conn, uid, at, reason)
            except Fault as fault:
                if fault.code != "TS-2401":
                    raise

        await self._keeper.run(work)

    async def close(self, uid: str, at: datetime) -> None:
        """See the port."""

        def work(conn: Connection) -> None:
            if registry_queries.fiscal_device(conn, uid) is not None:
                registry.close_device(conn, uid, at, "it closed its fiscal memory")

        await self._keeper.run(work)

    async def booked_between(self, uid: str, first: int, last: int) -> dict[int, BookedNumber]:
        """See `offline.OfflineStores`."""
        rows = await self._keeper.run(lambda conn: documents_between(conn, (uid, uid), first, last))
        return {row.ordinal: row for row in rows}

    async def quarantine_all(self, rows: Sequence[Quarantined]) -> dict[bytes, int | None]:
        """See `offline.OfflineStores`."""

        def keep(conn: Connection) -> dict[bytes, int | None]:
            found: dict[bytes, int | None] = {}
            for row in rows:
                store.keep_quarantined(conn, row)
                kept = store.quarantined(conn, row.act_hash)
                assert kept is not None
                found[row.act_hash] = kept.entry_index
            return found

        return await self._keeper.run(keep)

    async def number_all(self, numbers: Sequence[tuple[bytes, int]]) -> None:
        """See `offline.OfflineStores`."""

        def note(conn: Connection) -> None:
            for act_hash, entry_index in numbers:
                store.number_quarantined(conn, act_hash, entry_index)

        await self._keeper.run(note)
