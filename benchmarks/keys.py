"""Claims: what it costs that the authority's keys lie in a process of their own, beside the same store in this one.

The log's head is signed once a batch, on the way of every document: it must be nothing beside a batch of 20 ms. Proofs
of audit are RSA, so the way through the socket must cost little of the store's own rate. Both for sealed files and for
SoftHSM2.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from statistics import median, quantiles

from benchmarks.claim import CannotRun, Claim, duration, per_second, unmeasured
from benchmarks.vsdc import NAMES
from benchmarks.vsdc import _token as soft_token
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.policy import Use
from tallystick.kernel.limits import LIMITS
from tallystick.ops.key_store import open_key_store
from tallystick.ops.settings import load_settings
from tallystick.ops.state_folder import StateFolder

HEADS, PROOFS = 400, 300
ROUNDS = 5
MOST_OF_A_BATCH = 0.1
LEAST_OF_THE_STORE = 0.7
HEAD, PROOF = bytes(90), bytes(102)


def run(full: bool) -> Iterable[Claim]:
    """Both stores; ``full`` signs ten times as often."""
    times = 10 if full else 1
    yield from _measure("files", {}, times)
    with soft_token() as environment:
        if environment is None:
            print(unmeasured("key process, SoftHSM2", "SoftHSM is not installed (Debian: softhsm2)"), flush=True)
            return
        yield from _measure("pkcs11", environment, times)


def _measure(store: str, environment: Mapping[str, str], times: int) -> Iterator[Claim]:
    with tempfile.TemporaryDirectory(prefix="tallystick-bench-") as name:
        state = StateFolder.of(name)
        state.make()
        told = {"TALLYSTICK_STATE": name, "TALLYSTICK_KEY_STORE": store, "TALLYSTICK_HEALTH_PORT": "0", **environment}
        settings = load_settings({key: value for key, value in told.items() if key.startswith("TALLYSTICK_")})
        keys = open_key_store(settings, state)
        keys.generate("log", KeyKind.ED25519, KeyPurpose.CHECKPOINT)
        keys.generate("poa", KeyKind.RSA, KeyPurpose.PROOF_OF_AUDIT)
        with _process(told, state.run / "keys.sock") as unit:
            heads = _waits(unit, HEADS * times)
            pairs = [(_rate(keys, PROOFS), _rate(unit, PROOFS)) for _ in range(ROUNDS * times)]
        keys.close()
    p50, p99 = median(heads), quantiles(heads, n=100)[-1]
    batch = LIMITS.sequencer_batch_ms / 1e3
    yield Claim(
        f"checkpoint signed and checked by the key process, {NAMES[store]} (p99 {duration(p99)})",
        duration(p50),
        f"{duration(batch)} (a batch)",
        p50 / batch,
        f"<= {MOST_OF_A_BATCH:g}",
        p50 / batch <= MOST_OF_A_BATCH,
    )
    ratio = median(through / alone for alone, through in pairs)
    yield Claim(
        f"proofs of audit signed by the key process, {NAMES[store]}",
        per_second(median(through for _, through in pairs), "proofs"),
        per_second(median(alone for alone, _ in pairs), "proofs") + " (the store in this process)",
        ratio,
        f">= {LEAST_OF_THE_STORE:g}",
        ratio >= LEAST_OF_THE_STORE,
    )


def _waits(unit: SigningUnit, count: int) -> list[float]:
    waits = []
    for _ in range(count):
        started = time.perf_counter()
        unit.sign("log", Use.SIGN_CHECKPOINT, HEAD)
        waits.append(time.perf_counter() - started)
    return waits


def _rate(signer: KeyStore | SigningUnit, count: int) -> float:
    started = time.perf_counter()
    for _ in range(count):
        signer.sign("poa", Use.SIGN_PROOF, PROOF)
    return count / (time.perf_counter() - started)


@contextmanager
def _process(told: Mapping[str, str], socket: Path) -> Iterator[SigningUnit]:
    """The product's key process over the same store."""
    command = [sys.executable, "-m", "tallystick", "authority", "keys"]
    child = subprocess.Popen(command, env={**os.environ, **told}, stderr=subprocess.DEVNULL)
    unit = SigningUnit(socket)
    try:
        until = time.monotonic() + 30
        while not socket.exists():
            if child.poll() is not None or time.monotonic() > until:
                raise CannotRun("the key process does not come up")
            time.sleep(0.05)
        unit.check()
        yield unit
    finally:
        unit.close()
        child.terminate()
        child.wait(20)
