"""What the PKI asks of the registry, which it does not know; the assembly hands it in."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Protocol

from tallystick.authority.room_queries import Connection


class Device(Protocol):
    """A device as the registry has it."""

    @property
    def uid(self) -> str:
        """Its eight characters."""

    @property
    def device_class(self) -> int:
        """The number of its class."""

    @property
    def tin(self) -> str:
        """Its taxpayer."""

    @property
    def business_name(self) -> str:
        """The taxpayer's name."""

    @property
    def premises_id(self) -> int | None:
        """Where it stands."""

    @property
    def premises_name(self) -> str:
        """The name of the place."""

    @property
    def state(self) -> str:
        """``active``, ``hold`` or ``closed``."""


class Revoked(Protocol):
    """A revocation as the registry has it."""

    @property
    def certificate_hash(self) -> bytes:
        """SHA-256 of the certificate."""

    @property
    def revoked_at(self) -> datetime:
        """Since when."""

    @property
    def reason(self) -> int:
        """CRL reason number."""

    @property
    def lifted_at(self) -> datetime | None:
        """When a hold was taken back."""


class Registry(Protocol):
    """Devices, and the one truth about what is revoked. All in the caller's transaction."""

    def device(self, conn: Connection, uid: str) -> Device | None:
        """The registered device of that UID."""

    def certified(self, conn: Connection, device: Device, authority: str, certificate: bytes, at: datetime) -> None:
        """Note a certificate (DER) that an authority has just issued to a device, in the transaction of its row."""

    def taxpayer_name(self, conn: Connection, tin: str) -> str | None:
        """The name of a registered taxpayer."""

    def revocation(self, conn: Connection, certificate_hash: bytes) -> Revoked | None:
        """Of one certificate, lifted or not."""

    def revocations(self, conn: Connection) -> Iterable[Revoked]:
        """All that stand."""

    def revoke(self, conn: Connection, certificate_hash: bytes, holder: str, at: datetime, reason: int) -> None:
        """Revoke, seen by every channel from the commit on."""

    def lift(self, conn: Connection, certificate_hash: bytes, at: datetime) -> bool:
        """End a hold; false where there is none."""
