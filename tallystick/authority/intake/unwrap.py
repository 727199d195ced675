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
from collections.abc import Callable, Sequence
from contextlib import suppress
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
from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.wrapped_keys import OpenedKeys
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


_LOOK_SECONDS = 2.0
LoadKeys = Callable[[], OpenedKeys | None]


class Opener:
    """Opens what is sealed for the authority; one request in, one answer out, never an exception. Any thread."""

    def __init__(self, *keys: PrivateKey) -> None:
        self._keys: tuple[PrivateKey, ...] = ()
        self._is_whole = True
        self.use(keys)

    def use(self, keys: Sequence[PrivateKey], *, is_whole: bool = True) -> None:
        """Open with these keys from now on. A package does not say which is its own, so all are tried in turn.

        Unless they are all that there should be (``is_whole``), what none of them opens may be sealed for one that is
        missing: that is our trouble, and the device keeps its package and sends it again.
        """
        self._keys, self._is_whole = tuple(keys), is_whole
        metrics.UNWRAP_WHOLE.set(is_whole)

    def answer(self, request: bytes) -> bytes:
        """Carry one request out, and count its processor time: nearly all of it is RSA."""
        started = time.thread_time()
        try:
            return self._open(request)
        finally:
            metrics.OPENING.inc(time.thread_time() - started)

    def _open(self, request: bytes) -> bytes:
        if not self._keys:
            return _FAILED
        try:
            for key in self._keys:
                with suppress(Fault):
                    return self._open_with(request, key)
            return _REFUSED if self._is_whole else _FAILED
        except Exception:
            # What failed here is ours, not the package's: the caller must not be told that the package is bad.
            log.exception("a request to open could not be carried out")
            return _FAILED

    def _open_with(self, request: bytes, key: PrivateKey) -> bytes:
        if request[0] == Operation.PACKAGE:
            return self._open_package(request, key)
        opened = open_arp if request[0] == Operation.AUDIT_REQUEST else open_internal_data
        return _OPENED + opened(request[1:], key)

    def _open_package(self, request: bytes, key: PrivateKey) -> bytes:
        sealed = read_package_request(request)
        plain = PackageOpener(key).open(sealed.key, sealed.iv, sealed.payload)
        return write_opened(self._with_internal_data(plain, key))

    def _with_internal_data(self, plain: bytes, key: PrivateKey) -> OpenedPackage:
        """Open the invoice's internal data in the same go, which saves the caller a second call.

        It is found by its usual spelling, without reading the JSON. The caller compares what was opened with what it
        reads at that place, and asks again if they differ.
        """
        found = _INTERNAL.search(plain)
        if found is None:
            return OpenedPackage(plain)
        try:
            internal = open_internal_data(base64.b64decode(found[1], validate=True), key)
        except (Fault, binascii.Error):
            internal = b""
        return OpenedPackage(plain, found.start(1), internal)


async def serve_unwrap(
    socket_path: Path, opener: Opener, stopped: asyncio.Event, load: LoadKeys = lambda: None
) -> None:
    """Serve until `stopped` is set, and answer what is queued then; ask for new keys every few seconds."""
    following = asyncio.create_task(_follow_keys(opener, load))
    try:
        await serve_desk(socket_path, Turns(opener.answer, busy=_BUSY, limit=QUEUE_REQUESTS), stopped)
    finally:
        following.cancel()


async def _follow_keys(opener: Opener, load: LoadKeys) -> None:
    while True:
        await asyncio.sleep(_LOOK_SECONDS)
        take_keys(opener, load)


def take_keys(opener: Opener, load: LoadKeys) -> None:
    """Take the keys that are new; while the store is away the opener goes on with those that it has."""
    try:
        opened = load()
    except (Fault, OSError, ValueError) as error:
        log.error("the keys of packages cannot be had: %s", error)
        return
    if opened is not None:
        opener.use(opened.keys, is_whole=not opened.damaged)


def run_unwrap(socket_path: Path, load: LoadKeys) -> None:
    """The process: hide the memory, get the keys, serve on the socket until SIGTERM or SIGINT.

    ``load`` gives the keys, newest first, or none when they are those of the last call.
    """
    hide_memory()
    opener = Opener()
    take_keys(opener, load)
    run_until_signalled(lambda stopped: serve_unwrap(socket_path, opener, stopped, load))
