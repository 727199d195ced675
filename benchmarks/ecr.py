"""Claims: receipts of online registers a second, verified, durable and sequenced; and how long each of them waits.

Receipts are signed beforehand. Everything runs on the cores of this machine: TLS with client certificates, the
pipeline, the sequencer with PostgreSQL, and a load generator that is compiled when this runs (gcc and OpenSSL's headers
are needed). The limit beside it is what one core needs for nothing but the ES256 signature, reading header and payload,
and a COPY of the body, times the cores. Each till has one connection and waits for its answer, as the order of its
documents demands.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Iterable
from http.client import HTTPSConnection
from pathlib import Path
from statistics import median

import psycopg

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.claim import Claim, duration, per_second
from benchmarks.limits import best_seconds
from benchmarks.national_country import national_tills
from benchmarks.national_load import LINES, Bench, Papers, compiled_generator, sign_receipts, write_papers
from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import public_key_of, read_certificate
from tallystick.crypto.signatures import verify_es256
from tallystick.crypto.tls import tls_client_context
from tallystick.ops.processes.context import ecr_name, system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.document_jws import read_signed
from tallystick.wire.ecr_api import DOCUMENTS_PATH
from tallystick.wire.national_document import read_document

TILLS = 128
TARGET = 5_000.0
WARM_UP_SECONDS = 2.0
CALM_WARM_UP_SECONDS = 6.0
"""All tills connect at once, and half of them to a process that has not seen their shift: what piles up behind that
must be gone before waits count, for a shop opens once a day."""
_PAUSE_SECONDS = 0.025
"""Within the budget of one device."""
CHANNELS = max(1, min(2, os.cpu_count() or 1))
PROCESSES = ("sequencer", *(ecr_name(number) for number in range(1, CHANNELS + 1)), "worker")


def run(full: bool) -> Iterable[Claim]:
    """As many as can be, then half as many with their waits, then repeats; ``full`` takes longer."""
    seconds = 30.0 if full else 8.0
    program = compiled_generator()
    told = {"TALLYSTICK_ECR_PROCESSES": str(CHANNELS), "TALLYSTICK_ECR_PORT": "0"}
    with running_authority(0, PROCESSES, told) as authority:
        country = authority.country
        origin = load_settings({**told, "TALLYSTICK_COUNTRY": country.pack.code}).log_origin
        tills = national_tills(authority, TILLS, origin)
        limit = _alone(authority, tills[0])
        bench = Bench(program, authority, tills, int((country.state.run / "ecr.port").read_text()))
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
        repeated, looked_up = _repeats(bench, 400 if full else 150)
        yield Claim(
            "repeat of a booked document, against a look-up of it through the same door; ledger unchanged",
            duration(repeated),
            duration(looked_up),
            repeated / looked_up,
            "<= 1.5",
            repeated <= 1.5 * looked_up,
        )


def _repeats(bench: Bench, count: int) -> tuple[float, float]:
    """Median seconds of a repeated document, and of a look-up of the same through the same door, by turns."""
    till, country = bench.tills[0], bench.authority.country
    body = till.sell(system_clock())
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "till.pem"
        write_papers(file, till)
        context = tls_client_context(country.pki.files.root, file, file)
    connection = HTTPSConnection("127.0.0.1", bench.port, context=context, timeout=30)

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
    with psycopg.connect(country.owner_dsn, autocommit=True) as conn:
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


def _alone(authority: RunningAuthority, till: NationalTill) -> float:
    """Receipts a second of all cores if each needed its signature, its reading and a COPY, and nothing else."""
    papers = Papers.of(till)
    body = sign_receipts((papers, 3, system_clock()))[0][0] if till.state.is_open else _first_receipt(papers)
    key = public_key_of(read_certificate(till.certificate))

    def judge() -> None:
        signed = read_signed(body)
        verify_es256(key, signed.signing_input, signed.signature)
        read_document(signed.payload)

    each = best_seconds(judge, calls=500)
    copy = _copy_seconds(authority, body)
    print(f"# alone: signature and reading {duration(each)}, COPY {duration(copy)}", file=sys.stderr)
    return (os.cpu_count() or 1) / (each + copy)


def _first_receipt(papers: Papers) -> bytes:
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
