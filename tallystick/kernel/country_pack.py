"""A country as data: what the code asks instead of the country's name."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from enum import StrEnum

import attrs

from tallystick.kernel.algorithms import REGISTRY, AlgorithmRegistry
from tallystick.kernel.builds import CERTIFICATION, BuildClass, Certification
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.device_policy import HOUSE_POLICY, DevicePolicy
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.invoice import InvoiceRequest
from tallystick.kernel.retention import RetentionRules
from tallystick.kernel.tax_rates import TaxRateGroup


class PackageRetention(StrEnum):
    """When a device may delete an audit package (K-07): after audit status 4, or only after the proof of audit."""

    STATUS_4 = "status_4"
    PROOF_OF_AUDIT = "poa"


@attrs.frozen(slots=True)
class Tolerances:
    """How far times in a document may lie from the arrival (invoice) or from the invoice (reference).

    ``None`` means without limit: a local audit may bring packages months later.
    """

    future_minutes: int = 10
    past_days: int | None = None
    reference_past_days: int | None = None

    @property
    def future(self) -> timedelta:
        """How far ahead of the arrival a device's clock may be."""
        return timedelta(minutes=self.future_minutes)

    @property
    def past(self) -> timedelta | None:
        """How old an invoice may be when it arrives."""
        return None if self.past_days is None else timedelta(days=self.past_days)

    @property
    def reference_past(self) -> timedelta | None:
        """How old a referenced invoice may be at the time of the invoice that refers to it."""
        return None if self.reference_past_days is None else timedelta(days=self.reference_past_days)


CERTIFICATE_PROFILES = (
    "device", "device-commands", "encryption", "hardware-device", "hosted-signer", "ocsp-responder", "pki-client",
    "pos-client", "secure-element", "staff", "taxpayer-seal", "timestamp", "tls-server", "trust-list",
)  # fmt: skip
"""The kinds of certificate whose lifetime a country may set."""


@attrs.frozen(slots=True)
class CertificateRules:
    """What a country decides about its certificates: its arc of object identifiers, and lifetimes in days by profile.

    An empty arc stands for the one that is kept for documentation, an empty ``timestamp_policy`` for one below the arc.
    """

    arc: str = ""
    timestamp_policy: str = ""
    days: Mapping[str, int] = attrs.field(factory=dict)


@attrs.frozen(slots=True, kw_only=True)
class CountryPack:
    """The rules and names of one country.

    ``environment`` are the two OID integers that tell certificates of one environment from another's (S2-010).
    ``time_zone`` is the IANA name, ``server_time_zone`` the Windows name that the TaxCore wire carries. Patterns are
    regular expressions that must match the whole text. ``tax_groups`` are ascending by validity and group id.
    ``department_labels`` say which tax label the goods of a shop's department carry, ``default_label`` the others'.
    """

    code: str
    name: str
    currency: str
    currency_places: int
    environment: tuple[int, int]
    time_zone: str
    server_time_zone: str
    languages: tuple[str, ...]
    tax_groups: tuple[TaxRateGroup, ...]
    default_label: str
    department_labels: Mapping[str, str]
    tin_pattern: str
    buyer_id_pattern: str | None = None
    organization_name: str
    street: str
    city: str
    country: str
    package_retention: PackageRetention
    card_limit: Money
    max_category_order_id: int
    reference_time_required: bool = False
    accreditation_required: bool = False
    """Whether an E-SDC takes invoice requests only from a POS that it knows (S2-146)."""
    tolerances: Tolerances = Tolerances()
    algorithms: AlgorithmRegistry = REGISTRY
    certification: Mapping[BuildClass, Certification] = CERTIFICATION
    """What the country asks of the builds of each class of device (K-02)."""
    devices: DevicePolicy = HOUSE_POLICY
    """Which class of device may fiscalise on which channel; a country narrows it, and none widens it (S0-092)."""
    certificates: CertificateRules = attrs.field(factory=CertificateRules)
    channels: ChannelRules = attrs.field(factory=ChannelRules)
    """The rules of the national channels."""
    inspections: InspectionLimits = attrs.field(factory=InspectionLimits)
    """From when on something is worth an officer's look (S0-004)."""
    retention: RetentionRules = attrs.field(factory=RetentionRules)
    """How long what is kept beside the ledger stays."""

    def label_for(self, department: str | None) -> str:
        """The tax label of a department's goods."""
        return self.department_labels.get(department or "", self.default_label)

    def needs_reference_time(self, request: InvoiceRequest) -> bool:
        """Whether the country wants the time of the original on this copy or refund."""
        return self.reference_time_required and request.refers_back
