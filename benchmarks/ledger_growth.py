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
from benchmarks.log_key import file_signers
from benchmarks.processor_time import family_seconds, own_seconds
from tallystick.authority.ledger.client import SequencerClient
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.sequencer import run_sequencer
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.schema.roles import SEQUENCER, as_role

FULL_ENTRIES = 3_000_000
STAND_IN_ENTRIES = 100_000
SMALL_ENTRIES = 10_000
WINDOW_DOCUMENTS = 10_000
ROUNDS = 3
DEVICES = tuple(f"DEV{number:05d}" for number in range(457))
IN_FLIGHT = 256
BODY_BYTES = 200
TARGET = 1.15
ORIGIN = "fdo.example/bench/growth"
_START_SECONDS = 60


def run(full: bool) -> Iterable[Claim]:
    """Grow one ledger, then measure it in turns with small ones, so that both meet the same machine."""
    if not Path("/proc/self/stat").exists():
        raise CannotRun("processor time of other processes is read from /proc")
    entries = FULL_ENTRIES if full else STAND_IN_ENTRIES
    rate, grown, small = asyncio.run(_compare(entries))
    size = f"{entries:,} entries" + ("" if full else f" (stand-in for {FULL_ENTRIES:,}; FULL=1 measures those)")
    ratio = median(grown) / median(small)
    yield Claim(
        name=f"processor time of a document, sequencer and database, at {size}",
        measured=duration(median(grown)),
        limit=f"{duration(median(small))} at {SMALL_ENTRIES:,} entries",
        ratio=ratio,
        target=f"ratio at most {TARGET}",
        ok=ratio <= TARGET,
    )
    yield Claim(
        name=f"documents through the sequencer on {os.cpu_count()} cores, generator included",
        measured=per_second(rate, "documents"),
        limit="",
        ratio=None,
        target="none, for information",
        ok=True,
    )


async def _compare(entries: int) -> tuple[float, list[float], list[float]]:
    """Documents a second while growing, and the cost of a document in the large ledger and in small ones, in turns."""
    with _ledger() as large:
        await large.open()
        started = time.monotonic()
        await large.sell(entries - ROUNDS * WINDOW_DOCUMENTS)
        rate = (entries - ROUNDS * WINDOW_DOCUMENTS) / (time.monotonic() - started)
        costs: list[tuple[float, float]] = []
        for _ in range(ROUNDS):
            with _ledger() as small:
                await small.open()
                await small.sell(SMALL_ENTRIES - WINDOW_DOCUMENTS // 2)
                costs.append((await large.window(), await small.window()))
                await small.close()
        await large.close()
    return rate, [cost for cost, _ in costs], [cost for _, cost in costs]


@attrs.define
class _Bench:
    """A running sequencer over its own database, and the counters of the devices that sell."""

    socket: Path
    sequencer_pid: int
    database_pid: int
    client: SequencerClient = attrs.field(init=False)
    counters: dict[str, int] = attrs.Factory(lambda: dict.fromkeys(DEVICES, 0))

    async def open(self) -> None:
        """Connect and register the devices."""
        self.client = SequencerClient(self.socket)
        await _until_serving(self.client)
        await asyncio.gather(*(self.client.append(registration(device)) for device in DEVICES))

    async def close(self) -> None:
        """Disconnect."""
        await self.client.close()

    async def window(self) -> float:
        """Processor time of a document over the next 10,000, in seconds."""
        before = self._used_seconds()
        await self.sell(WINDOW_DOCUMENTS)
        return (self._used_seconds() - before) / WINDOW_DOCUMENTS

    async def sell(self, documents: int) -> None:
        """So many sales, hundreds in flight."""
        left = documents

        async def till() -> None:
            nonlocal left
            while left > 0:
                left -= 1
                device = random.choice(DEVICES)
                self.counters[device] += 1
                await self.client.append(_sale(device, self.counters[device]))

        await asyncio.gather(*(till() for _ in range(IN_FLIGHT)))

    def _used_seconds(self) -> float:
        return own_seconds(self.sequencer_pid) + family_seconds(self.database_pid)


def registration(device: str) -> NewEntry:
    """The entry that opens a device's sequence."""
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
        dsn,
        folder / "sequencer",
        folder / "mirror",
        file_signers(folder / "log.pem", ORIGIN),
        ORIGIN,
        lambda: datetime.now(UTC),
    )


if __name__ == "__main__":
    raise SystemExit(_serve(sys.argv[1], Path(sys.argv[2])))
