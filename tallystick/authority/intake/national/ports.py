"""What the checks of national documents ask of others: devices and their certificates, builds, rates, the ledger."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice
from tallystick.kernel.builds import BuildClass


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


class Moments(Protocol):
    """What the pipeline needs of the authority's clock."""

    def __call__(self) -> datetime:
        """Now."""
