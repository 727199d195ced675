"""An audit package on its way through the steps: what is known of it so far, and what was found."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.intake.unwrap_messages import OpenedPackage
from tallystick.authority.intake.verdicts import AuditStatus, Outcome, first_on_the_wire, outcome_of, status_of
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.reference.registry.values import SecureElementEntry
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.instants import EPOCH
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.audit_package import AuditData
from tallystick.wire.card import InternalData


@attrs.frozen(slots=True)
class PackageAnswer:
    """The answer of Submit Audit Package before its commands are added.

    ``step`` and ``code`` say where and why for anything but a plain 4; ``index`` is the ledger's index of what was
    booked. ``replayed`` means that the same document was answered before.
    """

    status: int
    replayed: bool = False
    index: int | None = None
    step: int = 15
    code: str = ""
    refused: bool = False


@attrs.frozen(slots=True)
class Finding:
    """One fault that does not end the way of a package: it decides between booking, flag and quarantine."""

    step: int
    fault: Fault
    status: AuditStatus
    outcome: Outcome

    @classmethod
    def of(cls, step: int, fault: Fault) -> Finding:
        """Status and outcome by the tables.

        The fault's traceback leads to frames that hold the package, and the package holds the finding: without this
        cut each flagged package would stay in memory until the collector comes by.
        """
        return cls(step, fault.with_traceback(None), status_of(fault), outcome_of(fault))


@attrs.define(slots=True, eq=False)
class Package:
    """What the steps know. Fields are filled from top to bottom; a step reads only what an earlier one has filled."""

    body: bytes
    token_uid: str
    token_tin: str
    received_at: datetime
    file_hash: bytes
    named: SdcInvoiceNumber | None = None
    unwrapped: OpenedPackage | None = None
    read: AuditData | None = None
    signer: SecureElementEntry | None = None
    signed_ms: int = 0
    signed_at: datetime = EPOCH
    act_hash: bytes = b""
    internal: InternalData | None = None
    group: TaxRateGroup | None = None
    findings: list[Finding] = attrs.field(factory=list)
    channel: Channel = Channel.ESDC
    requester: SecureElementEntry | None = None
    """Who asked a hosted signer; none where a card signs for itself."""

    @property
    def opened(self) -> OpenedPackage:
        """What came out of the envelope, from step 3 on."""
        assert self.unwrapped is not None
        return self.unwrapped

    @property
    def data(self) -> AuditData:
        """What was read, from step 4 on."""
        assert self.read is not None
        return self.read

    @property
    def body_hash(self) -> bytes:
        """SHA-256 of the opened JSON, from step 3 on."""
        return sha256(self.opened.plain)

    @property
    def request(self) -> InvoiceRequest:
        """The invoice request, from step 4 on."""
        return self.data.request

    @property
    def result(self) -> InvoiceResult:
        """The invoice result, from step 4 on."""
        return self.data.result

    @property
    def element(self) -> SecureElementEntry:
        """The signer, from step 6 on."""
        assert self.signer is not None
        return self.signer

    @property
    def owner(self) -> SecureElementEntry:
        """Whose invoice it is, and whose TIN stands under the signature: the requester's, else the signer's."""
        return self.requester or self.element

    @property
    def signed_by(self) -> Uid:
        """UID of the element whose key verifies the signature, from step 6 on."""
        return self.element.uid

    @property
    def is_foreign(self) -> bool:
        """Whether the signer belongs to another taxpayer than the sender.

        A signer that nobody knows belongs to whom the document names. What could not be read is foreign.
        """
        if self.signer is not None:
            return self.owner.tin != self.token_tin
        return self.read is None or self.read.result.seller.tin != self.token_tin

    @property
    def verdict(self) -> AuditStatus:
        """The number to answer once the package is kept."""
        return first_on_the_wire([finding.status for finding in self.findings])

    @property
    def codes(self) -> tuple[str, ...]:
        """The fault codes that the booking carries, each once, in the order in which they were found."""
        return tuple(dict.fromkeys(finding.fault.code for finding in self.findings))
