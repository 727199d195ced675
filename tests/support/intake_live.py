"""An intake over the real ledger: sequencer, unwrap and PostgreSQL, all but the HTTP door and the processes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import attrs
import psycopg
from intake_bench import MemoryDirectory
from psycopg_pool import ConnectionPool

from benchmarks.log_key import file_signers
from benchmarks.package_maker import NOW, Card, rate_group
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.intake.ports import PackageRules
from tallystick.authority.intake.unwrap import Opener, serve_unwrap
from tallystick.authority.intake.unwrap_client import UnwrapClient
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.ledger.sequencer import Sequencer, writer_settings
from tallystick.authority.ledger.writer import State
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.instants import Clock, unix_ms
from tallystick.ops.schema.roles import INTAKE, SEQUENCER, as_role

ORIGIN = "fdo.example/test/intake"
Pool = ConnectionPool[psycopg.Connection[Any]]


@attrs.define(slots=True)
class Live:
    """Handles on everything that runs."""

    card: Card
    other: Card
    directory: MemoryDirectory
    rules: PackageRules
    intake: Intake
    sequencer: SequencerClient
    unwrap: UnwrapClient
    pool: Pool
    dsn: str
    stop_unwrap: asyncio.Event
    stop_sequencer: Callable[[], Any]

    async def submit(self, body: bytes, at: datetime = NOW, *, sender: Card | None = None) -> PackageAnswer:
        """Submit with the token of `sender`, by default that of the card."""
        card = sender or self.card
        return await self.intake.submit_package(body, token_uid=card.uid, token_tin=card.tin, received_at=at)

    def put(self, card: Card, **changes: Any) -> None:
        """Change what the registry says of a card."""
        self.directory.entries[card.uid] = card.entry(**changes)

    async def register(self, card: Card) -> Booked:
        """The registration entry, without which the ledger takes nothing from a device."""
        return await self.sequencer.append(registration(card))

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database."""
        with self.pool.connection() as conn:
            return conn.execute(query, parameters).fetchall()

    async def shown(self) -> int:
        """Wait until readers see everything that was answered; how many entries that is."""
        status = await self.sequencer.status()
        size = max(status.size, status.acked_size)  # the gate opens a moment before the size is told
        while self.rows("SELECT coalesce(max(tree_size), 0) FROM ledger.checkpoints")[0][0] < size:
            await asyncio.sleep(0.02)
        return size

    def another_intake(self, **policy: Any) -> Intake:
        """A second worker over the same stores, or the first one after a restart."""
        values: dict[str, Any] = {"budget": BudgetPolicy(enabled=False), "uniform_seconds": 0.0}
        return Intake(self.rules, self.sequencer, Keeper(self.pool.connection), IntakePolicy(**(values | policy)))


def registration(card: Card) -> NewEntry:
    """An entry of kind 03 for a card."""
    entry = card.entry()
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=f'{{"uid":"{card.uid}"}}'.encode(),
        media_type="application/json",
        received_at_ms=unix_ms(NOW),
        device=(card.uid, card.uid),
        tin=card.tin,
        certificate_hash=entry.certificate_hash,
    )


@asynccontextmanager
async def live_intake(
    dsn: str,
    folder: Path,
    keys: list[PrivateKey],
    pack: CountryPack,
    *,
    clock: Clock = lambda: NOW,
    cards: int = 2,
) -> AsyncIterator[Live]:
    """Start everything on sockets in `folder`, register the cards, stop everything."""
    authority, first, second, _ = keys
    log_key = folder / "log-key.pem"
    signers = file_signers(log_key, ORIGIN)
    settings = writer_settings(as_role(dsn, SEQUENCER), folder / "mirror", signers, ORIGIN, clock)
    sequencer = Sequencer(settings, folder / "sequencer")
    await sequencer.start()
    while sequencer.writer.state is not State.SERVING:
        await asyncio.sleep(0.01)
    stop_unwrap = asyncio.Event()
    unwrapping = asyncio.create_task(serve_unwrap(folder / "unwrap", Opener(authority), stop_unwrap))
    client, unwrap = SequencerClient(folder / "sequencer"), UnwrapClient(folder / "unwrap")
    directory = MemoryDirectory()
    rules = PackageRules(
        directory=directory,
        rates=Rates((rate_group(),)),
        unwrap=unwrap,
        pack=pack,
        zone=ZoneInfo(pack.time_zone),
    )
    with ConnectionPool(as_role(dsn, INTAKE), min_size=1, max_size=4, open=True) as pool:
        card = Card("ABCD1234", "123456789", first, authority.public)
        other = Card("WXYZ9876", "987654321", second, authority.public)
        policy = IntakePolicy(budget=BudgetPolicy(enabled=False), uniform_seconds=0.0)
        intake = Intake(rules, client, Keeper(pool.connection), policy)
        live = Live(card, other, directory, rules, intake, client, unwrap, pool, dsn, stop_unwrap, sequencer.stop)
        for one in (card, other)[:cards]:
            await live.register(one)
            live.put(one)
        try:
            await _until_there(folder / "unwrap")
            yield live
        finally:
            await client.close()
            await unwrap.close()
            stop_unwrap.set()
            await unwrapping
            await sequencer.stop()


async def _until_there(path: Path) -> None:
    while not path.exists():
        await asyncio.sleep(0.01)
