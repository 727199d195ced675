"""Claim: what a register has sold on line, a buyer can verify within a second, also while many others sell.

Two registers sell over TLS to the real door, each on a connection of its own. The clock runs from the last byte of the
answer to the first one *valid* of the public listener. Beside them 128 tills sell at half of the rate that they
reach at best in this run, from the compiled load generator of `national_load`.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
import threading
import time
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPSConnection
from pathlib import Path
from statistics import quantiles

import attrs

from benchmarks.authority_processes import running_authority
from benchmarks.claim import Claim, duration, per_second
from benchmarks.ecr import CHANNELS, PROCESSES, TARGET, TILLS
from benchmarks.national_country import national_tills
from benchmarks.national_load import LINES, Bench, compiled_generator, write_papers
from benchmarks.national_till import NationalTill
from benchmarks.probe import Buyer
from tallystick.crypto.tls import tls_client_context
from tallystick.ops.processes.context import system_clock
from tallystick.ops.settings import load_settings
from tallystick.wire.ecr_api import DOCUMENTS_PATH

PROBES = 2
TARGET_SECONDS = 1.0
SHARE_OF_BEST = 0.5
PAUSE_SECONDS = 0.1
POLL_SECONDS = 0.01
PATIENCE_SECONDS = 10.0
FEWEST_SALES = 100
_BURST_SECONDS = 5.0
_WARM_UP_SECONDS = 2.0


def run(full: bool) -> Iterable[Claim]:
    """The 99th percentile; ``full`` watches for longer."""
    seconds = 120.0 if full else 20.0
    program = compiled_generator()
    told = {"TALLYSTICK_ECR_PROCESSES": str(CHANNELS), "TALLYSTICK_ECR_PORT": "0"}
    with running_authority(0, (PROCESSES[0], "public", *PROCESSES[1:]), told) as authority:
        country = authority.country
        origin = load_settings({**told, "TALLYSTICK_COUNTRY": country.pack.code}).log_origin
        tills = national_tills(authority, TILLS + PROBES, origin)
        port = int((country.state.run / "ecr.port").read_text())
        bench = Bench(program, authority, tills[PROBES:], port)
        bench.send(bench.begun(), 0.0, 30.0)
        best = bench.send(bench.receipts(_receipts_each(TARGET, _BURST_SECONDS)), _WARM_UP_SECONDS, _BURST_SECONDS)
        rate = best.answered / _BURST_SECONDS * SHARE_OF_BEST
        probes = [_Probe.of(till, port, country.pki.files.root) for till in tills[:PROBES]]
        documents = bench.receipts(_receipts_each(rate, seconds))
        over = threading.Event()
        with ThreadPoolExecutor(PROBES) as pool:
            watched = [pool.submit(probe.sell_until, over) for probe in probes]
            try:
                load = bench.send(documents, _WARM_UP_SECONDS, seconds, rate)
            finally:
                over.set()
            waits = [wait for one in watched for wait in one.result()]
    yield _claim(waits, load.answered / seconds, load.refused)


def _receipts_each(rate: float, seconds: float) -> int:
    return int(rate * 1.2 * (_WARM_UP_SECONDS + seconds) / TILLS) + 2


@attrs.frozen
class _Probe:
    """A register with a kept connection, and the buyer of what it sells."""

    till: NationalTill
    connection: HTTPSConnection
    buyer: Buyer

    @classmethod
    def of(cls, till: NationalTill, port: int, root: Path) -> _Probe:
        """Register it and open its shift."""
        with tempfile.TemporaryDirectory() as name:
            file = Path(name) / "till.pem"
            write_papers(file, till)
            context = tls_client_context(root, file, file)
        connection = HTTPSConnection("127.0.0.1", port, context=context, timeout=30)
        probe = cls(till, connection, Buyer(POLL_SECONDS, PATIENCE_SECONDS))
        probe._send(till.register(system_clock()))
        probe._send(till.open_shift(system_clock()))
        return probe

    def sell_until(self, over: threading.Event) -> list[float]:
        """Sell and ask until told to stop: seconds until each receipt was valid, the patience where it never was."""
        found = []
        while not over.is_set():
            sale = self.till.sale([f"{1 + line}.25" for line in range(LINES)])
            answer = self._send(self.till.sell(system_clock(), sale))
            since = time.perf_counter()
            wait = self.buyer.seconds_to_valid(since, json.loads(answer)["verification_url"])
            found.append(PATIENCE_SECONDS if wait is None else wait)
            time.sleep(random.uniform(0, 2 * PAUSE_SECONDS))  # never in step with the batches
        return found

    def _send(self, document: bytes) -> bytes:
        self.connection.request("POST", DOCUMENTS_PATH, document, {"Content-Type": "application/jose"})
        reply = self.connection.getresponse()
        content = reply.read()
        assert reply.status == 201, content
        return content


def _claim(waits: list[float], rate: float, refused: int) -> Claim:
    percent = quantiles(waits, n=100)
    p50, p99 = percent[49], percent[98]
    problems = {
        f"only {len(waits)} sales were watched": len(waits) < FEWEST_SALES,
        f"{refused} receipts of the load were refused": refused > 0,
    }
    found = [text for text, is_so in problems.items() if is_so]
    for text in found:
        print(f"# national_visible: {text}", file=sys.stderr)
    return Claim(
        f"register on line to visible, 99th percentile of {len(waits):,} sales, beside {per_second(rate, 'receipts')}",
        f"{duration(p99)} (p50 {duration(p50)})",
        "",
        None,
        f"< {duration(TARGET_SECONDS)}" + "".join(f"; {text}" for text in found),
        p99 < TARGET_SECONDS and not found,
    )
