"""A pcscd of one test with the driver of vpcd on a free port, and virtual cards that go in and out.

pcscd has one socket on a machine, so a lock file lets one test at a time have it; a test skips with its reason where
the packages or the rights are missing, or where somebody else's pcscd runs.
"""

from __future__ import annotations

import fcntl
import importlib.util
import os
import random
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tallystick.device.applet.contacts import Transmission
from tallystick.device.applet.vpcd import CardServer, PoweredCard
from tallystick.device.secure_element import CardUnavailable
from tallystick.device.secure_element.pcsc import list_readers

READER = "Virtual PCD 00 00"
SOCKET = Path("/run/pcscd/pcscd.comm")
DRIVER = Path("/usr/lib/pcsc/drivers/serial/libifdvpcd.so")
LOCK = Path(tempfile.gettempdir()) / "tallystick-pcscd.lock"
LOCK_SECONDS = 80
OUT_SECONDS = 1.0
"""How long a hand needs from one card to the next; pcscd looks about twice a second."""


def until(condition: Callable[[], bool], seconds: float = 15, what: str = "") -> None:
    """Wait for something to become true."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, what or "it did not happen in time"
        time.sleep(0.02)


def why_not() -> str:
    """Why no pcscd can be started here; empty when one can."""
    if os.geteuid() != 0:
        return "pcscd needs root for its socket"
    if shutil.which("pcscd") is None or not DRIVER.exists():
        return "needs the Debian packages pcscd and vsmartcard-vpcd"
    if importlib.util.find_spec("smartcard") is None:
        return "needs pyscard: make card"
    return ""


def _somebody_listens() -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        return probe.connect_ex(str(SOCKET)) == 0


class Pcsc:
    """The daemon and the port on which its first slot waits for a card."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._process: subprocess.Popen[bytes] | None = None
        self.port = _free_pair()
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "vpcd").write_text(
            f'FRIENDLYNAME "Virtual PCD"\nDEVICENAME /dev/null:0x{self.port:04X}\nLIBPATH {DRIVER}\n'
            f"CHANNELID 0x{self.port:04X}\n"
        )

    @property
    def address(self) -> tuple[str, int]:
        """Of the first slot."""
        return "127.0.0.1", self.port

    def start(self) -> None:
        """Start, and wait until the readers are there."""
        command = ["pcscd", "--foreground", "--config", str(self._folder)]
        with (self._folder.parent / "pcscd.log").open("ab") as log:
            self._process = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._has_readers, what="pcscd did not start, or its reader did not")

    @staticmethod
    def _has_readers() -> bool:
        try:
            return _somebody_listens() and bool(list_readers())
        except CardUnavailable:
            return False

    def stop(self) -> None:
        """End the daemon; every handle and context is void then."""
        process, self._process = self._process, None
        if process is not None:
            process.terminate()
            process.wait(20)

    @staticmethod
    def has_card() -> bool:
        """Whether a card is in the first slot."""
        return dict(list_readers()).get(READER, False)

    @contextmanager
    def inserted(
        self, open_card: Callable[[], PoweredCard], transmission: Transmission = Transmission.T1
    ) -> Iterator[CardServer]:
        """A card in the reader, out at the end."""
        server = CardServer(open_card, self.address, transmission)
        thread = threading.Thread(target=server.run, daemon=True)
        thread.start()
        try:
            until(self.has_card, what="the card was not inserted")
            yield server
        finally:
            server.stop()
            thread.join(20)
            assert not thread.is_alive(), "the card did not come out"

    def wait_empty(self) -> None:
        """Until the reader has noticed that the card is out."""
        until(lambda: not self.has_card(), what="the reader still sees the card")
        time.sleep(OUT_SECONDS)


def _free_pair() -> int:
    """A port whose neighbour is free, too (the driver has two slots), below those that the system gives away."""
    for _ in range(200):
        port = random.randrange(20_000, 32_000, 2)
        try:
            with socket.socket() as first, socket.socket() as second:
                first.bind(("", port))
                second.bind(("", port + 1))
        except OSError:
            continue
        return port
    raise AssertionError("no free ports")


@contextmanager
def pcsc(folder: Path) -> Iterator[Pcsc]:
    """A running daemon for one test, or a skip with the reason."""
    if reason := why_not():
        pytest.skip(reason)
    with LOCK.open("w") as lock:
        _wait_for(lock.fileno())
        if _somebody_listens():
            pytest.skip("another pcscd runs on this machine")
        made = Pcsc(folder / "reader.conf.d")
        try:
            made.start()
            yield made
        finally:
            made.stop()


def _wait_for(lock: int) -> None:
    end = time.monotonic() + LOCK_SECONDS
    while True:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            if time.monotonic() > end:
                pytest.skip("another run of tests on this machine keeps pcscd for itself")
            time.sleep(0.1)
        else:
            return
