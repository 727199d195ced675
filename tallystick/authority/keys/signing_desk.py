"""A process that holds keys, or the session with the token, and does nothing else (S0-039, security 2.7).

It listens on a UNIX socket only, cannot be dumped or traced by another program of the same account, and gives
signatures and public keys, never a private key and never an unwrapped secret. What it signs it first writes into its
journal (`use_journal`): a signature that somebody obtained behind the authority's back is found at the next reconcile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path

from tallystick.authority.keys import metrics
from tallystick.authority.keys.messages import (
    Operation,
    Result,
    read_sign_request,
    write_public_key,
)
from tallystick.authority.keys.use_journal import UseJournal
from tallystick.authority.keys.values import OFF_LINE
from tallystick.crypto.hsm import KeyStore
from tallystick.crypto.key_purposes import require_use
from tallystick.kernel.faults import Fault
from tallystick.kit.key_process import hide_memory, run_until_signalled, serve_desk
from tallystick.kit.turns import Turns

log = logging.getLogger(__name__)

QUEUE_REQUESTS = 256
_AWAY, _BUSY, _REFUSED = (bytes([result]) for result in (Result.AWAY, Result.BUSY, Result.REFUSED))
_DONE = bytes([Result.DONE])

OpenStore = Callable[[], KeyStore]
"""Opens the store of keys; raises ``TS-5004`` while it cannot be reached."""


class SigningDesk:
    """Carries out one request after the other. The store is opened at the first one that finds it closed."""

    def __init__(self, open_store: OpenStore, journal: UseJournal) -> None:
        self._open_store = open_store
        self._journal = journal
        self._store: KeyStore | None = None

    def answer(self, request: bytes) -> bytes:
        """One request in, one answer out, never an exception."""
        try:
            if request[:1] == bytes([Operation.SIGN]):
                return self._sign(request)
            if request[:1] == bytes([Operation.PUBLIC_KEY]):
                label = request[1:].decode()
                return write_public_key(self.store.purpose(label), self.store.public_key(label))
            if request[:1] == bytes([Operation.READY]):
                self.store.labels()
                return _DONE
        except Fault as fault:
            log.warning("a key was not used: %s", fault)
            metrics.FAILURES.labels(code=fault.code).inc()
            return _AWAY if fault.code == "TS-5004" else _REFUSED
        except Exception:
            log.exception("a key was not used")
            metrics.FAILURES.labels(code="TS-5099").inc()
            return _AWAY
        return _REFUSED

    @property
    def store(self) -> KeyStore:
        """The store, opened."""
        if self._store is None:
            self._store = self._open_store()
        return self._store

    def _sign(self, request: bytes) -> bytes:
        asked = read_sign_request(request)
        if asked.label in OFF_LINE:
            raise Fault("TS-1310", detail=f"the key {asked.label} signs in a ceremony only")
        store = self.store
        require_use(store.purpose(asked.label), asked.use, None)  # what is refused is no use, and no line
        self._journal.write(asked)
        signature = store.sign(asked.label, asked.use, asked.text)
        metrics.SIGNATURES.labels(use=asked.use.name).inc()
        return _DONE + signature

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()


def run_keys(socket_path: Path, desk: SigningDesk) -> None:
    """The process: hide the memory, serve on the socket until SIGTERM or SIGINT."""
    hide_memory()

    async def serve(stopped: asyncio.Event) -> None:
        await serve_desk(socket_path, Turns(desk.answer, busy=_BUSY, limit=QUEUE_REQUESTS), stopped)

    try:
        run_until_signalled(serve)
    finally:
        desk.close()
