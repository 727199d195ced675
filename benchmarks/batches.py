"""Claims: a batch of 20,000 documents to its receipt, and a fleet that is back at once while shops sell on line.

Documents are signed beforehand, as registers sign them at the sale. A batch goes over TLS in parts of 1 MiB; the time
runs from its announcement to the receipt of its last document. The limit beside it is what the cores need for nothing
but ES256, SHA-256 and a COPY of the bodies.
"""

from __future__ import annotations

import http.client
import json
import os
import ssl
import sys
import tempfile
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import attrs
import psycopg
from cryptography.hazmat.primitives import serialization

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.claim import CannotRun, Claim, duration, per_second
from benchmarks.limits import best_seconds, disk_folder
from benchmarks.national_country import national_tills
from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import pem_of, public_key_of, read_certificate
from tallystick.crypto.signatures import verify_es256
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.device_policy import DeviceClass
from tallystick.kernel.hashing import device_link, sha256
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import to_milliseconds, unix_ms
from tallystick.kernel.shifts import RegisterState
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import DocumentHeader, read_signed
from tallystick.wire.offline_batch import (
    DOCUMENTS_MAX,
    Announcement,
    make_manifest,
    split_parts,
    write_announcement,
    write_manifest,
)

LINES = 3
SHOPS = 16
SHOP_RATE = 40.0
"""Receipts a second of all shops together."""
PROCESSES = ("sequencer", "ecr", "worker", "batches")
_PATH = "/ecr/v1/batches"
_PATIENCE_SECONDS = 600.0


def run(full: bool) -> Iterable[Claim]:
    """One large batch; then a fleet, smaller in the short run."""
    devices, days = (200, 3) if full else (24, 1)
    with running_authority(0, PROCESSES, {"TALLYSTICK_ECR_PORT": "0"}) as authority:
        country = authority.country
        origin = load_settings({"TALLYSTICK_COUNTRY": country.pack.code}).log_origin
        fleet = national_tills(authority, devices + 1, origin, DeviceClass.HARDWARE)
        shops = national_tills(authority, SHOPS, origin)
        port = int((country.state.run / "ecr.port").read_text())
        yield _one_batch(authority, port, fleet.pop())
        yield _a_fleet(authority, port, fleet, shops, days, 100)


def _one_batch(authority: RunningAuthority, port: int, till: NationalTill) -> Claim:
    """Claim 1."""
    documents = _signed([till], DOCUMENTS_MAX - 3, 1)[0]
    register = _Register(authority, port, till, documents)
    alone = alone_seconds(authority, till, documents)
    before = authority.processor_seconds()
    start = time.perf_counter()
    receipt = register.deliver()
    seconds = time.perf_counter() - start
    after = authority.processor_seconds()
    share = ", ".join(f"{name} {duration((after[name] - before[name]) / len(documents))}" for name in after)
    print(f"# a batch of {len(documents):,}: {receipt}; processor time of each document: {share}", file=sys.stderr)
    whole = receipt["booked"] == str(len(documents)) and receipt["flagged"] == "0"
    return Claim(
        f"batch of {len(documents):,} documents with its Z report, {sum(map(len, documents)) / 2**20:.0f} MiB, to its "
        "receipt",
        f"{duration(seconds)}, {per_second(len(documents) / seconds, 'documents')}",
        f"{duration(alone)} (ES256, SHA-256 and COPY alone, {os.cpu_count()} cores)",
        alone / seconds,
        "<= 10 s, ratio >= 0.7",
        whole and seconds <= 10 and alone / seconds >= 0.7,
    )


