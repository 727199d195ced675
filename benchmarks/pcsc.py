"""Claim: a card behind a PC/SC socket signs at no less than 0.6 of the rate of the same card in the process.

A foreign E-SDC reaches our card through its PC/SC library, pcscd, the driver of vpcd, a socket and our process. The
limit is measured beside it, in turns, with a card of the same make on the same disk.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from statistics import median

from benchmarks.claim import CannotRun, Claim, per_second
from benchmarks.limits import disk_folder
from benchmarks.sale_device import PIN, UID, make_card
from tallystick.device.applet import VirtualCard
from tallystick.device.esdc.service import system_clock
from tallystick.device.secure_element import SecureElement
from tallystick.device.secure_element.pcsc import PcscReader, list_readers
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.ops.packs import load_pack
from tallystick.wire.card import SignRequest

SHARE = 0.6
WARM_UP = 20
ROUND = 25
READER = "Virtual PCD 00 00"
SOCKET = "/run/pcscd/pcscd.comm"
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
LOCK = Path(tempfile.gettempdir()) / "tallystick-pcscd.lock"
WAIT_SECONDS = 20.0


def run(full: bool) -> Iterable[Claim]:
    """The two rates; ``full`` takes more signatures."""
    rounds = 60 if full else 20
    with tempfile.TemporaryDirectory(dir=disk_folder(), prefix="tallystick-bench-") as name:
        folder = Path(name)
        for place in ("near", "far"):
            make_card(folder / place, load_pack("AQ")).power_off()
        near_card = VirtualCard.open(folder / "near" / UID)
        with _reader(folder) as reader:
            near, far = _Signer(SecureElement(near_card)), _Signer(_session(reader))
            near.seconds(WARM_UP)
            far.seconds(WARM_UP)
            times = [(near.seconds(ROUND), far.seconds(ROUND)) for _ in range(rounds)]
        near_card.power_off()
    limit = ROUND / median(near for near, _ in times)
    measured = ROUND / median(far for _, far in times)
    ratio = median(near / far for near, far in times)
    yield Claim(
        "signing over a PC/SC socket",
        per_second(measured, "invoices"),
        f"{per_second(limit, 'invoices')} (the card in the process)",
        ratio,
        f">= {SHARE:g}",
        ratio >= SHARE,
    )


class _Signer:
    """A selected and unlocked card that signs one invoice after another, each later than the one before."""

    def __init__(self, card: SecureElement) -> None:
        self._card = card
        self._card.select()
        self._card.verify_pin(PIN)
        self._moment = system_clock() - timedelta(minutes=30)

    def seconds(self, times: int) -> float:
        """How long so many signatures take."""
        start = time.perf_counter()
        for _ in range(times):
            self._moment += timedelta(milliseconds=1)
            self._card.sign_invoice(self._request())
        return time.perf_counter() - start

    def _request(self) -> SignRequest:
        return SignRequest(
            time_ms=unix_ms(self._moment),
            tin="123456789",
            invoice_type=InvoiceType.NORMAL,
            transaction_type=TransactionType.SALE,
            amount=Money.of(10),
            categories=((1, Money.of("0.9")),),
        )


def _session(reader: PcscReader) -> SecureElement:
    _until(lambda: reader.port() is not None, "no card in the reader")
    port = reader.port()
    assert port is not None
    return SecureElement(port)


@contextmanager
def _reader(folder: Path) -> Iterator[PcscReader]:
    """pcscd, the far card in its reader, each a process of its own; raises `CannotRun` where that cannot be."""
    _require()
    port = _free_port()
    conf = folder / "reader.conf.d"
    conf.mkdir()
    (conf / "vpcd").write_text(
        f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{port:04X}\nLIBPATH {DRIVER}\nCHANNELID 0x{port:04X}\n'
    )
    serve = [sys.executable, "-m", "tallystick", "card", "serve", "--card", str(folder / "far" / UID)]
    serve += ["--vpcd", f"127.0.0.1:{port}"]
    environment = {**os.environ, "TALLYSTICK_STATE": str(folder / "state")}
    with LOCK.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _somebody_listens():
            raise CannotRun("another pcscd runs on this machine")
        with _process(["pcscd", "--foreground", "--config", str(conf)], os.environ.copy()):
            _until(lambda: _somebody_listens() and bool(list_readers()), "pcscd did not start")
            with _process(serve, environment):
                _until(lambda: dict(list_readers()).get(READER, False), "the card was not inserted")
                reader = PcscReader(READER)
                try:
                    yield reader
                finally:
                    reader.close()


def _require() -> None:
    if os.geteuid() != 0:
        raise CannotRun("pcscd needs root for its socket")
    if shutil.which("pcscd") is None or not DRIVER.exists():
        raise CannotRun("the Debian packages pcscd and vsmartcard-vpcd are not installed")
    if importlib.util.find_spec("smartcard") is None:
        raise CannotRun("pyscard is not installed: make card")


@contextmanager
def _process(command: list[str], environment: dict[str, str]) -> Iterator[None]:
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        yield
    finally:
        process.terminate()
        process.wait(30)


def _somebody_listens() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(SOCKET) == 0


def _free_port() -> int:
    """The driver has a second slot one port further; a port well below the ephemeral ones leaves it free."""
    for port in range(21_001, 21_999, 2):
        with socket.socket() as first, socket.socket() as second:
            if first.connect_ex(("127.0.0.1", port)) and second.connect_ex(("127.0.0.1", port + 1)):
                return port
    raise CannotRun("no free port")


def _until(condition: Callable[[], bool], what: str) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        if time.monotonic() > end:
            raise CannotRun(what)
        time.sleep(0.05)
