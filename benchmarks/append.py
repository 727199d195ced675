"""Ledger append with all sequences against COPY alone of the same rows, in the same batches, on the same server.

The sequencer's writer runs as in its process, from queue to signed answer: decode, five links, leaf, tree, COPY, heads,
mirror with its own flush, commit, signature. COPY alone writes the rows that it wrote (eight tables, all indexes and
triggers) in transactions of the same size into an empty database, and commits: no hashes, no heads, no mirror, no tree.
fsync is on for both, bodies have 2 KB, and they take turns, so that both meet the same machine.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

import attrs
import psycopg
from psycopg.conninfo import make_conninfo

from benchmarks.claim import CannotRun, Claim, per_second
from benchmarks.ledger_growth import registration
from benchmarks.limits import disk_folder, flush_seconds
from benchmarks.log_key import file_signers
from tallystick.authority.ledger import store
from tallystick.authority.ledger.copying import copy_all
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.authority.ledger.protocol import write_append
from tallystick.authority.ledger.sequencer import writer_settings
from tallystick.authority.ledger.writer import State, Writer
from tallystick.authority.ledger.writer_settings import Ticket
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.schema.roles import SEQUENCER, as_role

TARGET = 0.7
DEVICES = tuple(f"DEV{number:05d}" for number in range(1_000))
BODY_BYTES = 2_000
DOCUMENTS = 20_000
FULL_DOCUMENTS = 100_000
ROUNDS = 3
FULL_ROUNDS = 5
ORIGIN = "fdo.example/bench/append"
_QUEUED = 2_048
_WAIT_SECONDS = 120

Copies = list[list[tuple[bytes, bytes]]]


def run(full: bool) -> Iterable[Claim]:
    """So many rounds of both, in turns; the median of their ratios."""
    sys.setswitchinterval(0.0002)  # as the sequencer's process does
    documents, rounds = (FULL_DOCUMENTS, FULL_ROUNDS) if full else (DOCUMENTS, ROUNDS)
    ours, alone, sizes = [], [], []
    with _server() as dsn:
        for number in range(rounds):
            rate, copies = _append(dsn, f"ours_{number}", documents)
            ours.append(rate)
            sizes.append(documents / max(len(copies), 1))
            alone.append(_copy_alone(dsn, f"alone_{number}", copies, documents))
    ratios = [mine / copied for mine, copied in zip(ours, alone, strict=True)]
    spread = f"{min(ratios):.2f} to {max(ratios):.2f} in {rounds} rounds"
    yield Claim(
        name=f"ledger append with all sequences, 2 KB bodies, fsync on, {median(sizes):.0f} documents a batch",
        measured=per_second(median(ours), "documents"),
        limit=f"{per_second(median(alone), 'documents')} by COPY alone ({spread})",
        ratio=median(ratios),
        target=f"at least {TARGET}; 12,000/s known, 20,000/s the aim",
        ok=median(ratios) >= TARGET,
    )
    yield Claim(
        name="flushes of the disk under it",
        measured=per_second(1 / flush_seconds(), "flushes"),
        limit="",
        ratio=None,
        target="none, for information",
        ok=True,
    )


@contextmanager
def _server() -> Iterator[str]:
    """A durable server with a migrated database that others are copied from."""
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        folder.chmod(0o755)  # the database's account passes through
        with EmbeddedPostgres(folder / "postgres") as server:
            dsn = server.owner_dsn
            subprocess.run([sys.executable, "-m", "tallystick.ops.schema.migrate", dsn], check=True, timeout=120)
            yield dsn


@contextmanager
def _database(dsn: str, name: str) -> Iterator[str]:
    administrator = make_conninfo(dsn, dbname="postgres")
    with psycopg.connect(administrator, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name} TEMPLATE tallystick STRATEGY file_copy".encode())
        connection.execute("CHECKPOINT")
    try:
        yield make_conninfo(dsn, dbname=name)
    finally:
        with psycopg.connect(administrator, autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


@attrs.define
class _Counter:
    """Counts answers; ``left`` is how many are still out."""

    left: int
    done: threading.Event = attrs.Factory(threading.Event)

    def deliver(self, answers: Sequence[tuple[Ticket, bytes]]) -> None:
        """In the writer's thread."""
        if any(payload[:1] != b"\0" for _, payload in answers):
            raise CannotRun("a document was refused")
        self.left -= len(answers)
        if self.left <= 0:
            self.done.set()