def _a_fleet(
    authority: RunningAuthority,
    port: int,
    fleet: Sequence[NationalTill],
    shops: Sequence[NationalTill],
    days: int,
    sales: int,
) -> Claim:
    """Claim 2."""
    made = _signed(fleet, sales, days)
    registers = [_Register(authority, port, till, mine) for till, mine in zip(fleet, made, strict=True)]
    selling = _Shops(authority, port, shops)
    selling.begin()
    start = time.perf_counter()
    with ThreadPoolExecutor(min(32, len(registers))) as pool:
        receipts = list(pool.map(_Register.deliver, registers))
    seconds = time.perf_counter() - start
    waits = selling.end()
    booked = sum(int(receipt["booked"]) for receipt in receipts)
    total = sum(map(len, made))
    with psycopg.connect(authority.country.owner_dsn) as conn:
        row = conn.execute("SELECT count(*) FROM ledger.identity WHERE signed_by LIKE 'HARD%'").fetchone()
    assert row is not None
    p99 = sorted(waits)[int(len(waits) * 0.99)]
    print(f"# shops: {len(waits)} receipts, p50 {duration(sorted(waits)[len(waits) // 2])}", file=sys.stderr)
    return Claim(
        f"{len(fleet)} registers back at once with {days * 24} hours each, {total:,} documents in {duration(seconds)} "
        f"({per_second(total / seconds, 'documents')}): shops on line meanwhile, {SHOP_RATE:.0f}/s",
        f"p99 {duration(p99)}",
        "",
        None,
        "p99 <= 1 s, nothing lost",
        p99 <= 1 and booked == total and row[0] >= total and not selling.refused,
    )


def _signed(tills: Sequence[NationalTill], sales: int, days: int) -> list[list[bytes]]:
    """What registers have made: registration, and whole shifts of so many sales, the last one of just now."""
    shares = [(_Papers.of(till), sales, days, system_clock()) for till in tills]
    with ProcessPoolExecutor() as pool:
        made = list(pool.map(_sell, shares))
    for till, (_, state, link) in zip(tills, made, strict=True):
        till.state, till.link = cast("RegisterState", state), link
    return [documents for documents, _, _ in made]


@attrs.frozen
class _Papers:
    """A till that has made nothing, in a form that goes to another process."""

    uid: str
    tin: str
    origin: str
    link: bytes
    build: str
    group: object
    key: bytes
    certificate: bytes

    @classmethod
    def of(cls, till: NationalTill) -> _Papers:
        return cls(till.uid, till.tin, till.origin, till.link, till.build, till.group, _pem(till), till.certificate)

    def till(self) -> NationalTill:
        made = NationalTill(self.uid, self.tin, self.origin, self.link, self.build, self.group)  # type: ignore[arg-type]  # it was of this type
        made.device.key = serialization.load_pem_private_key(self.key, None)  # type: ignore[assignment]  # it was one
        made.device.certificate = self.certificate
        return made


def _sell(work: tuple[_Papers, int, int, datetime]) -> tuple[list[bytes], object, bytes]:
    papers, sales, days, now = work
    till = papers.till()
    documents = [till.register(now)]
    sale = till.sale([f"{1 + line}.25" for line in range(LINES)])
    for _ in range(days):  # dated after the certificate, which is of just now; the window allows two minutes
        documents.append(till.open_shift(now))
        documents += [till.sell(now + timedelta(milliseconds=number), sale) for number in range(sales)]
        now += timedelta(milliseconds=sales)
        documents.append(till.report(now))
    return documents, till.state, till.link


def _pem(till: NationalTill) -> bytes:
    return till.device.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def context_of(authority: RunningAuthority, till: NationalTill) -> ssl.SSLContext:
    """TLS as a register opens it, with its certificate."""
    with tempfile.NamedTemporaryFile(dir=disk_folder(), suffix=".pem") as file:
        file.write(pem_of(till.certificate) + _pem(till))
        file.flush()
        return tls_client_context(authority.country.pki.files.root, Path(file.name), Path(file.name))


@attrs.define
class _Register:
    """A register that is back, with what it made."""

    authority: RunningAuthority
    port: int
    till: NationalTill
    documents: list[bytes]

    def deliver(self) -> dict[str, str]:
        """Announce, send all parts, close, and ask until the receipt is there."""
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.port, context=context_of(self.authority, self.till), timeout=120
        )
        batch, parts = os.urandom(16), list(split_parts(self.documents))
        path = f"{_PATH}/{write_base64url(batch).decode()}"
        said = write_announcement(Announcement(batch=batch, first=read_signed(self.documents[0]).header.sequence))
        _ask(connection, "POST", _PATH, said, "application/json")
        for number, part in enumerate(parts, 1):
            _ask(connection, "PUT", f"{path}/parts/{number}", part, "application/octet-stream")
        answer = _ask(connection, "POST", f"{path}/close", self._manifest(batch, parts), "application/jose")
        until = time.monotonic() + _PATIENCE_SECONDS
        while answer.get("state") != "done":
            if time.monotonic() > until:
                raise CannotRun(f"no receipt: {answer}")
            time.sleep(0.05)
            answer = _ask(connection, "GET", path, None, "")
        connection.close()
        return answer

    def _manifest(self, batch: bytes, parts: Sequence[bytes]) -> bytes:
        signed = [read_signed(one) for one in self.documents]
        manifest, last = make_manifest(batch, signed, parts), signed[-1]
        header = DocumentHeader(
            kid=sha256(self.till.certificate),
            audience=self.till.origin,
            device=Uid(self.till.uid),
            sequence=manifest.last + 1,
            previous=device_link(last.header.previous, manifest.last, last.body_hash),
            nonce=os.urandom(16),
            time_ms=unix_ms(to_milliseconds(system_clock())),
        )
        return write_manifest(header, manifest, self.till.device.sign)


