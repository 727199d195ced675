"""What other rooms know and this one may not import; operations fill these ports."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence, Set
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.authority.projections.inspections.values import Evidence
from tallystick.authority.room_queries import Connection
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.record import Record


@attrs.frozen(slots=True, kw_only=True)
class WaitingAudit:
    """A card's audit that cannot be proven: ordinals lack, or its sum is not that of its documents (x 10000)."""

    uid: str
    total_counter: int
    missing: tuple[tuple[int, int], ...]
    difference: int
    received_at: datetime


class Audits(Protocol):
    """The audit room."""

    def waiting(self, conn: Connection) -> Sequence[WaitingAudit]:
        """Audits that are incomplete or contradict, the oldest first, a bounded number."""


class KeptApart(Protocol):
    """What has arrived and is not booked: the intake's quarantine and evidence."""

    def ordinals(self, conn: Connection, signed_by: str, first: int, last: int) -> Set[int]:
        """Ordinals that are kept."""


@attrs.frozen(slots=True, kw_only=True)
class Refund:
    """A document of the ledger, at ``index``, that gives back ``amount`` (x 10000) of ``original``."""

    original: SdcInvoiceNumber
    index: int
    amount: int
    record: Record


class Refunds(Protocol):
    """The intake's claims on originals."""

    def of(self, conn: Connection, originals: Collection[SdcInvoiceNumber]) -> Sequence[Refund]:
        """What booked refunds took of these documents, in the ledger's order."""


class OfflineMatters(Protocol):
    """The offline channel."""

    def take(self, conn: Connection, limit: int) -> Sequence[Evidence]:
        """What it has seen and nobody was told of; told by this, in the caller's transaction."""


@attrs.frozen(slots=True)
class Signer:
    """A secure element as a check of signatures needs it; ``active`` whether it may sell now."""

    tin: str
    public_key: PublicKey
    active: bool


@attrs.frozen(slots=True)
class DeviceKey:
    """The key in a certificate of a national device, and whose it is."""

    uid: str
    tin: str
    public_key: PublicKey


@attrs.frozen(slots=True)
class DeviceNumbers:
    """By which numbers the registry knows a national device; one that it does not have is empty."""

    serial_number: str
    memory_number: str


class Signers(Protocol):
    """The registry."""

    def device_numbers(self, conn: Connection, uid: str) -> DeviceNumbers | None:
        """Of a national device."""

    def find(self, conn: Connection, uids: Collection[str]) -> Mapping[str, Signer]:
        """The registered elements among these UIDs."""

    def device_keys(self, conn: Connection, certificates: Collection[bytes]) -> Mapping[bytes, DeviceKey]:
        """The keys of national devices, by the SHA-256 of the certificates that were issued for them."""

    def sells(self, conn: Connection, uid: str) -> bool:
        """Whether a card or a national device of that UID may sell now."""
