"""Claims: receipts of online registers a second, verified, durable and sequenced; and how long each of them waits.

Receipts are signed beforehand. Everything runs on the cores of this machine: TLS with client certificates, the
pipeline, the sequencer with PostgreSQL, and a load generator that is compiled when this runs (gcc and OpenSSL's headers
are needed). The limit beside it is what one core needs for nothing but the ES256 signature, reading header and payload,
and a COPY of the body, times the cores. Each till has one connection and waits for its answer, as the order of its
documents demands.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from http.client import HTTPSConnection
from pathlib import Path
from statistics import median
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
from tallystick.kernel.shifts import RegisterState
from tallystick.ops.processes.context import ecr_name, system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.document_jws import read_signed
from tallystick.wire.ecr_api import DOCUMENTS_PATH
from tallystick.wire.national_document import read_document

TILLS = 128
LINES = 9
TARGET = 5_000.0
WARM_UP_SECONDS = 2.0
CALM_WARM_UP_SECONDS = 6.0
"""All tills connect at once, and half of them to a process that has not seen their shift: what piles up behind that
must be gone before waits count, for a shop opens once a day."""
SIGNED_FOR_SECONDS = 60.0
"""How far ahead documents are dated, so that the window is open while they are sent: it is 120 s to either side."""
_PAUSE_SECONDS = 0.025
"""Within the budget of one device."""
CHANNELS = max(1, min(2, os.cpu_count() or 1))
PROCESSES = ("sequencer", *(ecr_name(number) for number in range(1, CHANNELS + 1)), "worker")
_HEAD = (
    b"POST /ecr/v1/documents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/jose\r\n"
    b"Content-Length: %d\r\n\r\n"
)


def run(full: bool) -> Iterable[Claim]:
    """As many as can be, then half as many with their waits, then repeats; ``full`` takes longer."""
    seconds = 30.0 if full else 8.0
    program = _compiled()
    told = {"TALLYSTICK_ECR_PROCESSES": str(CHANNELS), "TALLYSTICK_ECR_PORT": "0"}
    with running_authority(0, PROCESSES, told) as authority:
        country = authority.country
        origin = load_settings({**told, "TALLYSTICK_COUNTRY": country.pack.code}).log_origin
        tills = national_tills(authority, TILLS, origin)
        limit = _alone(authority, tills[0])
        bench = _Bench(program, authority, tills, int((country.state.run / "ecr.port").read_text()))
        bench.send(bench.begun(), 0.0, 30.0)
        need = int(TARGET * 1.6 * (WARM_UP_SECONDS + seconds) / TILLS)
        most = bench.send(bench.receipts(need), WARM_UP_SECONDS, seconds)
        rate = most.answered / seconds
        able = (os.cpu_count() or 1) / most.processor_seconds
        yield Claim(
            f"receipts of online registers, durable and in the ledger, {TILLS} tills, {CHANNELS} processes "
            f"(p99 {duration(most.quantile(0.99))}; by processor time, the load not counted, {able:,.0f}/s)",
            per_second(rate, "receipts"),
            f"{per_second(limit, 'receipts')} (ES256, reading and COPY alone, {os.cpu_count()} cores)",
            rate / limit,
            f">= {TARGET:,.0f}/s",
            rate >= TARGET and not most.refused,
        )
        half = rate / 2
        need = int(half * 1.2 * (CALM_WARM_UP_SECONDS + seconds) / TILLS) + 2
        calm = bench.send(bench.receipts(need), CALM_WARM_UP_SECONDS, seconds, half)
        p50, p99 = calm.quantile(0.5), calm.quantile(0.99)
        yield Claim(
            f"device to answer at half that rate, {per_second(calm.answered / seconds, 'receipts')}",
            f"p50 {duration(p50)}, p99 {duration(p99)}",
            "",
            None,
            "p50 <= 20 ms, p99 <= 100 ms",
            p50 <= 0.02 and p99 <= 0.1 and not calm.refused,
        )
        repeated, looked_up = bench.repeats(400 if full else 150)
        yield Claim(
            "repeat of a booked document, against a look-up of it through the same door; ledger unchanged",
            duration(repeated),
            duration(looked_up),
            repeated / looked_up,
            "<= 1.5",
            repeated <= 1.5 * looked_up,
        )


@attrs.frozen
class _Load:
    """What came of it."""

    answered: int
    refused: int
    processor_seconds: float
    waits: list[int]

    def quantile(self, share: float) -> float:
        """Seconds."""
        return sorted(self.waits)[int(len(self.waits) * share)] / 1e6 if self.waits else 0.0


@attrs.frozen
class _Bench:
    """The tills with their papers in a folder for the load generator."""

    program: Path
    authority: RunningAuthority
    tills: list[NationalTill]
    port: int

    def begun(self) -> list[list[bytes]]:
        """Registration and opening of the shift, for each till."""
        at = system_clock()
        return [[till.register(at), till.open_shift(at)] for till in self.tills]

    def receipts(self, each: int) -> list[list[bytes]]:
        """So many receipts of each till, signed on all cores."""
        at = system_clock() + timedelta(seconds=SIGNED_FOR_SECONDS)
        shares = [(_Papers.of(till), each, at) for till in self.tills]
        with ProcessPoolExecutor() as pool:
            made = list(pool.map(_sign, shares, chunksize=4))
        for till, (documents, state, link) in zip(self.tills, made, strict=True):
            till.state, till.link = cast("RegisterState", state), link
            assert documents
        return [documents for documents, _, _ in made]

    def send(self, documents: list[list[bytes]], warm_up: float, seconds: float, rate: float = 0.0) -> _Load:
        """Send them; tills whose documents were not all sent go back to the last that was."""
        with tempfile.TemporaryDirectory(dir=disk_folder()) as name:
            folder = Path(name)
            for number, (till, mine) in enumerate(zip(self.tills, documents, strict=True)):
                _write_papers(folder / f"{number}.pem", till)
                with (folder / f"{number}.requests").open("wb") as file:
                    for body in mine:
                        request = _HEAD % len(body) + body
                        file.write(struct.pack("<I", len(request)) + request)
            before = self.authority.processor_seconds()
            arguments = [self.port, folder, len(self.tills), warm_up, seconds, rate]
            done = subprocess.run(
                [self.program, *map(str, arguments)], capture_output=True, text=True, timeout=300, check=False
            )
            if done.returncode:
                raise CannotRun(done.stderr)
            told = json.loads(done.stdout)
            waits = (folder / "waits").read_bytes()
        each = self._say(told, before)
        self._go_on()
        return _Load(told["answered"], told["refused"], each, [value for (value,) in struct.iter_unpack("<I", waits)])

    def _say(self, told: dict[str, int], before: dict[str, float]) -> float:
        """Processor seconds that a receipt cost, of all processes but the load generator."""
        after, count = self.authority.processor_seconds(), max(1, told["booked"])
        each = {name: (after[name] - before[name]) / count for name in after}
        share = ", ".join(f"{name} {duration(seconds)}" for name, seconds in each.items())
        print(f"# {told}; processor time of a receipt {duration(sum(each.values()))}: {share}", file=sys.stderr)
        return sum(each.values())

    def _go_on(self) -> None:
        """Each till knows from the ledger which of its documents was the last one."""
        with psycopg.connect(self.authority.country.owner_dsn) as conn:
            rows = conn.execute("SELECT signed_by, seq, link FROM ledger.device_heads").fetchall()
        heads = {uid: (seq, link) for uid, seq, link in rows}
        for till in self.tills:
            seq, till.link = heads[till.uid]
            till.state = attrs.evolve(till.state, documents=seq)

    def repeats(self, count: int) -> tuple[float, float]:
        """Median seconds of a repeated document, and of a look-up of the same through the same door, by turns."""
        till = self.tills[0]
        body = till.sell(system_clock())
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / "till.pem"
            _write_papers(file, till)
            context = tls_client_context(self.authority.country.pki.files.root, file, file)
        connection = HTTPSConnection("127.0.0.1", self.port, context=context, timeout=30)

        def ask(method: str, path: str, sent: bytes | None, *statuses: int) -> float:
            start = time.perf_counter()
            connection.request(method, path, sent, {"Content-Type": "application/jose"} if sent else {})
            reply = connection.getresponse()
            content = reply.read()
            assert reply.status in statuses, content
            return time.perf_counter() - start

        ask("POST", DOCUMENTS_PATH, body, 201)
        own = f"{DOCUMENTS_PATH}/{till.number(till.state.documents)}"
        rows = "SELECT count(*) FROM ledger.leaves"
        with psycopg.connect(self.authority.country.owner_dsn, autocommit=True) as conn:
            before = conn.execute(rows).fetchone()
            repeated, looked_up = [], []
            for _ in range(count):
                time.sleep(_PAUSE_SECONDS)
                repeated.append(ask("POST", DOCUMENTS_PATH, body, 200))
                time.sleep(_PAUSE_SECONDS)
                looked_up.append(ask("GET", own, None, 200))
            assert conn.execute(rows).fetchone() == before, "a repeat leaves the ledger as it is"
        connection.close()
        return median(repeated), median(looked_up)


@attrs.frozen
class _Papers:
    """A till in a form that goes to another process."""

    uid: str
    tin: str
    origin: str
    link: bytes
    build: str
    group: object
    state: object
    key: bytes
    certificate: bytes

    @classmethod
    def of(cls, till: NationalTill) -> _Papers:
        return cls(
            till.uid, till.tin, till.origin, till.link, till.build, till.group, till.state, _pem(till), till.certificate
        )

    def till(self) -> NationalTill:
        made = NationalTill(self.uid, self.tin, self.origin, self.link, self.build, self.group, self.state)  # type: ignore[arg-type]  # they were of these types
        made.device.key = serialization.load_pem_private_key(self.key, None)  # type: ignore[assignment]  # it was one
        made.device.certificate = self.certificate
        return made


def _sign(work: tuple[_Papers, int, datetime]) -> tuple[list[bytes], object, bytes]:
    papers, each, at = work
    till = papers.till()
    sale = till.sale([f"{1 + line}.25" for line in range(LINES)])
    documents = [till.sell(at + timedelta(milliseconds=number), sale) for number in range(each)]
    return documents, till.state, till.link


def _pem(till: NationalTill) -> bytes:
    return till.device.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def _write_papers(file: Path, till: NationalTill) -> None:
    file.write_bytes(pem_of(till.certificate) + _pem(till))


def _compiled() -> Path:
    """The load generator."""
    compiler = shutil.which("gcc") or shutil.which("cc")
    if compiler is None:
        raise CannotRun("no C compiler (Debian: gcc, libssl-dev)")
    program = Path(tempfile.mkdtemp(dir=disk_folder(), prefix="tallystick-load-")) / "jose_load"
    source = Path(__file__).with_name("jose_load.c")
    done = subprocess.run(
        [compiler, "-O2", "-o", program, source, "-lssl", "-lcrypto"], capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise CannotRun(f"the load generator cannot be compiled (Debian: gcc, libssl-dev): {done.stderr[:200]}")
    return program


def _alone(authority: RunningAuthority, till: NationalTill) -> float:
    """Receipts a second of all cores if each needed its signature, its reading and a COPY, and nothing else."""
    papers = _Papers.of(till)
    body = _sign((papers, 3, system_clock()))[0][0] if till.state.is_open else _first_receipt(papers)
    key = public_key_of(read_certificate(till.certificate))

    def judge() -> None:
        signed = read_signed(body)
        verify_es256(key, signed.signing_input, signed.signature)
        read_document(signed.payload)

    each = best_seconds(judge, calls=500)
    copy = _copy_seconds(authority, body)
    print(f"# alone: signature and reading {duration(each)}, COPY {duration(copy)}", file=sys.stderr)
    return (os.cpu_count() or 1) / (each + copy)


def _first_receipt(papers: _Papers) -> bytes:
    till = papers.till()
    at = system_clock()
    till.register(at)
    till.open_shift(at)
    return till.sell(at, till.sale([f"{1 + line}.25" for line in range(LINES)]))


def _copy_seconds(authority: RunningAuthority, body: bytes) -> float:
    """Of one body in batches of 500, each a transaction that is flushed."""
    rounds = []
    with psycopg.connect(authority.country.owner_dsn) as conn:
        conn.execute("CREATE TABLE public.copied (number bigint, body bytea)")
        for _ in range(7):
            start = time.perf_counter()
            with conn.cursor().copy("COPY public.copied FROM STDIN (FORMAT BINARY)") as copy:
                copy.set_types(["int8", "bytea"])
                for number in range(500):
                    copy.write_row((number, body))
            conn.commit()
            rounds.append((time.perf_counter() - start) / 500)
        conn.execute("DROP TABLE public.copied")
        conn.commit()
    return median(rounds)
