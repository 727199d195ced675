"""A country with backups: a base backup, the fetched log behind it, and documents that only the mirror has."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import attrs
from ledger_bench import CASH, LedgerFolder, document, fill, now, registration

from tallystick.ops.backup.completing import Outcome, lines
from tallystick.ops.backup.drill import drill
from tallystick.ops.backup.following import fetch
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.backup.sources import Sources
from tallystick.ops.backup.taking import SLOT, Taker
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.settings import Settings
from tallystick.ops.state_folder import StateFolder

SECRETS = {"key-store-secret": b"pass phrase", "root-key.pem": b"-----BEGIN PRIVATE KEY-----\n"}


@attrs.frozen
class House:
    """A country's state folder with a ledger, and the folder of its backups; ``middle`` is a moment within the log."""

    state: StateFolder
    backups: BackupFolder
    ledger: LedgerFolder
    programs: Programs
    middle: datetime
    sizes: tuple[int, int, int]

    def sources(self, mirror: Path | None = None) -> Sources:
        return Sources(
            origin="fdo.example/aq/test",
            first_key=self.ledger.log_key,
            mirror=mirror or self.state.mirror,
            tiles=self.state.tiles,
        )

    def drill(self, backups: BackupFolder | None = None, **options: object) -> Outcome:
        mirror = options.pop("mirror", None)
        return drill(
            backups or self.backups,
            self.sources(mirror),  # type: ignore[arg-type]
            self.programs,
            self.state.binaries,
            now=now(),
            **options,  # type: ignore[arg-type]
        )


def make_house(folder: Path) -> House:
    state, backups = StateFolder(folder / "state"), BackupFolder(folder / "backups")
    state.make()
    for name, secret in SECRETS.items():
        (state.keys / name).write_bytes(secret)
    (state.keys / "signing").mkdir()
    (state.keys / "signing" / "log.json").write_bytes(b"sealed")
    (state.keys / "log-public.pem").write_bytes(b"-----BEGIN PUBLIC KEY-----\n")
    programs = Programs.find(state.binaries)
    with EmbeddedPostgres(state.postgres, copies=state.binaries) as server:
        dsn = server.owner_dsn
        subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=60)
        ledger = LedgerFolder.make(state.demo, dsn)
        taker = Taker(
            dsn=dsn, settings=Settings(), state=state, programs=programs, clock=now, actor="shell:test", slot=SLOT
        )
        first, middle, second = asyncio.run(_days(ledger, taker, backups))
        fetch(dsn, backups, programs, SLOT)
        third = asyncio.run(_sell(ledger, 200, 20))
        ledger.publish()
    return House(state, backups, ledger, programs, middle, (first, second, third))


async def _days(ledger: LedgerFolder, taker: Taker, backups: BackupFolder) -> tuple[int, datetime, int]:
    async with ledger.serving() as (client, _):
        await fill(client, 60)
        await asyncio.to_thread(taker.take, backups, 7)
        await client.append(registration("LATER123"))
        first = (await client.append(document("LATER123", 1, tin="100000009"))).index + 1
        await asyncio.sleep(0.05)
        middle = datetime.now(UTC)
        await asyncio.sleep(0.05)
        for number in range(100, 110):
            await client.append(document(CASH[0], number))
    return first, middle, size_of(ledger)


def size_of(ledger: LedgerFolder) -> int:
    return int(ledger.rows("SELECT max(tree_size) FROM ledger.tree_state")[0][0])


async def _sell(ledger: LedgerFolder, first: int, count: int) -> int:
    async with ledger.serving() as (client, _):
        await asyncio.gather(*(client.append(document(CASH[1], first + n)) for n in range(count)))
    return size_of(ledger)


def told(outcome: Outcome) -> str:
    return "\n".join(lines(outcome))
