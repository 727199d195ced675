"""What the PKI keeps, as values. Hashes are SHA-256, 32 bytes; moments are aware."""

from __future__ import annotations

from datetime import datetime
from enum import IntEnum, StrEnum

import attrs

from tallystick.kernel.hashing import sha256


class IssuanceState(StrEnum):
    """Where a certificate stands; the last two are final."""

    INTENT = "intent"
    ISSUED = "issued"
    VOID = "void"


class Reason(IntEnum):
    """Why a certificate is revoked: the CRL reason numbers that this house uses (RFC 5280, 5.3.1)."""

    UNSPECIFIED = 0
    KEY_COMPROMISE = 1
    CA_COMPROMISE = 2
    AFFILIATION_CHANGED = 3
    SUPERSEDED = 4
    CESSATION_OF_OPERATION = 5
    CERTIFICATE_HOLD = 6
    PRIVILEGE_WITHDRAWN = 9

    @property
    def word(self) -> str:
        """As a person types it: ``key-compromise``."""
        return self.name.lower().replace("_", "-")


@attrs.frozen(slots=True, kw_only=True)
class Wish:
    """For whom and why a certificate is asked.

    ``holder`` is ``kind:name`` (``device:AB12CD34``, ``taxpayer:123456789``, ``service:ocsp-device-ca``): the one to
    whom the key belongs. ``request`` are the bytes that were sent (a PKCS #10 request, or the public key of our own).
    """

    holder: str
    request: bytes = attrs.field(repr=False)
    requested_by: str
    purpose: str
    tin: str = ""

    def request_hash(self, profile: str) -> bytes:
        """What the same request is told by (security 2.4, step 1)."""
        return sha256(self.request + profile.encode())


@attrs.frozen(slots=True, kw_only=True)
class Issuance:
    """One row of the register of certificates."""

    issuance_id: int
    authority: str
    profile: str
    serial: int
    holder: str
    tin: str
    requested_by: str
    purpose: str
    tbs_hash: bytes
    key_hash: bytes
    not_before: datetime
    not_after: datetime
    state: IssuanceState
    begun_at: datetime
    certificate: bytes | None = attrs.field(repr=False)
    certificate_hash: bytes | None
    ledger_index: int | None


@attrs.frozen(slots=True, kw_only=True)
class EnrolmentCode:
    """A code as it is kept: without the code. It enrols the key of that hash alone, where one is named."""

    device: str
    device_class: int
    expires_at: datetime
    ended_at: datetime | None
    used_for: bytes | None
    key_hash: bytes | None


@attrs.frozen(slots=True, kw_only=True)
class KeptList:
    """A revocation list as it was published."""

    authority: str
    number: int
    this_update: datetime
    next_update: datetime
    revoked: int
    tbs_hash: bytes
    der: bytes = attrs.field(repr=False)
    ledger_index: int | None


@attrs.frozen(slots=True, kw_only=True)
class KeptTrustList:
    """A trust list as it was published: a compact JWS. ``facts_hash`` tells whether another one says anything new."""

    number: int
    facts_hash: bytes
    issued_at: datetime
    next_update: datetime
    digest: bytes
    text: str = attrs.field(repr=False)
    ledger_index: int | None


@attrs.frozen(slots=True, kw_only=True)
class Withdrawal:
    """An issuing authority that nobody believes any more; ``reason`` is a CRL reason number."""

    authority: str
    since: datetime
    reason: int
    why: str
    decided_by: str
    ledger_index: int | None


@attrs.frozen(slots=True, kw_only=True)
class KeyUse:
    """One use of an authority's key; ``digest`` is the SHA-256 of what was signed."""

    use_id: int
    key_hash: bytes
    purpose: str
    digest: bytes
    used_by: str
    begun_at: datetime
    ended_at: datetime | None
