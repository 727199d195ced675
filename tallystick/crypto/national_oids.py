"""Object identifiers of our own certificates: what a device, a seal or an officer is (security 2.3).

``A`` is the operator's arc. The default is the arc for documentation (RFC 5612): a country pack names its own, and
nothing else changes.
"""

from __future__ import annotations

import attrs

from tallystick.kernel.device_policy import DeviceClass

__all__ = ["DOCUMENTATION_ARC", "OCSP_SIGNING", "TIME_STAMPING", "DeviceClass", "NationalArc"]

DOCUMENTATION_ARC = "1.3.6.1.4.1.32473"
OCSP_SIGNING = "1.3.6.1.5.5.7.3.9"
TIME_STAMPING = "1.3.6.1.5.5.7.3.8"


@attrs.frozen(slots=True)
class NationalArc:
    """The identifiers below an operator's arc."""

    base: str = DOCUMENTATION_ARC

    @property
    def tin(self) -> str:
        """Extension: the taxpayer's TIN, UTF8String."""
        return f"{self.base}.1.1"

    @property
    def premises(self) -> str:
        """Extension: the number of the premises, UTF8String."""
        return f"{self.base}.1.2"

    @property
    def device_class(self) -> str:
        """Extension: the class of the device, INTEGER."""
        return f"{self.base}.1.3"

    @property
    def role(self) -> str:
        """Extension: the role family of an officer, UTF8String."""
        return f"{self.base}.1.5"

    @property
    def documents(self) -> str:
        """Usage: signs fiscal documents."""
        return f"{self.base}.2.1"

    @property
    def seal(self) -> str:
        """Usage: a taxpayer's seal."""
        return f"{self.base}.2.2"

    @property
    def trust_list(self) -> str:
        """Usage: signs the trust list."""
        return f"{self.base}.2.5"

    @property
    def device_commands(self) -> str:
        """Usage: signs the authority's commands to devices."""
        return f"{self.base}.2.6"

    @property
    def timestamp_policy(self) -> str:
        """The policy of timestamps where the country names none of its own (RFC 3161, 2.4.2)."""
        return f"{self.base}.3.1"

    @property
    def staff(self) -> str:
        """Usage: acts as an officer or operator."""
        return f"{self.base}.2.4"