def _append(dsn: str, name: str, documents: int) -> tuple[float, Copies]:
    """Documents a second through the writer, and what it copied, batch by batch."""
    with _database(dsn, name) as mine, tempfile.TemporaryDirectory(dir=disk_folder()) as kept:
        folder = Path(kept)
        signers = file_signers(folder / "log.pem", ORIGIN)
        settings = writer_settings(
            as_role(mine, SEQUENCER), folder / "mirror", signers, ORIGIN, lambda: datetime.now(UTC)
        )
        counter = _Counter(0)
        writer = Writer(settings, counter.deliver)
        thread = threading.Thread(target=writer.run, name="ledger-writer", daemon=True)
        thread.start()
        _until(lambda: writer.state is State.SERVING)
        _feed(writer, counter, [write_append(registration(device)) for device in DEVICES])
        payloads = [write_append(entry) for entry in _sales(documents)]
        copies: Copies = []
        with _recorded(copies):
            started = time.monotonic()
            _feed(writer, counter, payloads)
            seconds = time.monotonic() - started
        writer.stop()
        thread.join(30)
    return documents / seconds, copies


def _feed(writer: Writer, counter: _Counter, payloads: Sequence[bytes]) -> None:
    """Keep the queue filled, but bounded, as the socket does."""
    counter.left = len(payloads)
    counter.done.clear()
    for payload in payloads:
        while writer.status.queued >= _QUEUED:
            time.sleep(0.002)
        writer.put(Ticket(payload))
    if not counter.done.wait(_WAIT_SECONDS):
        raise CannotRun("the writer does not answer")


@contextmanager
def _recorded(copies: Copies) -> Iterator[None]:
    """Keep what is copied; the writer's own work is not changed."""

    def record(connection: psycopg.pq.abc.PGconn, data: Sequence[tuple[bytes, bytes]]) -> None:
        copies.append(list(data))
        copy_all(connection, data)

    vars(store)["copy_all"] = record
    try:
        yield
    finally:
        vars(store)["copy_all"] = copy_all


def _copy_alone(dsn: str, name: str, copies: Copies, documents: int) -> float:
    """Documents a second by COPY of the same rows in the same transactions."""
    with _database(dsn, name) as mine, psycopg.connect(as_role(mine, SEQUENCER), autocommit=True) as connection:
        month = unix_ms(datetime.now(UTC)) // 1000
        moment = datetime.fromtimestamp(month, UTC)
        connection.execute("SELECT ledger.ensure_month(%s)", ((moment.year - 1970) * 12 + moment.month - 1,))
        pgconn = connection.pgconn
        started = time.monotonic()
        for batch in copies:
            pgconn.exec_(b"BEGIN")
            copy_all(pgconn, batch)
            pgconn.exec_(b"COMMIT")
        seconds = time.monotonic() - started
        found = connection.execute("SELECT count(*) FROM ledger.leaves").fetchone()
        assert found == (documents,), found
    return documents / seconds


def _sales(documents: int) -> Iterator[NewEntry]:
    """Sales of all devices in turn, with bodies that no store can compress away."""
    for number in range(documents):
        device, ordinal = DEVICES[number % len(DEVICES)], number // len(DEVICES) + 1
        body = f"{device}-{device}-{ordinal}".encode() + os.urandom(BODY_BYTES // 2).hex().encode()
        now_ms = unix_ms(datetime.now(UTC))
        yield NewEntry(
            kind=EntryKind.DOCUMENT,
            channel=1,
            body=body[:BODY_BYTES],
            media_type="application/json",
            received_at_ms=now_ms,
            act_hash=sha256(body),
            file_hash=sha256(body[:100]),
            device=(device, device),
            tin="1" + device,
            premises="1",
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
            certificate_hash=sha256(device.encode()),
            verdict=4,
        )


def _until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + _WAIT_SECONDS
    while not holds():
        if time.monotonic() > deadline:
            raise CannotRun("the sequencer does not come up")
        time.sleep(0.02)
