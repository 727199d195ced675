"""Claims: what a sale on an E-SDC over HTTP costs beside what it cannot do without, and the memory of one E-SDC.

A sale cannot do without two commits of the E-SDC's store, one of the card's memory, and one RSA-2048 signature. These
are measured between the sales, on the same disk, so that a busy machine slows both.
"""

from __future__ import annotations

import http.client
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from benchmarks.claim import Claim, duration
from benchmarks.limits import disk_folder
from benchmarks.sale_device import PIN
from tallystick.crypto.keys import generate_rsa_key
from tallystick.crypto.signatures import sign_invoice_text
from tallystick.device.applet.disk import FileDisk
from tallystick.device.applet.memory import Memory, blank_image
from tallystick.device.esdc.store import Intent, Store
from tallystick.wire.pos_invoice import encode_json

TIMES_LIMIT = 4.0
P95_TIMES_MEDIAN = 2.0
QR_MORE_SECONDS = 0.005
MEMORY_BYTES = 120 * 1024 * 1024
ITEMS = 9
WARM_UP = 50
ROUND = 25
PAIRS = 5


def run(full: bool) -> Iterable[Claim]:
    """Median, 95th percentile, QR, memory; ``full`` takes more sales."""
    rounds = 80 if full else 24
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        with _device(folder) as (process, port), _Primitives(folder) as primitives:
            till = _Till(port)
            till.sell(WARM_UP, qr_code=False)
            plain: list[float] = []
            coded: list[tuple[float, float]] = []
            limits: list[float] = []
            for _ in range(rounds):
                plain += till.sell(ROUND, qr_code=False)
                limits += primitives.measure(ROUND)
                for _ in range(PAIRS):
                    beside = till.sell(1, qr_code=False)
                    coded += [(with_code, beside[0]) for with_code in till.sell(1, qr_code=True)]
            resident = _resident_bytes(process.pid)
    yield _against_limit(plain, median(limits))
    yield _percentile(plain)
    yield _with_qr(coded)
    target = f"<= {MEMORY_BYTES >> 20} MiB"
    yield Claim("E-SDC memory, one card", f"{resident / 2**20:.1f} MiB", "", None, target, resident <= MEMORY_BYTES)


def _against_limit(times: list[float], limit: float) -> Claim:
    ratio = median(times) / limit
    return Claim(
        "sale on an E-SDC over HTTP, median",
        duration(median(times)),
        f"{duration(limit)} (2 store commits + card commit + RSA-2048)",
        ratio,
        f"<= {TIMES_LIMIT:g} x",
        ratio <= TIMES_LIMIT,
    )


def _percentile(times: list[float]) -> Claim:
    p95 = quantiles(times, n=20)[-1]
    ratio = p95 / median(times)
    target = f"<= {P95_TIMES_MEDIAN:g} x median"
    return Claim(
        "sale, 95th percentile", duration(p95), duration(median(times)), ratio, target, ratio <= P95_TIMES_MEDIAN
    )


def _with_qr(pairs: list[tuple[float, float]]) -> Claim:
    """Each sale with QR code against the sale without right before it."""
    more = median(coded - plain for coded, plain in pairs)
    return Claim(
        "sale with QR code, median",
        f"{duration(median(coded for coded, _ in pairs))}, {more * 1e3:.1f} ms more",
        duration(median(plain for _, plain in pairs)),
        None,
        f"<= {duration(QR_MORE_SECONDS)} more",
        more <= QR_MORE_SECONDS,
    )


@contextmanager
def _device(folder: Path) -> Iterator[tuple[subprocess.Popen[str], int]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.sale_device", str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield process, int(process.stdout.readline())
    finally:
        process.stdin.close()
        process.wait(30)


class _Till:
    """One POS with one kept connection."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._number = 0
        assert self._ask("/api/v3/pin", PIN.encode(), {}) == b'"0100"'

    def sell(self, times: int, *, qr_code: bool) -> list[float]:
        """Seconds of each sale, from the first byte out to the last byte in."""
        body = basket(qr_code=qr_code)
        seconds = []
        for _ in range(times):
            self._number += 1
            start = time.perf_counter()
            answer = self._ask("/api/v3/invoices", body, {"RequestId": str(self._number)})
            seconds.append(time.perf_counter() - start)
            assert b'"verificationUrl":"' in answer, answer
        return seconds

    def _ask(self, path: str, body: bytes, headers: dict[str, str]) -> bytes:
        self._connection.request("POST", path, body, {"Content-Type": "application/json", **headers})
        return self._connection.getresponse().read()


def basket(*, qr_code: bool) -> bytes:
    """An invoice request as a till sends it."""
    items = [
        {"name": f"Item {n}", "quantity": 1, "unitPrice": 1.25, "labels": ["A"], "totalAmount": 1.25}
        for n in range(ITEMS)
    ]
    return encode_json(
        {
            "invoiceType": "Normal",
            "transactionType": "Sale",
            "cashier": "Ana",
            "payment": [{"amount": 1.25 * ITEMS, "paymentType": "Cash"}],
            "options": {"omitQRCodeGen": "0" if qr_code else "1", "omitTextualRepresentation": "0"},
            "items": items,
        }
    )


class _Primitives:
    """What a sale cannot do without, each on its own: the store's two commits, the card's one, the signature."""

    def __init__(self, folder: Path) -> None:
        self._store = Store(folder / "limit" / "esdc.db", uid="LIMIT001", environment="1.9")
        memory = folder / "limit" / "card"
        memory.write_bytes(blank_image(bytes(1200)))
        self._memory = Memory(FileDisk(memory))
        self._key = generate_rsa_key()
        self._ordinal = 0

    def __enter__(self) -> _Primitives:
        return self

    def __exit__(self, *error: object) -> None:
        self._store.close()
        self._memory.close()

    def measure(self, times: int) -> list[float]:
        """Seconds of all four together, as often as asked."""
        return [_seconds(self._once) for _ in range(times)]

    def _once(self) -> None:
        self._ordinal += 1
        intent = Intent(
            request_id=str(self._ordinal),
            request_hash=os.urandom(32),
            request=os.urandom(1000),
            language="en-US",
            time_ms=self._ordinal,
            group_id=1,
            taxes=bytes(40),
            sign_request=bytes(66),
            counter_before=self._ordinal - 1,
        )
        sale = self._store.keep_intent(intent)
        sign_invoice_text(self._key, bytes(321))
        self._memory.commit(os.urandom(1200))
        self._store.keep_packaged(sale, self._ordinal, os.urandom(5000), os.urandom(4000))


def _seconds(work: Callable[[], object]) -> float:
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def _resident_bytes(pid: int) -> int:
    """Resident memory of a process, as Linux tells it."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise AssertionError("no VmRSS")
