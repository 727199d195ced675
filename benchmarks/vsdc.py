"""Claims: invoices a second through the hosted signer, beside the rate at which its keys can sign at all.

Everything runs on the cores of this machine: TLS with client certificates, checks, numbers, the signing process, the
pipeline, sequencer, PostgreSQL, and the load itself; the channel has a process a core, at most four. Each POS has one
connection and waits for its answer. The limit is what one signing process can do alone, which is one core's worth:
RSA-2048 in software, or the token's own rate through PKCS#11. It is taken right before and right after, in rounds like
those in which the invoices are counted; the spread of both is printed. A machine that is busy with something else gives
many processes more turns than one, and flatters the ratio: so it is never more than what the processor time of an
invoice, of all processes together, would let these cores make if they were idle.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles
from typing import cast

import attrs
import psycopg
import uvloop

from benchmarks.authority_processes import RunningAuthority, running_authority
from benchmarks.claim import Claim, duration, per_second, unmeasured
from benchmarks.limits import disk_folder
from benchmarks.sale import basket
from tallystick.authority.reference.registry import queries as registry
from tallystick.crypto.client_bundle import read_bundle
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.policy import Use
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.invoice import Seller
from tallystick.ops.hosting import Addresses, enrol, make_signer
from tallystick.ops.key_store import open_key_store, pac_secret
from tallystick.ops.processes.context import system_clock, vsdc_name
from tallystick.ops.settings import load_settings

CHANNELS = max(1, min(4, os.cpu_count() or 1))
PROCESSES = ("sequencer", "signer", *(vsdc_name(number) for number in range(1, CHANNELS + 1)), "worker")
POS = 96
SIGNERS = 4
WARM_UP_SECONDS = 3.0
ROUND_SECONDS = 2.0
RATE_SECONDS = 0.5
TARGETS = {"files": (0.25, 0.5), "pkcs11": (0.4, 0.6)}
NAMES = {"files": "software key store", "pkcs11": "SoftHSM2"}
MODULES = ("/usr/lib/softhsm/libsofthsm2.so", "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so")
TEXT = bytes(321)


def run(full: bool) -> Iterable[Claim]:
    """Both key stores; ``full`` sells longer."""
    seconds = 60.0 if full else 12.0
    yield _measure("files", {}, seconds)
    with _token() as environment:
        if environment is None:
            print(unmeasured("hosted signer, SoftHSM2", "SoftHSM is not installed (Debian: softhsm2)"), flush=True)
            return
        yield _measure("pkcs11", environment, seconds)


@attrs.define
class _Load:
    """What came back in the time that counts."""

    counts_from: float
    ends_at: float
    answered_at: list[float] = attrs.field(factory=list)
    refused: list[bytes] = attrs.field(factory=list)
    waits: list[float] = attrs.field(factory=list)


def _measure(store: str, environment: Mapping[str, str], seconds: float) -> Claim:
    told = {"TALLYSTICK_KEY_STORE": store, "TALLYSTICK_VSDC_PROCESSES": str(CHANNELS), **environment}
    with running_authority(0, PROCESSES, told) as authority:
        settings = load_settings({name: value for name, value in told.items() if name.startswith("TALLYSTICK_")})
        keys = open_key_store(settings, authority.country.state)
        contexts = _populate(authority, keys)
        keys.generate("limit", KeyKind.RSA)
        alone = _rates_of(keys)
        port = int((authority.country.state.run / "vsdc.port").read_text())
        before = authority.processor_seconds()
        own = time.process_time()
        load = uvloop.run(_sell(port, contexts, seconds))
        own, after = time.process_time() - own, authority.processor_seconds()
        own_alone = time.process_time()
        later = _rates_of(keys)
        each = (time.process_time() - own_alone) / sum(rate * RATE_SECONDS for rate in later)
        alone += later
        keys.close()
    limit = median(alone)
    least, aim = TARGETS[store]
    rate = len(load.answered_at) / seconds
    sold = max(1, len(load.waits))
    share = ", ".join(f"{name} {duration((after[name] - before[name]) / sold)}" for name in after)
    print(f"# hosted signer, {NAMES[store]}: an invoice costs {share}; refused {load.refused[:2]}", file=sys.stderr)
    rounds = _rounds(load)
    print(
        f"# hosted signer, {NAMES[store]}: invoices/s {min(rounds):.0f} to {max(rounds):.0f}, "
        f"signatures/s {min(alone):.0f} to {max(alone):.0f}; "
        f"ratio {min(rounds) / limit:.3g} to {max(rounds) / limit:.3g} of one core's signatures",
        file=sys.stderr,
    )
    whole = sum(after[name] - before[name] for name in after) / sold + own / sold
    cores = os.cpu_count() or 1
    ratio = min(rate / limit, cores * each / whole)
    print(
        f"# hosted signer, {NAMES[store]}: by processor time: a signature {duration(each)}, an "
        f"invoice in all {duration(whole)}, so {cores} idle cores make at most {cores / whole:.0f}/s, "
        f"{cores * each / whole:.3g} of one core's signatures",
        file=sys.stderr,
    )
    p99 = quantiles(load.waits, n=100)[-1] if len(load.waits) > 1 else 0.0
    return Claim(
        f"hosted signer, {NAMES[store]}: invoices signed, booked and answered, {POS} POS, {CHANNELS} processes "
        f"(p99 {duration(p99)})",
        per_second(rate, "invoices"),
        f"{per_second(limit, 'signatures')} (the keys alone, one core)",
        ratio,
        f">= {least:g}, aim {aim:g}",
        ratio >= least and not load.refused,
    )


def _rounds(load: _Load) -> list[float]:
    """Invoices a second in each whole round of the time that counts."""
    whole = max(1, int((load.ends_at - load.counts_from) / ROUND_SECONDS))
    counts = [0] * whole
    for moment in load.answered_at:
        counts[min(whole - 1, int((moment - load.counts_from) / ROUND_SECONDS))] += 1
    return [count / ROUND_SECONDS for count in counts]


def _populate(authority: RunningAuthority, keys: KeyStore) -> list[tuple[ssl.SSLContext, str]]:
    """Signing elements and POS, registered in the ledger; a TLS context and a PAC for each POS."""
    country, folder = authority.country, authority.country.state.run
    addresses, secret = Addresses(api_url=country.api_url, vsdc_url=country.api_url), pac_secret(country.state)
    clients = []
    with psycopg.connect(country.intake_dsn) as conn:
        at = system_clock()
        uids = [make_signer(conn, country.pki, keys, country.pack, addresses, at).uid for _ in range(SIGNERS)]
        for number in range(POS):
            papers = enrol(
                conn, country.pki, country.pack, _seller(number), addresses, system_clock(), pac_secret=secret
            )
            key, certificate, _ = read_bundle(papers.bundle, papers.password)
            file = folder / f"pos-{number}.pem"
            file.write_bytes(key + certificate)
            clients.append((tls_client_context(country.pki.files.root, file, file), papers.pac))
            uids.append(papers.uid)
    with psycopg.connect(country.intake_dsn, autocommit=True) as conn:
        for uid in uids:
            while (entry := registry.secure_element(conn, uid)) is None or entry.registration_index is None:
                time.sleep(0.05)
    time.sleep(2.5)  # the process follows by notification, at the latest by its next poll
    return clients


def _seller(number: int) -> Seller:
    return Seller(
        tin=Tin(f"{300_000_000 + number}"),
        business_name=f"Hosted {number} Ltd",
        location_name=f"Shop {number}",
        address=f"{number} Ice Road",
        district="Harbour",
        city="Atlantis",
        country="AQ",
    )


def _rates_of(keys: KeyStore) -> list[float]:
    """Signatures a second of one process that does nothing else, by the same clock as the sales, in several rounds."""
    rates = []
    for _ in range(4):
        count, start = 0, time.perf_counter()
        while time.perf_counter() - start < RATE_SECONDS:
            keys.sign("limit", Use.SIGN_INVOICE, TEXT)
            count += 1
        rates.append(count / (time.perf_counter() - start))
    return rates


@contextmanager
def _token() -> Iterator[dict[str, str] | None]:
    """A SoftHSM token of its own; none where SoftHSM is not installed."""
    module = next((path for path in MODULES if Path(path).exists()), None)
    if module is None or shutil.which("softhsm2-util") is None:
        yield None
        return
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        (folder / "tokens").mkdir()
        configuration = folder / "softhsm2.conf"
        configuration.write_text(f"directories.tokendir = {folder}/tokens\nobjectstore.backend = file\n")
        pin = folder / "pin"
        pin.touch(mode=0o600)
        pin.write_text("482913")
        os.environ["SOFTHSM2_CONF"] = str(configuration)
        subprocess.run(
            ["softhsm2-util", "--init-token", "--free", "--label", "bench", "--pin", "482913", "--so-pin", "482913"],
            check=True,
            capture_output=True,
        )
        yield {
            "SOFTHSM2_CONF": str(configuration),
            "TALLYSTICK_KEY_STORE_SECRET_FILE": str(pin),
            "TALLYSTICK_HSM_MODULE": module,
            "TALLYSTICK_HSM_TOKEN": "bench",
        }


async def _sell(port: int, clients: list[tuple[ssl.SSLContext, str]], seconds: float) -> _Load:
    loop = asyncio.get_running_loop()
    body = basket(qr_code=False)
    start = time.perf_counter()
    load = _Load(start + WARM_UP_SECONDS, start + WARM_UP_SECONDS + seconds)
    ends = []
    for context, pac in clients:
        head = f"POST /api/v3/invoices HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nPAC: {pac}\r\n"
        request = f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body
        end: asyncio.Future[None] = loop.create_future()
        ends.append(end)
        await loop.create_connection(
            lambda request=request, end=end: _Till(request, load, end),  # type: ignore[misc]  # bound on purpose
            "127.0.0.1",
            port,
            ssl=context,
            server_hostname="127.0.0.1",
        )
    await asyncio.gather(*ends)
    return load


class _Till(asyncio.Protocol):
    """One POS: the next request as soon as the answer is there."""

    def __init__(self, request: bytes, load: _Load, done: asyncio.Future[None]) -> None:
        self._request, self._load, self._done = request, load, done
        self._buffer = b""
        self._sent_at = 0.0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        self._send()

    def _send(self) -> None:
        assert self._transport is not None
        self._sent_at = time.perf_counter()
        if self._sent_at >= self._load.ends_at:
            self._transport.close()
            return
        self._transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        head, found, rest = self._buffer.partition(b"\r\n\r\n")
        if not found:
            return
        at = head.lower().index(b"content-length: ") + len(b"content-length: ")
        if len(rest) < int(head[at:].split(b"\r\n", 1)[0]):
            return
        self._buffer = b""
        self._count(head, rest)
        self._send()

    def _count(self, head: bytes, rest: bytes) -> None:
        now, load = time.perf_counter(), self._load
        load.waits.append(now - self._sent_at)
        if not head.startswith(b"HTTP/1.1 200") or b'"verificationUrl"' not in rest:
            load.refused.append(head.split(b"\r\n", 1)[0] + rest[:200])
        elif load.counts_from <= now < load.ends_at:
            load.answered_at.append(now)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._done.done():
            self._done.set_result(None)