def _ask(
    connection: http.client.HTTPConnection, method: str, path: str, body: bytes | None, content_type: str
) -> dict[str, str]:
    while True:
        connection.request(method, path, body, {"Content-Type": content_type} if content_type else {})
        answer = connection.getresponse()
        told: dict[str, str] = json.loads(answer.read())
        if answer.status in (429, 503):
            time.sleep(float(answer.headers.get("retry-after", "1")))
            continue
        if answer.status not in (200, 201, 202):
            raise CannotRun(f"{method} {path}: {answer.status} {told}")
        return told


class _Shops:
    """Tills on line that sell at a steady pace, each waiting for its answer."""

    def __init__(self, authority: RunningAuthority, port: int, tills: Sequence[NationalTill]) -> None:
        self._stop = threading.Event()
        self._waits: list[float] = []
        self.refused: list[str] = []
        self._threads = [threading.Thread(target=self._sell, args=(authority, port, till)) for till in tills]

    def begin(self) -> None:
        """Open the shops."""
        for thread in self._threads:
            thread.start()

    def end(self) -> list[float]:
        """Close them; how long each receipt took, in seconds."""
        self._stop.set()
        for thread in self._threads:
            thread.join(60)
        return self._waits

    def _sell(self, authority: RunningAuthority, port: int, till: NationalTill) -> None:
        context = context_of(authority, till)
        connection = http.client.HTTPSConnection("127.0.0.1", port, context=context, timeout=60)
        self._send(connection, till.register(system_clock()))
        self._send(connection, till.open_shift(system_clock()))
        pause = SHOPS / SHOP_RATE
        due = time.monotonic()
        while not self._stop.is_set():
            start = time.perf_counter()
            self._send(connection, till.sell(system_clock()))
            self._waits.append(time.perf_counter() - start)
            due += pause
            self._stop.wait(max(0.0, due - time.monotonic()))
        connection.close()

    def _send(self, connection: http.client.HTTPConnection, compact: bytes) -> None:
        connection.request("POST", "/ecr/v1/documents", compact, {"Content-Type": "application/jose"})
        answer = connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 201):
            self.refused.append(body.decode())


def alone_seconds(
    authority: RunningAuthority, till: NationalTill, documents: Sequence[bytes], cores: int | None = None
) -> float:
    """Seconds for signatures and hashes of all documents on so many cores (all of them), and one COPY of them."""
    signed = read_signed(documents[10])
    key = public_key_of(read_certificate(till.certificate))

    def judge() -> None:
        verify_es256(key, signed.signing_input, signed.signature)
        sha256(signed.compact)

    each = best_seconds(judge, calls=500)
    with psycopg.connect(authority.country.owner_dsn) as conn:
        conn.execute("CREATE TABLE public.copied (number bigint, body bytea)")
        conn.commit()
        start = time.perf_counter()
        with conn.cursor().copy("COPY public.copied FROM STDIN (FORMAT BINARY)") as copy:
            copy.set_types(["int8", "bytea"])
            for number, body in enumerate(documents):
                copy.write_row((number, body))
        conn.commit()
        copied = time.perf_counter() - start
        conn.execute("DROP TABLE public.copied")
        conn.commit()
    print(f"# alone: signature and hash {duration(each)}, COPY of all {duration(copied)}", file=sys.stderr)
    return each * len(documents) / (cores or os.cpu_count() or 1) + copied
