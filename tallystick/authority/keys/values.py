"""The values of the room: a key of the authority in its series, and one use of a key."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

import attrs

from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import KeyKind, PublicKey
from tallystick.crypto.policy import Use

LOG, POA, PACKAGE = "log", "poa", "package"
"""The series that rotate by themselves: the log's key, the proof key, the key that packages are sealed for."""

OFF_LINE = frozenset({"root"})
"""Keys that a ceremony puts into the store and that no process uses: the root signs while its custodians watch."""

OVERLAP = timedelta(days=90)
"""How long the log's old key signs beside the new one: time enough for every verifier to learn the new one."""


class KeyState(StrEnum):
    """``retiring``: of the log it still signs beside its successor; of others it serves the cards that have it."""

    ACTIVE = "active"
    RETIRING = "retiring"
    RETIRED = "retired"


@attrs.frozen(slots=True, kw_only=True)
class AuthorityKey:
    """A key in its series. ``retires_at`` is set when its successor is made; all times aware."""

    label: str
    series: str
    purpose: KeyPurpose | None
    public_key: PublicKey
    active_at: datetime
    state: KeyState = KeyState.ACTIVE
    retires_at: datetime | None = None

    def signs_at(self, now: datetime) -> bool:
        """Whether the log's key signs at a moment: while it is active, and until the end of its overlap."""
        return self.state is not KeyState.RETIRED and (self.retires_at is None or now < self.retires_at)


SERIES: dict[str, tuple[KeyPurpose | None, KeyKind]] = {
    LOG: (KeyPurpose.CHECKPOINT, KeyKind.ED25519),
    POA: (KeyPurpose.PROOF_OF_AUDIT, KeyKind.RSA),
    PACKAGE: (None, KeyKind.RSA),
}
"""What each rotating series is made of. The package key has no purpose in the store: it lies there wrapped."""


@attrs.frozen(slots=True, kw_only=True)
class KeyUse:
    """One use that needs a row: which key, for what, over which bytes (SHA-256), asked by whom and why."""

    label: str
    use: Use
    digest: bytes
    principal: str
    request: str
