"""A national document on its way through the steps: what is known of it so far, and what comes back."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.intake.claims import RefundClaim
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.national_document import NationalDocument, Sale
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.document_jws import DocumentHeader, SignedDocument


@attrs.frozen(slots=True, kw_only=True)
class Sender:
    """Who stands at the door, as the certificate of the connection says.

    ``revoked``: that certificate is revoked by now. Only the doors of batches admit such a one, to have what it brings
    kept apart; whoever it is speaks for the device no more.
    """

    certificate_hash: bytes
    uid: Uid
    device_class: DeviceClass
    tin: Tin
    revoked: bool = False


@attrs.frozen(slots=True, kw_only=True)
class NationalAnswer:
    """What is told of a booked document, all of it from the ledger: the same for every repetition.

    ``received_ms`` is when the document came first; ``codes`` are the faults that its booking carries.
    """

    signed: SignedDocument
    document: NationalDocument
    log_index: int
    received_ms: int
    codes: tuple[str, ...] = ()
    replayed: bool = False


@attrs.frozen(slots=True)
class NationalFinding:
    """One fault of a document that is booked, or kept apart, all the same."""

    step: int
    fault: Fault
    apart: bool


@attrs.define(slots=True, eq=False)
class DocumentInHand:
    """What the steps know. Fields are filled from top to bottom; a step reads only what an earlier one has filled.

    ``header`` is the signed one, ``at`` the moment that the device stated, ``sale`` the sale in the document if it is
    one, ``received_ms`` the arrival in Unix ms: several steps ask for them, so they are looked up once.
    """

    signed: SignedDocument
    document: NationalDocument
    sender: Sender
    received_at: datetime
    channel: Channel
    standing: Standing
    header: DocumentHeader = attrs.field(init=False)
    at: datetime = attrs.field(init=False)
    sale: Sale | None = attrs.field(init=False)
    received_ms: int = attrs.field(init=False)
    signer: DeviceCertificate | None = None
    entered: NationalDevice | None = None
    group: TaxRateGroup | None = None
    original: LedgerDocument | None = None
    claim: RefundClaim | None = None
    state: RegisterState | None = None
    difference: dict[str, str] = attrs.field(factory=dict)
    findings: list[NationalFinding] = attrs.field(factory=list)

    @header.default
    def _header(self) -> DocumentHeader:
        return self.signed.header

    @at.default
    def _at(self) -> datetime:
        return self.header.time

    @sale.default
    def _sale(self) -> Sale | None:
        return self.document.sale

    @received_ms.default
    def _received_ms(self) -> int:
        return unix_ms(self.received_at)

    @property
    def is_new(self) -> bool:
        """Whether its place is free, as far as is known."""
        return self.header.sequence > self.standing.sequence

    @property
    def certificate(self) -> DeviceCertificate:
        """The signer's certificate, from step 6 on."""
        assert self.signer is not None
        return self.signer

    @property
    def device(self) -> NationalDevice:
        """The registered device, from step 7 on."""
        assert self.entered is not None
        return self.entered

    @property
    def codes(self) -> tuple[str, ...]:
        """The fault codes that the booking carries, each once."""
        return tuple(dict.fromkeys([finding.fault.code for finding in self.findings]))
