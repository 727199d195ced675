"""Object identifiers of TaxCore certificates and how an environment is read from them (S2-009, S2-010, K-12)."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

import attrs

from tallystick.kernel.faults import Fault

PREFIX = "1.3.6.1.4.1.49952"
CLIENT_AUTH = "1.3.6.1.5.5.7.3.2"
SERVER_AUTH = "1.3.6.1.5.5.7.3.1"
_API_URL, _TIN, _VSDC_URL = 5, 6, 7
_CLASS_ARC = 3


class CertificateClass(IntEnum):
    """What a certificate is for; the number is the end of its extended key usage, ``3.n``."""

    V31 = 1
    """Web server."""
    V32 = 2
    """HTTPS client of a POS towards a V-SDC."""
    V33 = 3
    """Signing on the secure element applet."""
    V34 = 4
    """PKI applet: HTTPS client of an E-SDC."""
    V35 = 5
    """V-SDC signing."""
    V36 = 6
    """Encryption: the TaxCore public key."""
    V37 = 7
    """Developer HTTPS client."""
    V38 = 8
    """Developer virtual secure element signing."""


_CLASS_NUMBERS = frozenset(map(int, CertificateClass))


@attrs.frozen(slots=True)
class Environment:
    """The two numbers between prefix and purpose: kind of environment and country."""

    kind: int
    country: int

    @property
    def digits(self) -> tuple[int, int]:
        """As the country pack writes it."""
        return self.kind, self.country

    def _oid(self, tail: str) -> str:
        return f"{PREFIX}.{self.kind}.{self.country}.{tail}"

    @property
    def tin_oid(self) -> str:
        """Where the TIN stands."""
        return self._oid(str(_TIN))

    @property
    def api_url_oid(self) -> str:
        """Where the address of TaxCore.API stands."""
        return self._oid(str(_API_URL))

    @property
    def vsdc_url_oid(self) -> str:
        """Where the address of the V-SDC stands."""
        return self._oid(str(_VSDC_URL))

    def usage_oid(self, certificate_class: CertificateClass) -> str:
        """The extended key usage of a class."""
        return self._oid(f"{_CLASS_ARC}.{certificate_class}")


def read_usage(usages: Iterable[str]) -> tuple[Environment, CertificateClass]:
    """Environment and class from extended key usages: the first one under the prefix decides.

    The 4th and 3rd numbers from the right name the environment. Raises ``TS-1108`` when there is none.
    """
    for oid in usages:
        if oid.startswith(PREFIX + "."):
            numbers = [int(number) for number in oid[len(PREFIX) + 1 :].split(".")]
            if len(numbers) >= 4 and numbers[-2] == _CLASS_ARC and numbers[-1] in _CLASS_NUMBERS:
                return Environment(numbers[-4], numbers[-3]), CertificateClass(numbers[-1])
    raise Fault("TS-1108", detail="no extended key usage names an environment")
