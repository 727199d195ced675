"""The audit room over the real ledger: a card's audit side, a clock that a test moves, and the worker's round."""

from __future__ import annotations

import asyncio
import json
from base64 import b64decode
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import attrs
from intake_live import Live

from benchmarks.package_maker import LIMIT, NOW, Card, seal
from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import EntryKind
from tallystick.authority.projections.audit import queries, tasks
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.tasks import Done, ProofServices
from tallystick.authority.projections.audit.values import Ranges, RequestState
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.commands import queries as command_queries
from tallystick.authority.reference.commands.values import QueuedCommand
from tallystick.authority.room_queries import Connection
from tallystick.crypto.envelope import open_arp, recover_message, seal_arp, sign_with_recovery
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.fixed_point import Money
from tallystick.wire.card import ArpContent, PoaMessage
from tallystick.wire.taxcore_api import CommandType

Result = TypeVar("Result")
SETTLE = timedelta(minutes=10)
PAUSE = timedelta(minutes=1)


@attrs.define(slots=True)
class AuditingCard:
    """The audit side of a card: Start Audit, End Audit, and what it takes off its sum."""

    card: Card
    sequence: int = 0
    nonce: bytes = b""
    frozen: int = 0
    started_at_counter: int = 0
    proven: int = 0
    is_open: bool = False

    def start(self) -> bytes:
        """INS 21."""
        self.sequence += 1
        self.nonce = self.sequence.to_bytes(1, "big") * 32
        self.frozen, self.started_at_counter = self.card.unaudited, self.card.total_counter
        self.is_open = True
        return self.request()

    def request(self, **changes: object) -> bytes:
        """The request of the newest start."""
        content = ArpContent(
            uid=self.card.uid,
            audit_sequence=self.sequence,
            last_signed_ms=0,
            total_counter=self.started_at_counter,
            unaudited=Money(self.frozen),
            limit=LIMIT,
            proven_counter=self.proven,
            nonce=self.nonce,
            last_signature_digest=bytes(32),
        )
        content = attrs.evolve(content, **changes)  # type: ignore[arg-type]  # a test changes what it likes
        return seal_arp(content.audit_sequence, content.encode(), self.card.encryption_key)

    def end(self, message: PoaMessage) -> bool:
        """INS 20: taken only when it is for the newest start."""
        if not self.is_open or (message.audit_sequence, message.nonce) != (self.sequence, self.nonce):
            return False
        self.card.unaudited -= message.released.scaled
        self.proven, self.is_open = self.started_at_counter, False
        return True


@attrs.define(slots=True)
class AuditBench:
    """A desk, a worker, a clock."""

    live: Live
    desk: AuditDesk
    services: ProofServices
    card: AuditingCard
    poa_key: PrivateKey
    now: datetime = NOW

    @classmethod
    def over(cls, live: Live, folder: Path, keys: list[PrivateKey], **changes: object) -> AuditBench:
        """Over a live intake; the last key signs proofs."""
        apart = QuarantineAndEvidence()
        services = ProofServices(
            strategy=EveryDocument(settle=SETTLE, pause=PAUSE),
            apart=apart,
            sign=lambda message: sign_with_recovery(message, keys[3]),
            append=partial(append_blocking, folder / "sequencer"),
        )
        desk = AuditDesk(lambda payload: open_arp(payload, keys[0]), apart)
        return cls(live, desk, attrs.evolve(services, **changes), AuditingCard(live.card), keys[3])  # type: ignore[arg-type]

    def sell(self, count: int = 1) -> list[bytes]:
        """Sign invoices; their packages in order."""
        return [seal(self.live.card.plain(at=self.now), self.live.card.encryption_key) for _ in range(count)]

    async def deliver(self, *packages: bytes) -> None:
        """Submit packages now and wait until readers see them."""
        for package in packages:
            assert (await self.live.submit(package, self.now)).status == 4
        await self.live.shown()

    async def ask(self, payload: bytes | None = None, *, uid: str = "", sum: Money | None = None) -> Ranges:
        """Submit the audit request."""
        payload = self.card.start() if payload is None else payload
        stated = Money(self.card.frozen) if sum is None else sum
        return await self._run(
            lambda conn: self.desk.receive_request(conn, uid or self.card.card.uid, payload, stated, LIMIT, self.now)
        )

    async def work(self) -> Done:
        """One round of the worker."""
        await self.live.shown()
        return await self._run(lambda conn: tasks.decide(conn, self.services, self.now))

    async def after(self, pause: timedelta) -> Done:
        """Let time pass, then work."""
        self.now += pause
        return await self.work()

    async def proof_commands(self) -> list[QueuedCommand]:
        """What waits for the card."""
        waiting = await self._run(lambda conn: command_queries.outstanding(conn, self.card.card.uid))
        assert all(one.type is CommandType.FORWARD_PROOF_OF_AUDIT for one in waiting)
        return waiting

    async def report(self, command: QueuedCommand, success: bool) -> None:
        """Notify Command Processed."""

        def work(conn: Connection) -> None:
            commands.report(conn, self.card.card.uid, command.command_id, success)
            self.desk.command_reported(conn, self.card.card.uid, command.command_id, success, self.now)

        await self._run(work)

    async def execute(self, command: QueuedCommand) -> bool:
        """Fetch, End Audit, report."""
        success = self.card.end(self.message(command))
        await self.report(command, success)
        return success

    def message(self, command: QueuedCommand) -> PoaMessage:
        """What a proof says."""
        return PoaMessage.decode(recover_message(b64decode(command.payload), self.poa_key.public))

    async def _run(self, work: Callable[[Connection], Result]) -> Result:
        def in_thread() -> Result:
            with self.live.pool.connection() as conn:
                return work(conn)

        return await asyncio.to_thread(in_thread)


async def state(bench: AuditBench) -> tuple[RequestState, str]:
    """Where the newest request stands."""
    with bench.live.pool.connection() as conn:
        card = queries.card(conn, bench.card.card.uid)
    assert card is not None
    return card.state, card.code


def proof_entries(bench: AuditBench) -> list[str]:
    """Events of kind 0C in the ledger, in order."""
    with bench.live.pool.connection() as conn:
        entries = [ledger.document_by_index(conn, index) for index in range(ledger.acked_size(conn))]
    kind = str(int(EntryKind.PROOF_OF_AUDIT))
    return [json.loads(entry.body)["event"] for entry in entries if entry is not None and entry.facts.kind == kind]
