"""The intake's door to SQL, for packages that are not simply booked. Calls run in threads, the loop goes on.

A database that cannot be asked is our doubt (``TS-5009``): the device sends again.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TypeVar

import psycopg

from tallystick.authority.intake import claims, store
from tallystick.authority.intake.claims import RefundClaim, Taken
from tallystick.authority.intake.store import Evidence, InQuarantine, Quarantined, Refused
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.operations import set_state
from tallystick.authority.reference.registry.values import SecureElementState
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kit.in_thread import ThreadTooSlow, in_thread

Result = TypeVar("Result")
Connect = Callable[[], AbstractContextManager[Connection]]
"""Opens a connection that commits when its block ends well, such as a pool's ``connection`` method."""


class Keeper:
    """`ports.Stores` over PostgreSQL, and the way of others to the same pool."""

    def __init__(self, connect: Connect, answer_seconds: float = 8.0) -> None:
        self._connect = connect
        self._answer_seconds = answer_seconds

    async def refuse(self, refused: Refused) -> None:
        """Keep a refused file."""
        await self.run(lambda conn: store.keep_refused(conn, refused))

    async def recent_refusals(self, since: datetime) -> list[tuple[str, str, datetime]]:
        """Who sent what was refused lately, to fill the budget after a start."""
        return await self.run(lambda conn: store.recent_refusals(conn, since))

    async def quarantine(self, package: Quarantined) -> InQuarantine:
        """Keep a package apart; what is kept of its act, which may be an earlier package."""

        def keep(conn: Connection) -> InQuarantine | None:
            store.keep_quarantined(conn, package)
            return store.quarantined(conn, package.act_hash)

        kept = await self.run(keep)
        assert kept is not None
        return kept

    async def number_quarantined(self, act_hash: bytes, entry_index: int) -> None:
        """Note the ledger's entry."""
        await self.run(lambda conn: store.number_quarantined(conn, act_hash, entry_index))

    async def evidence(self, evidence: Evidence) -> int | None:
        """Keep evidence; the ledger's entry of it, if it has one."""

        def keep(conn: Connection) -> int | None:
            store.keep_evidence(conn, evidence)
            return store.evidence_index(conn, evidence.act_hash, evidence.body_hash)

        return await self.run(keep)

    async def number_evidence(self, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
        """Note the ledger's entry."""
        await self.run(lambda conn: store.number_evidence(conn, act_hash, body_hash, entry_index))

    async def document(self, requested_by: str, signed_by: str, ordinal: int) -> LedgerDocument | None:
        """What the ledger has under a number."""
        return await self.run(lambda conn: ledger.document_by_number(conn, requested_by, signed_by, ordinal))

    async def take(self, claim: RefundClaim, at: datetime) -> Taken:
        """Note what a refund has taken of its original."""
        return await self.run(lambda conn: claims.put(conn, claim, at, forced=True))

    async def hold(self, uid: str, at: datetime) -> None:
        """Put a device on hold; one that is revoked or closed stays so."""

        def work(conn: Connection) -> None:
            entry = registry.secure_element(conn, uid)
            if entry is not None and not entry.state.is_final:
                set_state(conn, uid, SecureElementState.HOLD, at)

        await self.run(work)

    async def is_registered(self, uid: str) -> bool:
        """Whether the registry has the element, although the view in memory does not."""
        return await self.run(lambda conn: registry.secure_element(conn, uid)) is not None

    async def run(self, work: Callable[[Connection], Result]) -> Result:
        """Do blocking work on a connection of the pool, and commit; raises ``TS-5009``."""

        def work_in_thread() -> Result:
            with self._connect() as conn:
                return work(conn)

        try:
            return await in_thread(work_in_thread, self._answer_seconds)
        except (psycopg.Error, ThreadTooSlow) as error:
            raise Fault("TS-5009", detail="the database is away", retry_after_seconds=5) from error
