"""Cost of a document when the ledger is large against when it is small, through the sequencer, database included.

Processor time, not time of day: a busy neighbour changes that little. Bodies have 200 bytes; 457 devices of as many
taxpayers sell at random, hundreds of documents in flight. ``FULL=1`` grows the ledger to 3 million entries; the short
set stops at a stand-in and says so.
"""

from __future__ import annotations

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import attrs

from benchmarks.claim import CannotRun, Claim, duration, per_second
from benchmarks.limits import disk_folder
from benchmarks.processor_time import family_seconds, own_seconds
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.sequencer import run_sequencer
from tallystick.crypto.keys import generate_ed25519_key, store_private_key
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.schema.roles import SEQUENCER, as_role

FULL_ENTRIES = 3_000_000
STAND_IN_ENTRIES = 100_000
SMALL_ENTRIES = 10_000
WINDOW_DOCUMENTS = 10_000
LAST_WINDOWS = 5
SMALL_LEDGERS = 3
DEVICES = tuple(f"DEV{number:05d}" for number in range(457))
IN_FLIGHT = 256
BODY_BYTES = 200
TARGET = 1.15
ORIGIN = "fdo.example/bench/growth"
_START_SECONDS = 60


def run(full: bool) -> Iterable[Claim]:
    """Grow ledgers and compare."""
    if not Path("/proc/self/stat").exists():
        raise CannotRun("processor time of other processes is read from /proc")
    entries = FULL_ENTRIES if full else STAND_IN_ENTRIES
    small = [_grow(SMALL_ENTRIES) for _ in range(SMALL_LEDGERS - 1)]
    grown = _grow(entries)
    at_small = median([cost.at_small for cost in [*small, grown]])
    ratio = grown.at_end / at_small
    size = f"{entries:,} entries" + ("" if full else f" (stand-in for {FULL_ENTRIES:,}; FULL=1 measures those)")
    yield Claim(
        name=f"processor time of a document, sequencer and database, at {size}",
        measured=duration(grown.at_end),
        limit=f"{duration(at_small)} at {SMALL_ENTRIES:,} entries",
        ratio=ratio,
        target=f"ratio at most {TARGET}",
        ok=ratio <= TARGET,
    )
    yield Claim(
        name=f"documents through the sequencer on {os.cpu_count()} cores, generator included",
        measured=per_second(grown.rate, "documents"),
        limit="",
        ratio=None,
        target="none, for information",
        ok=True,
    )


@attrs.frozen
class Growth:
    """Seconds of processor time a document, at 10 thousand entries and in the last windows; documents a second."""

    at_small: float
    at_end: float
    rate: float


def _grow(entries: int) -> Growth:
    """Fill a new ledger and measure on the way."""
    with _ledger() as bench:
        return asyncio.run(bench.fill(entries))


@attrs.define
class _Bench:
    """A running sequencer over its own database, and the counters of the devices that sell."""

    socket: Path
    sequencer_pid: int
    database_pid: int
    counters: dict[str, int] = attrs.Factory(lambda: dict.fromkeys(DEVICES, 0))

    async def fill(self, entries: int) -> Growth:
        """Register the devices, then sell in windows of 10,000 documents."""
        client = SequencerClient(self.socket)
        await _until_serving(client)
        await asyncio.gather(*(client.append(_registration(device)) for device in self.counters))
        await self._sell(client, SMALL_ENTRIES - WINDOW_DOCUMENTS // 2)
        small = await self._window(client)
        done, started, costs = SMALL_ENTRIES + WINDOW_DOCUMENTS // 2, time.monotonic(), [small]
        while done < entries:
            costs.append(await self._window(client))
            done += WINDOW_DOCUMENTS
        elapsed = time.monotonic() - started
        await client.close()
        rate = (len(costs) - 1) * WINDOW_DOCUMENTS / elapsed if len(costs) > 1 else 0.0
        return Growth(small, sum(costs[-LAST_WINDOWS:]) / len(costs[-LAST_WINDOWS:]), rate)

    async def _window(self, client: SequencerClient) -> float:
        before = self._used_seconds()
        await self._sell(client, WINDOW_DOCUMENTS)
        return (self._used_seconds() - before) / WINDOW_DOCUMENTS

    async def _sell(self, client: SequencerClient, documents: int) -> None:
        left = documents

        async def till() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                device = random.choice(DEVICES)
                self.counters[device] += 1
                await client.append(_sale(device, self.counters[device]))

        await asyncio.gather(*(till() for _ in range(IN_FLIGHT)))

    def _used_seconds(self) -> float:
        return own_seconds(self.sequencer_pid) + family_seconds(self.database_pid)


def _registration(device: str) -> NewEntry:
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=0,
        body=device.encode(),
        media_type="text/plain",
        received_at_ms=unix_ms(datetime.now(UTC)),
        device=(device, device),
        tin="1" + device,
        certificate_hash=sha256(device.encode()),
    )


def _sale(device: str, ordinal: int) -> NewEntry:
    body = f"{device}-{device}-{ordinal}".encode().ljust(BODY_BYTES, b".")
    now_ms = unix_ms(datetime.now(UTC))
    return NewEntry(
        kind=EntryKind.DOCUMENT,
        channel=1,
        body=body,
        media_type="application/json",
        received_at_ms=now_ms,
        act_hash=sha256(body),
        device=(device, device),
        tin="1" + device,
        document_type=0x0100,
        day=20_000,
        issued_at_ms=now_ms,
        utc_offset_minutes=60,
        currency="XTS",
        total=1_000_000,
        day_amount=1_000_000,
        tax_totals={"A": 190_000},
        se_total=ordinal,
        se_type=ordinal,
        verdict=4,
    )


async def _until_serving(client: SequencerClient) -> None:
    deadline = time.monotonic() + _START_SECONDS
    while time.monotonic() < deadline:
        try:
            if (await client.status()).state == "serving":
                return
        except Fault:
            pass
        await asyncio.sleep(0.05)
    raise CannotRun("the sequencer does not come up")


@contextmanager
def _ledger() -> Iterator[_Bench]:
    """A durable database, migrated, and a sequencer process over it; both end with the block."""
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's account passes through
        with EmbeddedPostgres(folder / "postgres") as server:
            dsn = server.owner_dsn
            subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=120)
            store_private_key(folder / "log.pem", generate_ed25519_key())
            child = subprocess.Popen([sys.executable, "-m", "benchmarks.ledger_growth", as_role(dsn, SEQUENCER), name])
            try:
                assert server.pid is not None
                yield _Bench(folder / "sequencer", child.pid, server.pid)
            finally:
                child.terminate()
                child.wait(60)


def _serve(dsn: str, folder: Path) -> int:
    """Be the sequencer: the same entry point that the product starts."""
    return run_sequencer(
        dsn, folder / "sequencer", folder / "mirror", folder / "log.pem", ORIGIN, lambda: datetime.now(UTC)
    )


if __name__ == "__main__":
    raise SystemExit(_serve(sys.argv[1], Path(sys.argv[2])))
