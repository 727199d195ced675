"""Where the keys and certificates of a country lie that keeps them in one folder."""

from __future__ import annotations

from pathlib import Path

import attrs

from tallystick.crypto.generations import branch_of, generation_of, name_of


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

    def generations(self, branch: str) -> list[int]:
        """Numbers of a branch's authorities whose certificates are here, in order; the first one's even without."""
        names = [path.stem for path in self.folder.glob(f"{branch}-*.pem")]
        return sorted({1, *(generation_of(name) for name in names if branch_of(name) == branch)})

    def authorities(self, branch: str) -> list[str]:
        """Their names."""
        return [name_of(branch, number) for number in self.generations(branch)]

    def withdrawal(self, name: str) -> Path:
        """Is there when the issuing authority was withdrawn; says since when."""
        return self.folder / f"{name}.withdrawn"

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
        """The first issuer of client certificates of the TaxCore wire."""
        return self.certificate("secure-element-ca")
