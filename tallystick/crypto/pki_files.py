"""Where the keys and certificates of a country lie that keeps them in one folder."""

from __future__ import annotations

from pathlib import Path

import attrs


@attrs.frozen(slots=True)
class PkiFiles:
    """Names of the files in the folder. Certificates and public keys are 0644, private keys 0600, the folder 0700."""

    folder: Path

    def certificate(self, name: str) -> Path:
        """Certificate of ``root``, of an issuing authority (``device-ca``…), ``tls`` (with issuer), ``encryption``."""
        return self.folder / f"{name}.pem"

    def private_key(self, name: str) -> Path:
        """Private key of the above, or of ``package``, ``poa``, ``log``."""
        return self.folder / f"{name}-key.pem"

    def public_key(self, name: str) -> Path:
        """Public key of ``package``, ``poa``, ``log``."""
        return self.folder / f"{name}-public.pem"

    @property
    def root(self) -> Path:
        """What devices trust."""
        return self.certificate("root")

    @property
    def root_list(self) -> Path:
        """The root's own revocation list, brought from where the root is."""
        return self.folder / "root.crl"

    @property
    def client_authority(self) -> Path:
        """What the device listener trusts: the issuer of client certificates, not the root."""
        return self.certificate("secure-element-ca")
