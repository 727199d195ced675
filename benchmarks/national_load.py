"""Receipts of many tills for the national online channel: signed beforehand on all cores, sent by a compiled generator.

Each till has one connection and waits for its answer, as the order of its documents demands.
"""

from __future__ import annotations

import json
import shutil
import struct
import subprocess
import sys
import tempfile
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import cast

import attrs
import psycopg
from cryptography.hazmat.primitives import serialization

from benchmarks.authority_processes import RunningAuthority
from benchmarks.claim import CannotRun, duration
from benchmarks.limits import disk_folder
from benchmarks.national_till import NationalTill
from tallystick.crypto.certificates import pem_of
from tallystick.kernel.shifts import RegisterState
from tallystick.ops.processes.context import system_clock

LINES = 9
SIGNED_FOR_SECONDS = 60.0
"""How far ahead documents are dated, so that the window is open while they are sent: it is 120 s to either side."""
_HEAD = (
    b"POST /ecr/v1/documents HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/jose\r\n"
    b"Content-Length: %d\r\n\r\n"
)


@attrs.frozen
class Load:
    """What came of it."""

    answered: int
    refused: int
    processor_seconds: float
    waits: list[int]

    def quantile(self, share: float) -> float:
        """Seconds."""
        return sorted(self.waits)[int(len(self.waits) * share)] / 1e6 if self.waits else 0.0


@attrs.frozen
class Bench:
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
        shares = [(Papers.of(till), each, at) for till in self.tills]
        with ProcessPoolExecutor() as pool:
            made = list(pool.map(sign_receipts, shares, chunksize=4))
        for till, (documents, state, link) in zip(self.tills, made, strict=True):
            till.state, till.link = cast("RegisterState", state), link
            assert documents
        return [documents for documents, _, _ in made]

    def send(self, documents: list[list[bytes]], warm_up: float, seconds: float, rate: float = 0.0) -> Load:
        """Send them; tills whose documents were not all sent go back to the last that was."""
        with tempfile.TemporaryDirectory(dir=disk_folder()) as name:
            folder = Path(name)
            for number, (till, mine) in enumerate(zip(self.tills, documents, strict=True)):
                write_papers(folder / f"{number}.pem", till)
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
        return Load(told["answered"], told["refused"], each, [value for (value,) in struct.iter_unpack("<I", waits)])

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


@attrs.frozen
class Papers:
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
    def of(cls, till: NationalTill) -> Papers:
        return cls(
            till.uid, till.tin, till.origin, till.link, till.build, till.group, till.state, _pem(till), till.certificate
        )

    def till(self) -> NationalTill:
        made = NationalTill(self.uid, self.tin, self.origin, self.link, self.build, self.group, self.state)  # type: ignore[arg-type]  # they were of these types
        made.device.key = serialization.load_pem_private_key(self.key, None)  # type: ignore[assignment]  # it was one
        made.device.certificate = self.certificate
        return made


def sign_receipts(work: tuple[Papers, int, datetime]) -> tuple[list[bytes], object, bytes]:
    papers, each, at = work
    till = papers.till()
    sale = till.sale([f"{1 + line}.25" for line in range(LINES)])
    documents = [till.sell(at + timedelta(milliseconds=number), sale) for number in range(each)]
    return documents, till.state, till.link


def _pem(till: NationalTill) -> bytes:
    return till.device.key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )


def write_papers(file: Path, till: NationalTill) -> None:
    file.write_bytes(pem_of(till.certificate) + _pem(till))


def compiled_generator() -> Path:
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
