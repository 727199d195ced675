"""Claim: the queue to the tax service costs little beside the posts themselves.

The counterpart is the same for both, a process of its own that flushes what it takes; the limit is the same bodies,
encoded beforehand, posted over as many kept connections by as many threads, with no database and no note.
"""

from __future__ import annotations

import http.client
import multiprocessing
import signal
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import psycopg

from benchmarks.claim import Claim, per_second
from benchmarks.limits import disk_folder
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.projections.taxservice.fold import fold
from tallystick.authority.projections.taxservice.sending import Sender
from tallystick.authority.projections.taxservice.store import SQL
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.kernel.instants import unix_ms
from tallystick.ops.postgres import EmbeddedPostgres
from tallystick.ops.schema.migrate import migrate
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.ops.tax_service import TaxServiceAddress
from tallystick.simulation.tax_service import PORT_FILE, STORE_FILE, Manner, TaxServiceStore, play
from tallystick.wire.leaf import NO_LINK, pack_leaf
from tallystick.wire.record import read_record, write_document_record
from tallystick.wire.tax_service import DOCUMENT_TYPE, KEY_HEADER, document_of, write_document

DOCUMENTS, DOCUMENTS_SHORT = 20_000, 3_000
IN_FLIGHT = 16
BODY_BYTES = 2_048
FOLD_TARGET, SEND_TARGET = 0.3, 0.5
_SALT = bytes(32)
_MONTH = 683
_SPAWN = multiprocessing.get_context("spawn")
_SECONDS_MAX = 300.0


def run(full: bool) -> Iterator[Claim]:
    """Fold against reading the same records; fold and send against bare posts, before and after it."""
    count = DOCUMENTS if full else DOCUMENTS_SHORT
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-", dir=disk_folder()) as place:
        Path(place).chmod(0o711)
        with EmbeddedPostgres(Path(place) / "postgres", durable=True) as server:
            migrate(server.owner_dsn)
            entries = _documents(count)
            _fill(server.owner_dsn, entries)
            with psycopg.connect(as_role(server.owner_dsn, INTAKE)) as conn:
                yield _fold_claim(conn, count)
                yield _send_claim(conn, entries, Path(place))


def _documents(count: int) -> list[NewEntry]:
    at = unix_ms(datetime.now(UTC))
    return [
        NewEntry(
            kind=EntryKind.DOCUMENT,
            channel=Channel.ESDC,
            body=f"{number:0{BODY_BYTES}d}".encode(),
            media_type="application/json",
            received_at_ms=at,
            act_hash=sha256(b"act %d" % number),
            device=(uid := f"CARD{number % 200:04d}", uid),
            tin=f"1000{number % 50:05d}",
            premises=str(number % 80),
            document_type=0x0100,
            issued_at_ms=at,
            currency="XTS",
            total=125_000,
            tax_totals={"A": 20_800},
            se_total=number // 200 + 1,
            verdict=4,
        )
        for number in range(count)
    ]


def _fill(dsn: str, entries: list[NewEntry]) -> None:
    """The tables as the sequencer leaves them, as far as the queue reads them."""
    with psycopg.connect(dsn) as owner:
        owner.execute("SELECT ledger.ensure_month(%s)", [_MONTH])
        records = [_record(number, entry) for number, entry in enumerate(entries)]
        tables: dict[bytes, Iterator[tuple[Any, ...]]] = {
            b"COPY ledger.leaves FROM STDIN": (
                (number, _leaf(entry, record), _MONTH, entry.tin)
                for number, (entry, record) in enumerate(zip(entries, records, strict=True))
            ),
            b"COPY ledger.records FROM STDIN": (
                (_MONTH, entry.tin, number, _SALT, record)
                for number, (entry, record) in enumerate(zip(entries, records, strict=True))
            ),
            b"COPY ledger.bodies FROM STDIN": (
                (_MONTH, entry.tin, number, entry.media_type, entry.body) for number, entry in enumerate(entries)
            ),
        }
        for statement, rows in tables.items():
            with owner.cursor().copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)
        owner.execute("INSERT INTO ledger.checkpoints VALUES (%s, '')", [len(entries)])


def _record(number: int, entry: NewEntry) -> bytes:
    return write_document_record(entry, entry.act_hash, sha256(entry.body), NO_LINK, entry.se_total, 1, 0x0100, 1, 1)


