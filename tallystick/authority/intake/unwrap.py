"""The process that holds the authority's decryption key and does nothing else (K-11).

It listens on a UNIX socket only, cannot be dumped or traced by another program of the same account, and answers with
the plain text or with one refusal. There may be several such processes, each on a socket of its own.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
import re
import time
from pathlib import Path

from tallystick.authority.intake import metrics
from tallystick.authority.intake.unwrap_messages import (
    OpenedPackage,
    Operation,
    Result,
    read_package_request,
    write_opened,
)
from tallystick.crypto.envelope import PackageOpener, open_arp, open_internal_data
from tallystick.crypto.keys import PrivateKey, load_private_key
from tallystick.kernel.faults import Fault
from tallystick.kit.key_process import hide_memory, run_until_signalled, serve_desk
from tallystick.kit.turns import Turns

log = logging.getLogger(__name__)

QUEUE_REQUESTS = 256
_REFUSED = bytes([Result.REFUSED])
_BUSY = bytes([Result.BUSY])
_FAILED = bytes([Result.FAILED])
_OPENED = bytes([Result.OPENED])
_INTERNAL = re.compile(rb'"encryptedInternalData"\s{0,4}:\s{0,4}"([A-Za-z0-9+/]{340,684}={0,2})"')


class Opener:
    """Opens what is sealed for the authority; one request in, one answer out, never an exception. Any thread."""

    def __init__(self, key: PrivateKey) -> None:
        self._key = key
        self._packages = PackageOpener(key)

    def answer(self, request: bytes) -> bytes:
        """Carry one request out, and count its processor time: nearly all of it is RSA."""
        started = time.thread_time()
        try:
            return self._open(request)
        finally:
            metrics.OPENING.inc(time.thread_time() - started)

    def _open(self, request: bytes) -> bytes:
        try:
            if request[0] == Operation.PACKAGE:
                return self._open_package(request)
            opened = open_arp if request[0] == Operation.AUDIT_REQUEST else open_internal_data
            return _OPENED + opened(request[1:], self._key)
        except Fault:
            return _REFUSED
        except Exception:
            # What failed here is ours, not the package's: the caller must not be told that the package is bad.
            log.exception("a request to open could not be carried out")
            return _FAILED

    def _open_package(self, request: bytes) -> bytes:
        sealed = read_package_request(request)
        plain = self._packages.open(sealed.key, sealed.iv, sealed.payload)
        return write_opened(self._with_internal_data(plain))

    def _with_internal_data(self, plain: bytes) -> OpenedPackage:
        """Open the invoice's internal data in the same go, which saves the caller a second call.

        It is found by its usual spelling, without reading the JSON. The caller compares what was opened with what it
        reads at that place, and asks again if they differ.
        """
        found = _INTERNAL.search(plain)
        if found is None:
            return OpenedPackage(plain)
        try:
            internal = open_internal_data(base64.b64decode(found[1], validate=True), self._key)
        except (Fault, binascii.Error):
            internal = b""
        return OpenedPackage(plain, found.start(1), internal)


async def serve_unwrap(socket_path: Path, key: PrivateKey, stopped: asyncio.Event) -> None:
    """Serve until `stopped` is set, and answer what is queued then."""
    await serve_desk(socket_path, Turns(Opener(key).answer, busy=_BUSY, limit=QUEUE_REQUESTS), stopped)


def run_unwrap(socket_path: Path, key_path: Path) -> None:
    """The process: hide the memory, read the key, serve on the socket until SIGTERM or SIGINT."""
    hide_memory()
    key = load_private_key(key_path)
    run_until_signalled(lambda stopped: serve_unwrap(socket_path, key, stopped))
