"""What the steps of national documents ask of others: devices, builds, rates, and what is kept in SQL."""

from __future__ import annotations

from datetime import datetime, tzinfo
from typing import Protocol

import attrs

from tallystick.authority.intake.claims import RefundClaim
from tallystick.authority.intake.national.noted import Noted
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.ports import RateGroups
from tallystick.authority.intake.store import Evidence, Refused
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.kernel.builds import BuildClass
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.identifiers import SdcInvoiceNumber


class NationalDevices(Protocol):
    """The registry's view in memory."""

    def device(self, uid: str) -> NationalDevice | None:
        """A registered device."""

    def certificate(self, certificate_hash: bytes) -> DeviceCertificate | None:
        """A certificate that was issued to a device, by the SHA-256 of its DER."""


class Builds(Protocol):
    """Which builds may fiscalise."""

    def require(self, wanted: BuildClass, build_id: str) -> None:
        """Raises ``TS-2406`` for a build that may not serve a device of this class."""


class NationalStores(Protocol):
    """What is kept in SQL. Every method raises ``TS-5009`` when the database cannot be asked."""

    async def standing(self, uid: str, known: Standing | None = None) -> Standing | None:
        """Where the ledger says that a device stands; what it has from where it is known to have stood."""

    async def note(self, uid: str, noted: Noted) -> None:
        """Note where a device stands, so that nobody has to read all of its shift."""

    async def document(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """What the ledger has under a fiscal number."""

    async def is_card(self, uid: str) -> bool:
        """Whether it is a registered secure element."""

    async def claim(self, claim: RefundClaim, *, forced: bool) -> bool:
        """Note that a refund takes this much of its original, before it is booked; false where less is left.

        ``forced`` notes it in any case: the money was given back already.
        """

    async def let_go(self, act_hash: bytes) -> None:
        """The refund was refused: it takes nothing."""

    async def refuse(self, refused: Refused) -> None:
        """Keep a refused document for a while."""

    async def evidence(self, evidence: Evidence) -> int | None:
        """Keep evidence; the ledger's entry of it, if it has one."""

    async def number_evidence(self, act_hash: bytes, body_hash: bytes, entry_index: int) -> None:
        """Note the ledger's entry."""

    async def hold(self, uid: str, at: datetime, reason: str) -> None:
        """Put a device on hold."""

    async def close(self, uid: str, at: datetime) -> None:
        """Close a device for good, whose closure of its memory is in the ledger (S1-033); once is enough."""


@attrs.frozen(slots=True, kw_only=True)
class NationalRules:
    """Everything that the checks consult: values of one country and views in memory. ``origin`` is the log's name."""

    devices: NationalDevices
    builds: Builds
    rates: RateGroups
    stores: NationalStores
    pack: CountryPack
    zone: tzinfo
    origin: str
