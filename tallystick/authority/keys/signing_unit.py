"""How the authority's other processes have something signed: through the key processes, or not at all (TS-5004).

Several processes may hold the keys; a call goes to the one that served last, and to the next when that is away. What no
process answers within two seconds is given up and the circuit opens: until it has rested, calls fail at once, so that
intake says 503 instead of piling up. Recovery needs nobody. There is no fallback to a key in a file.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from pathlib import Path

from tallystick.authority.keys import metrics
from tallystick.authority.keys.messages import (
    READY_REQUEST,
    Result,
    SignRequest,
    read_public_key,
    write_make_request,
    write_public_key_request,
    write_sign_request,
)
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.policy import Use
from tallystick.kernel.faults import Fault
from tallystick.kit.framed_call import FramedCaller
from tallystick.kit.framed_socket import PeerAway

log = logging.getLogger(__name__)

PATIENCE_SECONDS = 2.0
REST_SECONDS = 0.5
_ONE_TRY_SECONDS = 1.0
_PROBE_SECONDS = 0.3
"""How long a call may try after the circuit has rested: enough for a token to be opened anew."""
_PAUSE_SECONDS = 0.02

_REPEATABLE = frozenset({Use.SIGN_CHECKPOINT, Use.SIGN_PROOF, Use.SIGN_INVOICE})
"""Deterministic: asked twice they give the same bytes. ECDSA may not be asked again once a request has left."""


class SigningUnit:
    """A door to the key processes; any thread, one call at a time."""

    def __init__(
        self, *sockets: Path, clock: Callable[[], float] = time.monotonic, pause: Callable[[float], None] = time.sleep
    ) -> None:
        self._callers = [FramedCaller(path) for path in sockets]
        self._clock, self._pause = clock, pause
        self._lock = threading.Lock()
        self._open_until = float("-inf")
        self._is_open = False

    def sign(self, label: str, use: Use, text: bytes) -> bytes:
        """The signature; raises ``TS-5004`` (away, circuit open) and ``TS-1310`` (not this use with this key)."""
        return self._ask(write_sign_request(SignRequest(use, label, text)), repeatable=use in _REPEATABLE)

    def public_key(self, label: str) -> tuple[KeyPurpose, PublicKey]:
        """Purpose and public half of a key; raises ``TS-5004``, for a label that is not there as well."""
        return read_public_key(self._ask(write_public_key_request(label), repeatable=True))

    def make_key(self, label: str, purpose: KeyPurpose) -> PublicKey:
        """A new P-256 key of a service in the store; raises ``TS-5004``, ``TS-1310`` (another purpose, label taken)."""
        made = self._ask(write_make_request(purpose, label), repeatable=False)
        return read_public_key(made)[1]

    def check(self) -> None:
        """Raises ``TS-5004`` when no process answers, or none reaches the store."""
        self._ask(READY_REQUEST, repeatable=True)

    def close(self) -> None:
        """Close the connections."""
        with self._lock:
            for caller in self._callers:
                caller.close()

    def _ask(self, request: bytes, *, repeatable: bool) -> bytes:
        with self._lock:
            now = self._clock()
            if now < self._open_until:
                raise _away("the circuit is open")
            deadline = now + (_PROBE_SECONDS if self._is_open else PATIENCE_SECONDS)
            while True:
                answer = self._one_round(request, deadline, repeatable)
                if answer is not None:
                    self._close_circuit()
                    return answer
                if self._clock() + _PAUSE_SECONDS >= deadline:
                    self._open_circuit()
                    raise _away("no key process signs")
                self._pause(_PAUSE_SECONDS)

    def _one_round(self, request: bytes, deadline: float, repeatable: bool) -> bytes | None:
        """Ask each process once, beginning with the one that served last."""
        for caller in tuple(self._callers):
            left = max(_PAUSE_SECONDS, min(_ONE_TRY_SECONDS, deadline - self._clock()))
            try:
                answer = caller.call(request, left)
            except PeerAway as error:
                if caller.sent and not repeatable:
                    raise _away("it is not known whether it was signed; this use is not repeated") from error
                self._behind(caller)
                continue
            if answer[0] == Result.DONE:
                return answer[1:]
            if answer[0] == Result.REFUSED:
                raise Fault("TS-1310", detail="the key process refuses this use of this key")
            self._behind(caller)
        return None

    def _behind(self, caller: FramedCaller) -> None:
        self._callers.remove(caller)
        self._callers.append(caller)

    def _open_circuit(self) -> None:
        if not self._is_open:
            log.error("no key process signs: the circuit is open")
        self._is_open, self._open_until = True, self._clock() + REST_SECONDS
        metrics.CIRCUIT.set(1)

    def _close_circuit(self) -> None:
        if self._is_open:
            log.warning("a key process signs again: the circuit is closed")
            metrics.CIRCUIT.set(0)
        self._is_open = False


def _away(detail: str) -> Fault:
    return Fault("TS-5004", detail=detail, retry_after_seconds=2)