def _leaf(entry: NewEntry, record: bytes) -> bytes:
    links = (NO_LINK,) * 4
    return pack_leaf(1, entry.channel, 0, entry.received_at_ms, record_commitment(_SALT, record), *links)


def _fold_claim(conn: psycopg.Connection[Any], count: int) -> Claim:
    started = time.perf_counter()
    for first in range(0, count, 1_000):
        for row in SQL.rows(conn, "span", first=first, last=first + 1_000):
            read_record(row[3])
    read = time.perf_counter() - started
    zone, started = ZoneInfo("UTC"), time.perf_counter()
    while fold(conn, zone, datetime.now(UTC)):
        conn.commit()
    folded = time.perf_counter() - started
    conn.commit()
    return Claim(
        name="tax queue: fold of the ledger into items and figures",
        measured=per_second(count / folded, "documents"),
        limit=per_second(count / read, "records read"),
        ratio=read / folded,
        target=f">= {FOLD_TARGET}",
        ok=read / folded >= FOLD_TARGET,
    )


def _send_claim(conn: psycopg.Connection[Any], entries: list[NewEntry], place: Path) -> Claim:
    half = len(entries) // 2
    bodies = [(entry.act_hash.hex(), _posted(number, entry)) for number, entry in enumerate(entries)]
    with _counterpart(place / "first") as url:
        before = _bare_rate(url, bodies[:half])
    with _counterpart(place / "queue") as url:
        rate = _queue_rate(conn, url, len(entries))
    with TaxServiceStore(place / "queue" / STORE_FILE) as kept:
        assert kept.count() == (len(entries), len(entries)), "every document once"
    with _counterpart(place / "second") as url:
        limit = (before + _bare_rate(url, bodies[half:])) / 2
    return Claim(
        name=f"tax queue: noted, sent and answered, {IN_FLIGHT} at once",
        measured=per_second(rate, "documents"),
        limit=per_second(limit, "bare posts"),
        ratio=rate / limit,
        target=f">= {SEND_TARGET}",
        ok=rate / limit >= SEND_TARGET,
    )


def _posted(number: int, entry: NewEntry) -> bytes:
    record = read_record(_record(number, entry))
    return write_document(document_of(record, entry=number, kind="receipt", body=entry.body))


def _queue_rate(conn: psycopg.Connection[Any], url: str, count: int) -> float:
    way = TaxServiceAddress(urlsplit(url), 30.0)
    sender = Sender(way, ZoneInfo("UTC"), lambda: datetime.now(UTC), IN_FLIGHT)
    started, done = time.perf_counter(), 0
    while done < count:
        assert time.perf_counter() - started < _SECONDS_MAX, f"{done} of {count}"
        done += sender.round(conn, timedelta(seconds=60))
    seconds = time.perf_counter() - started
    sender.close()
    return count / seconds


def _bare_rate(url: str, bodies: list[tuple[str, bytes]]) -> float:
    """Posts a second of bodies that are there, over kept connections."""
    parts = urlsplit(url)

    def post(share: list[tuple[str, bytes]]) -> None:
        connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=30)
        for act, body in share:
            connection.request("POST", parts.path, body, {"Content-Type": DOCUMENT_TYPE, KEY_HEADER: act})
            answer = connection.getresponse()
            assert b"accepted" in answer.read(), answer.status
        connection.close()

    started = time.perf_counter()
    with ThreadPoolExecutor(IN_FLIGHT) as pool:
        list(pool.map(post, [bodies[place::IN_FLIGHT] for place in range(IN_FLIGHT)]))
    return len(bodies) / (time.perf_counter() - started)


@contextmanager
def _counterpart(folder: Path) -> Iterator[str]:
    """The tax service in a process of its own, which must not import what it does not need; gives its address."""
    folder.mkdir()
    process = _SPAWN.Process(target=_play, args=(str(folder),), daemon=True)
    process.start()
    try:
        end = time.monotonic() + 30
        while not (folder / PORT_FILE).exists():
            assert time.monotonic() < end, "the counterpart never serves"
            time.sleep(0.02)
        yield f"http://127.0.0.1:{(folder / PORT_FILE).read_text()}/documents"
    finally:
        process.terminate()
        process.join(10)


def _play(folder: str) -> None:
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    play(Path(folder), 0, Manner.WELL, str)
