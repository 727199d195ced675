"""Claim: a bulk of an ERP is booked at near the price of a batch, many times faster than one document after the other.

Documents are signed beforehand. One connection sends 200 of them one by one, each after the answer to the one before,
then bulks of 1,000, each after the verdicts of the one before. Beside it stands what one core needs for nothing but
ES256, SHA-256 and a COPY of the bodies: a bulk is judged in one process, in the order of its device.
"""

from __future__ import annotations

import http.client
import json
import sys
import time
from collections.abc import Iterable, Sequence

import psycopg

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.batches import alone_seconds, context_of
from benchmarks.claim import CannotRun, Claim, duration, per_second
from benchmarks.national_country import begin_sequences, enrolled_erp
from benchmarks.national_till import NationalTill
from tallystick.authority.channels.erp.bulk import DOCUMENTS_MOST
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.erp_api import BULK_PATH, BULK_TYPE, DOCUMENTS_PATH

ONE_BY_ONE = 200
PROCESSES = ("sequencer", "ecr", "worker")
_VIEW_SECONDS = 2.5


def run(full: bool) -> Iterable[Claim]:
    """Three bulks; ten in the long run."""
    bulks = 10 if full else 3
    with running_authority(0, PROCESSES, {"TALLYSTICK_ECR_PORT": "0"}) as authority:
        country = authority.country
        origin = load_settings({"TALLYSTICK_COUNTRY": country.pack.code}).log_origin
        with psycopg.connect(country.owner_dsn) as conn:
            erp = enrolled_erp(conn, country.pki, country.pack, origin)
        begin_sequences(country.owner_dsn, [erp])
        time.sleep(_VIEW_SECONDS)
        yield _claim(authority, erp, bulks)


def _claim(authority: RunningAuthority, erp: NationalTill, bulks: int) -> Claim:
    port = int((authority.country.state.run / "ecr.port").read_text())
    connection = http.client.HTTPSConnection("127.0.0.1", port, context=context_of(authority, erp), timeout=120)
    for compact in (erp.register(system_clock()), erp.open_shift(system_clock())):
        _one(connection, compact)
    single = [erp.sell(system_clock()) for _ in range(ONE_BY_ONE)]
    start = time.perf_counter()
    for compact in single:
        _one(connection, compact)
    one_by_one = ONE_BY_ONE / (time.perf_counter() - start)
    seconds = 0.0
    used = dict.fromkeys(authority.processor_seconds(), 0.0)
    for _ in range(bulks):  # signed within the time window
        documents = [erp.sell(system_clock()) for _ in range(DOCUMENTS_MOST)]
        before, start = authority.processor_seconds(), time.perf_counter()
        _bulk(connection, documents)
        seconds += time.perf_counter() - start
        for name, now in authority.processor_seconds().items():
            used[name] += now - before[name]
    count = bulks * DOCUMENTS_MOST
    share = ", ".join(f"{name} {duration(spent / count)}" for name, spent in used.items())
    alone = alone_seconds(authority, erp, single * (count // ONE_BY_ONE), cores=1)
    print(f"# erp bulk: processor time of each document: {share}", file=sys.stderr)
    rate = count / seconds
    return Claim(
        f"erp bulk: {bulks} bulks of {DOCUMENTS_MOST:,} documents of one connection, to the last verdict "
        f"({per_second(count / alone, 'documents')} for ES256, SHA-256 and COPY alone on one core)",
        per_second(rate, "documents"),
        f"{per_second(one_by_one, 'documents')} one by one",
        rate / one_by_one,
        ">= 5 times one by one",
        rate >= 5 * one_by_one,
    )


def _one(connection: http.client.HTTPSConnection, compact: bytes) -> None:
    connection.request("POST", DOCUMENTS_PATH, compact, {"Content-Type": "application/jose"})
    answer = connection.getresponse()
    body = answer.read()
    if answer.status != 201:
        raise CannotRun(body.decode())


def _bulk(connection: http.client.HTTPSConnection, documents: Sequence[bytes]) -> None:
    connection.request("POST", BULK_PATH, b"\n".join(documents), {"Content-Type": BULK_TYPE})
    lines = connection.getresponse().read().splitlines()
    states = {json.loads(line)["state"] for line in lines}
    if len(lines) != len(documents) or states != {"booked"}:
        raise CannotRun(f"{len(lines)} verdicts: {states}")
