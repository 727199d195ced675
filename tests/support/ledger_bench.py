"""A ledger for tests: documents to book, a sequencer in this process or in one of its own, and its self-check."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import attrs
import psycopg

from benchmarks.log_key import file_signers
from tallystick.authority.ledger.client import SequencerClient, status_blocking
from tallystick.authority.ledger.entry import Booked, Channel, EntryKind, NewEntry
from tallystick.authority.ledger.findings import Finding
from tallystick.authority.ledger.sequencer import Sequencer, writer_settings
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.authority.ledger.tasks import export_tiles
from tallystick.authority.ledger.writer import State
from tallystick.authority.ledger.writer_settings import WriterSettings
from tallystick.crypto.keys import PublicKey, generate_ed25519_key, load_private_key, store_private_key
from tallystick.crypto.signatures import verify_ed25519
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.schema.roles import SEQUENCER, as_role
from tallystick.wire.signed_note import KeyType, NoteKey

ORIGIN = "fdo.example/aq/test"
NORMAL_SALE = 0x0100
CASH = ("ABCD1234", "WXYZ9876", "QRST5555")
WAIT_SECONDS = 20
TABLES = (
    "identity", "bodies", "buyer_salts", "records", "leaves", "device_links", "taxpayer_links", "type_links",
    "day_links", "device_heads", "taxpayer_heads", "type_heads", "day_heads", "holes", "tiles", "tree_state",
    "checkpoints",
)  # fmt: skip


def now() -> datetime:
    """The real time: batches are ordered by it."""
    return datetime.now(UTC)


def registration(uid: str, *, requested_by: str = "") -> NewEntry:
    """The entry that opens a device's sequence."""
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=f'{{"device":"{requested_by or uid}-{uid}"}}'.encode(),
        media_type="application/json",
        received_at_ms=unix_ms(now()),
        device=(requested_by or uid, uid),
        tin=tin_of(uid),
        certificate_hash=sha256(uid.encode()),
    )


def tin_of(uid: str) -> str:
    """Two cards share a taxpayer, as in a shop with two tills."""
    return "100000001" if uid in CASH[:2] else "100000002"


