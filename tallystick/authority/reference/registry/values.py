"""What the registry knows, as values."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from functools import cached_property

import attrs

from tallystick.crypto.certificates import public_key_of, read_card_certificate, read_certificate
from tallystick.crypto.generations import branch_of
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.national_orders import device_authority
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.device_policy import DeviceClass, DeviceStanding, DeviceState
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.invoice import Seller


class SecureElementState(StrEnum):
    """Whether a secure element may fiscalise. Revoked and closed are final."""

    ACTIVE = "active"
    HOLD = "hold"
    REVOKED = "revoked"
    CLOSED = "closed"

    @property
    def is_final(self) -> bool:
        """Whether no other state can follow."""
        return self in (SecureElementState.REVOKED, SecureElementState.CLOSED)


@attrs.frozen(slots=True)
class Taxpayer:
    """A person or company obliged to fiscalise."""

    tin: Tin
    business_name: str


@attrs.frozen(slots=True, kw_only=True)
class Premises:
    """Where invoices are issued; ``code`` is the taxpayer's own name for the place."""

    tin: Tin
    code: str
    name: str
    address: str
    city: str = ""
    district: str = ""
    country: str = ""


class FormFactor(StrEnum):
    """What a device looks like. It is kept, and decides nothing (S0-077 to S0-081)."""

    SMARTPHONE = "smartphone"
    TABLET = "tablet"
    PC = "pc"
    POS = "pos"
    HARDWARE = "hardware"
    VEHICLE = "vehicle"
    SERVER = "server"
    OTHER = "other"


@attrs.frozen(slots=True, kw_only=True)
class FiscalDevice:
    """A register or system of the national channels. ``device_class`` is the number that its certificate carries.

    ``memory_number`` is that of its fiscal memory, ``enterprise_number`` the taxpayer's own of the register (S1-024).
    ``memory_report`` names the laboratory's report on its write-once memory; without one that counts as simulated.
    """

    uid: Uid
    device_class: int
    tin: Tin
    premises_id: int | None
    maker: str
    model: str
    serial_number: str
    state: DeviceState = DeviceState.ACTIVE
    business_name: str = ""
    premises_name: str = ""
    form_factor: FormFactor = FormFactor.OTHER
    memory_number: str = ""
    enterprise_number: str = ""
    memory_report: str = ""


@attrs.frozen(slots=True, kw_only=True)
class NationalDevice:
    """A device of the national channels as the intake sees it.

    ``registration_index`` is the ledger's index of its registration, none until that is published; ``genesis`` is the
    link that its sequence begins from then (`device_genesis`). ``has_agreement`` tells whether the taxpayer has one.
    """

    uid: Uid
    device_class: DeviceClass
    tin: Tin
    premises_id: int | None
    seller: Seller
    state: DeviceState
    maker: str
    model: str
    serial_number: str
    registration_index: int | None
    genesis: bytes
    has_agreement: bool = True
    form_factor: FormFactor = FormFactor.OTHER
    memory_number: str = ""
    memory_report: str = ""


@attrs.frozen(slots=False, kw_only=True, eq=False)
class DeviceCertificate:
    """A certificate of a national device. A revoked one keeps its moment and its CRL reason number (RFC 5280).

    ``authority`` is the name of the one that issued it, such as ``hardware-device-ca``; when that is revoked, so is
    the certificate.
    """

    certificate_hash: bytes
    uid: Uid
    device_class: DeviceClass
    tin: Tin
    certificate: bytes
    not_before: datetime
    not_after: datetime
    revoked_at: datetime | None = None
    revocation_reason: int = 0
    authority: str = ""

    @cached_property
    def public_key(self) -> PublicKey:
        """The key that verifies its documents, parsed once."""
        return public_key_of(read_certificate(self.certificate))

    def was_revoked(self, moment: datetime) -> bool:
        """Whether the revocation had taken effect at that moment."""
        return self.revoked_at is not None and self.revoked_at <= moment


def standing_of(device: NationalDevice, certificate: DeviceCertificate) -> DeviceStanding:
    """What the policy asks of a device and of the certificate that it shows (`require_may_fiscalise`)."""
    return DeviceStanding(
        device_class=device.device_class,
        certified_class=certificate.device_class,
        from_hardware_authority=branch_of(certificate.authority) == device_authority(DeviceClass.HARDWARE),
        state=device.state,
        has_agreement=device.has_agreement,
        has_point=device.premises_id is not None,
        has_memory_report=bool(device.memory_report),
    )


@attrs.frozen(slots=True, kw_only=True)
class FirstCertificate:
    """A device that got its first certificate and is not in the ledger yet."""

    device: FiscalDevice
    certificate: DeviceCertificate


ON_HOLD = 6
"""The reason *certificateHold* (RFC 5280, 5.3.1), the only one that can be taken back."""
COMPROMISED = frozenset({1, 2})
"""The reasons *keyCompromise* and *cACompromise*: somebody else may sign, and may set the clock."""


@attrs.frozen(slots=True, kw_only=True)
class Revocation:
    """Of one certificate, by the SHA-256 of its DER; ``reason`` is a CRL reason number. A lifted one is over."""

    certificate_hash: bytes
    uid: str
    revoked_at: datetime
    reason: int
    lifted_at: datetime | None = None


@attrs.frozen(slots=False, kw_only=True, eq=False)
class SecureElementEntry:
    """A registered secure element. ``limit`` is the amount that it may sign between two proofs of audit.

    ``encryption_key`` names the authority's key whose public half is on the card; ``registration_index`` is the
    ledger's index of the registration, none until it is published.
    """

    uid: Uid
    tin: Tin
    premises_id: int | None
    seller: Seller
    certificate: bytes
    certificate_hash: bytes
    not_before: datetime
    not_after: datetime
    environment: tuple[int, int]
    encryption_key: str
    limit: Money
    state: SecureElementState
    revoked_at: datetime | None
    registration_index: int | None
    revocation_reason: int = 0
    """CRL reason number (RFC 5280) of the certificate's revocation; 0 says nothing."""

    @cached_property
    def public_key(self) -> PublicKey:
        """The key that verifies its invoices, parsed once."""
        return read_card_certificate(self.certificate).public_key

    @cached_property
    def certificate_class(self) -> CertificateClass:
        """What its certificate is for: V33 a card, V35 a hosted signer, V32 a POS of the hosted signer."""
        return read_card_certificate(self.certificate).certificate_class

    @property
    def signs_for_others(self) -> bool:
        """Whether this is a hosted signer, the only kind that signs what another element requested."""
        return self.certificate_class is CertificateClass.V35

    def was_revoked(self, moment: datetime) -> bool:
        """Whether the revocation had taken effect at that moment."""
        return self.revoked_at is not None and self.revoked_at <= moment

    def may_not_have_signed(self, signed_at: datetime, received_at: datetime) -> bool:
        """Whether the revocation speaks against a document: signed since then, or arrived since then where others may
        sign. A thief sets the clock, so after a compromise what a document says of its own age proves nothing (K-05).
        """
        return self.was_revoked(signed_at) or (self.revocation_reason in COMPROMISED and self.was_revoked(received_at))


@attrs.frozen(slots=True, kw_only=True)
class AppUser:
    """A user of the portals; ``password`` is a hash."""

    id: int
    username: str
    password: str
    display_name: str
    role: str
    is_active: bool
    last_login: datetime | None
    date_joined: datetime


@attrs.frozen(slots=True, kw_only=True)
class RegistryOverview:
    """How many are registered, for the operator's page."""

    taxpayers: int
    secure_elements: int
    active: int
    hold: int
    revoked: int
    closed: int
