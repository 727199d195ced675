"""A use of a key that leaves a row: the intent is committed before the key is asked, the completion after (2.7)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg

from tallystick.authority.keys import operations, queries
from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.values import KeyUse
from tallystick.authority.room_queries import Connection
from tallystick.crypto.policy import Use
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock
from tallystick.wire.card import PoaMessage

Connect = Callable[[], Connection]


class RecordedSigner:
    """Signs through the key processes and writes `keys.use`. ``principal`` is who asks, such as ``process:worker``.

    Belongs to one thread; keeps one connection, and opens another after a loss.
    """

    def __init__(self, connect: Connect, unit: SigningUnit, principal: str, clock: Clock) -> None:
        self._connect, self._unit, self._principal, self._clock = connect, unit, principal, clock
        self._connection: Connection | None = None

    def sign(self, label: str, use: Use, text: bytes, *, request: str) -> bytes:
        """The signature; ``request`` is what it is for: a serial number, a card's cycle, a ceremony's step.

        Raises ``TS-5004``; the intent then stays without completion, and the same text may be asked again.
        """
        noted = KeyUse(label=label, use=use, digest=sha256(text), principal=self._principal, request=request)
        with self._transaction() as conn:
            operations.intend(conn, noted, self._clock())
        signature = self._unit.sign(label, use, text)
        with self._transaction() as conn:
            operations.complete(conn, noted, self._clock())
        return signature

    def sign_proof(self, message: bytes) -> bytes:
        """A proof of audit, by the key that its card was personalised with."""
        proof = PoaMessage.decode(message)
        with self._transaction() as conn:
            key = queries.proof_key_of(conn, proof.uid)
        return self.sign(key.label, Use.SIGN_PROOF, message, request=f"{proof.uid}/{proof.audit_sequence}")

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        """One transaction, committed at the end."""
        conn = self._connection
        if conn is None:
            conn = self._connection = self._connect()
        try:
            with conn.transaction():
                yield conn
        except psycopg.Error:
            self.close()
            raise

    def close(self) -> None:
        """Close the connection."""
        conn, self._connection = self._connection, None
        if conn is not None:
            conn.close()