def document(uid: str, ordinal: int, amount: int = 10_000, *, text: str = "", **changes: Any) -> NewEntry:
    """A sale of a card; `text` makes another body, `changes` another entry."""
    body = f'{{"number":"{uid}-{uid}-{ordinal}","amount":{amount},"text":"{text}"}}'.encode()
    values: dict[str, Any] = {
        "kind": EntryKind.DOCUMENT,
        "channel": Channel.ESDC,
        "body": body,
        "media_type": "application/json",
        "received_at_ms": unix_ms(now()),
        "act_hash": sha256(f"{uid}/{ordinal}/{amount}".encode()),
        "file_hash": sha256(b"file" + body),
        "device": (uid, uid),
        "tin": tin_of(uid),
        "premises": "shop 1",
        "document_type": NORMAL_SALE,
        "day": 20_000 + ordinal // 50,
        "issued_at_ms": unix_ms(now()),
        "utc_offset_minutes": 60,
        "currency": "XTS",
        "total": amount,
        "day_amount": amount,
        "tax_totals": {"A": amount // 5, "Ђ": amount // 10},
        "se_total": ordinal,
        "se_type": ordinal,
        "certificate_hash": sha256(uid.encode()),
        "verdict": 4,
    }
    return NewEntry(**(values | changes))


async def fault_of(call: Any) -> str:
    """The code of the fault that an awaitable raises; empty when it gives a value."""
    try:
        await call
    except Fault as fault:
        return fault.code
    return ""


@attrs.define
class LedgerFolder:
    """Files of one ledger beside its database: log key, socket, mirror, published tiles."""

    folder: Path
    dsn: str

    @classmethod
    def make(cls, folder: Path, dsn: str) -> LedgerFolder:
        """A folder with a fresh log key."""
        store_private_key(folder / "log.pem", generate_ed25519_key())
        return cls(folder, dsn)

    @property
    def socket(self) -> Path:
        """Where the sequencer listens."""
        return self.folder / "seq"

    @property
    def mirror(self) -> Path:
        """The second copy."""
        return self.folder / "mirror"

    @property
    def tiles(self) -> Path:
        """The published tiles."""
        return self.folder / "tiles"

    def settings(self, **changes: Any) -> WriterSettings:
        """Settings of a writer in the sequencer's role."""
        settings = writer_settings(
            as_role(self.dsn, SEQUENCER),
            self.mirror,
            file_signers(self.folder / "log.pem", ORIGIN),
            ORIGIN,
            now,
            published_checkpoint=self.tiles / "checkpoint",
        )
        return attrs.evolve(settings, **changes)

    @property
    def log_key(self) -> NoteKey:
        """The log's public key."""
        return NoteKey(ORIGIN, KeyType.LOG, load_private_key(self.folder / "log.pem").public.raw)

    def sweep(self) -> list[Finding]:
        """The full self-check with all that lies beside the tables."""
        return full_check(self.dsn, self.sources)

    @property
    def sources(self) -> SweepSources:
        """Mirror, published tiles and the log's key."""
        return SweepSources(
            mirror_folder=self.mirror, published_folder=self.tiles, keys=(self.log_key,), check=check_ed25519
        )

    def publish(self) -> int:
        """One round of the exporter."""
        with psycopg.connect(self.dsn) as connection:
            return export_tiles(connection, self.tiles)

    def rows(self, query: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Look into the database as its owner."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            cursor = connection.execute(query, parameters)
            return cursor.fetchall() if cursor.description else []

    def edit(self, *statements: str) -> None:
        """What an administrator could do: with the triggers out of the way."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            for statement in statements:
                connection.execute(statement.encode())

    def damage(self, table: str, column: str, place: str, value: object) -> None:
        """Put another value into one row, constraints out of the way as well."""
        with psycopg.connect(self.dsn) as connection:
            connection.execute("SET session_replication_role = replica")
            statement = f"UPDATE ledger.{table} SET {column} = %s WHERE ctid = %s"
            connection.execute(statement.encode(), (value, place))

    def back_up(self) -> None:
        """Keep all tables as they are now."""
        copies = (f"CREATE TABLE backup.{table} AS TABLE ledger.{table}" for table in TABLES)
        self.edit("DROP SCHEMA IF EXISTS backup CASCADE", "CREATE SCHEMA backup", *copies)

    def restore(self, *tables: str) -> None:
        """Put these tables (or all) back to what was kept."""
        for table in tables or TABLES:
            self.edit(f"DELETE FROM ledger.{table}", f"INSERT INTO ledger.{table} SELECT * FROM backup.{table}")

    def restart_anew(self) -> None:
        """Forget everything but the log key: another ledger under the same name."""
        self.edit(*(f"DELETE FROM ledger.{table}" for table in TABLES), "UPDATE ledger.lease SET epoch = 0")
        shutil.rmtree(self.mirror)

    @asynccontextmanager
    async def serving(self, **changes: Any) -> AsyncIterator[tuple[SequencerClient, Sequencer]]:
        """A sequencer in this process that serves."""
        sequencer = Sequencer(self.settings(**changes), self.socket)
        await sequencer.start()
        client = SequencerClient(self.socket)
        try:
            await reach(sequencer, State.SERVING)
            yield client, sequencer
        finally:
            await client.close()
            await sequencer.stop()


def check_ed25519(public_key: bytes, message: bytes, signature: bytes) -> None:
    """What a reader of notes checks with."""
    verify_ed25519(PublicKey.from_raw(public_key), message, signature)


async def reach(sequencer: Sequencer, state: State) -> None:
    """Wait until the sequencer is in a state."""
    await until(lambda: sequencer.writer.state is state, f"state {state}, is {sequencer.writer.state}")


async def until(holds: Callable[[], bool], what: str) -> None:
    """Wait for a condition, at most 20 seconds."""
    deadline = time.monotonic() + WAIT_SECONDS
    while not holds():
        assert time.monotonic() < deadline, f"never: {what}"
        await asyncio.sleep(0.01)


async def fill(client: SequencerClient, count: int, cards: tuple[str, ...] = CASH) -> list[Booked]:
    """Register the cards and book `count` sales, turn by turn."""
    for card in cards:
        await client.append(registration(card))
    sales = [document(cards[n % len(cards)], n // len(cards) + 1, 10_000 + n) for n in range(count)]
    return list(await asyncio.gather(*(client.append(sale) for sale in sales)))


_CHILD = """
import os, sys
from pathlib import Path
from ledger_bench import LedgerFolder
from tallystick.authority.ledger.sequencer import run_with

step, times = sys.argv[3], int(sys.argv[4])
seen = 0

def kill_at(name):
    global seen
    if name == step:
        seen += 1
        if seen > times:
            os.kill(os.getpid(), 9)

ledger = LedgerFolder(Path(sys.argv[1]), sys.argv[2])
sys.exit(run_with(ledger.settings(at=kill_at), ledger.socket))
"""


def start_child(ledger: LedgerFolder, *, kill_at: str = "", after_times: int = 0) -> subprocess.Popen[bytes]:
    """A sequencer process of its own, that kills itself when it has passed the step `after_times` times."""
    support = Path(__file__).parent
    arguments = [sys.executable, "-c", _CHILD, str(ledger.folder), ledger.dsn, kill_at, str(after_times)]
    environment = dict(os.environ, PYTHONPATH=f"{support}{os.pathsep}{support.parent.parent}")
    return subprocess.Popen(arguments, env=environment)


def wait_serving(ledger: LedgerFolder, child: subprocess.Popen[bytes]) -> bool:
    """Wait until the child serves; False when it ended before."""
    deadline = time.monotonic() + WAIT_SECONDS
    while child.poll() is None:
        try:
            if status_blocking(ledger.socket, timeout_seconds=1).state == State.SERVING:
                return True
        except Fault:
            pass
        assert time.monotonic() < deadline, "the sequencer never serves"
        time.sleep(0.02)
    return False


def lines(findings: list[Finding]) -> Iterator[str]:
    """Findings as text, for messages of assertions."""
    return (str(one) for one in findings)


def serves(ledger: LedgerFolder) -> None:
    """Start, book one more, and let the self-check look at all of it."""

    async def walk() -> None:
        async with ledger.serving() as (client, _):
            await client.append(registration("NEWCARD1"))

    asyncio.run(walk())
    assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))
