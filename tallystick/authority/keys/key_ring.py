"""The log's keys as the sequencer sees them: read again each second, so that a rotation needs no restart.

The writer's thread asks before each signature and gets the newest answer at once; a database that does not answer
leaves the last one standing. A key whose overlap has ended falls out by the clock alone.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Sequence
from datetime import datetime

import psycopg

from tallystick.authority.keys import queries
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.values import LOG, AuthorityKey
from tallystick.authority.room_queries import Connection
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.wire.signed_note import KeyType, NoteKey, Sign

log = logging.getLogger(__name__)

_EVERY_SECONDS = 1.0
Connect = Callable[[], Connection]


class KeyRing:
    """Gives the signers of a checkpoint: one, or during an overlap the new one and the old one."""

    def __init__(self, connect: Connect, unit: SigningUnit, origin: str, clock: Clock) -> None:
        self._connect, self._unit, self._origin, self._clock = connect, unit, origin, clock
        self._keys: Sequence[AuthorityKey] = ()
        self._signers: list[tuple[NoteKey, Sign]] = []
        self._valid_until: datetime | None = None
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._follow, name="key-ring", daemon=True)

    def start(self) -> None:
        """Read the keys once and then again and again; raises ``psycopg.Error``, and ``TS-3031`` without a log key."""
        self._read()
        if not self._signers:
            raise Fault("TS-3031", detail="the log has no key; hold the ceremony, or make the country anew")
        self._thread.start()

    def signers(self) -> Sequence[tuple[NoteKey, Sign]]:
        """Who signs the next checkpoint, newest key first."""
        if self._valid_until is not None and self._clock() >= self._valid_until:
            self._take(self._keys)
        return self._signers

    def check(self) -> None:
        """Raises ``TS-5004`` while the log's key cannot be used: asks for its public half."""
        for key in queries.signing_log_keys(self._keys, self._clock()):
            purpose, public = self._unit.public_key(key.label)
            if public != key.public_key or purpose is not key.purpose:
                raise Fault("TS-5004", detail=f"the store's {key.label} is another key than the registered one")

    def stop(self) -> None:
        """Stop following."""
        self._stopped.set()

    def _follow(self) -> None:
        while not self._stopped.wait(_EVERY_SECONDS):
            try:
                self._read()
            except psycopg.Error as error:
                log.warning("the keys could not be read again: %s", error)

    def _read(self) -> None:
        with self._connect() as conn:
            self._take(queries.keys(conn, LOG))

    def _take(self, keys: Sequence[AuthorityKey]) -> None:
        signing = queries.signing_log_keys(keys, self._clock())
        ends = [key.retires_at for key in signing if key.retires_at is not None]
        self._keys, self._valid_until = keys, min(ends, default=None)
        self._signers = [self._signer(key) for key in signing]

    def _signer(self, key: AuthorityKey) -> tuple[NoteKey, Sign]:
        label, unit = key.label, self._unit
        note_key = NoteKey(self._origin, KeyType.LOG, key.public_key.raw)
        return note_key, lambda message: unit.sign(label, Use.SIGN_CHECKPOINT, message)
