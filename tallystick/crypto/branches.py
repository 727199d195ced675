"""The issuing authorities that lie in a country's folder, by branch: the first ones and those that followed them.

The folder is what processes without a database go by, and it may change while they run: a certificate that is put there
is an authority from then on, and a file ``NAME.withdrawn`` ends one (the process that keeps the PKI writes it after the
officers' decision). Whoever checks certificates of a withdrawn authority asks the registry, which says since when.
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import attrs
from cryptography import x509

from tallystick.crypto.certificates import TrustStore, certificates_of, der_of, is_issued_by
from tallystick.crypto.generations import later
from tallystick.crypto.pki_files import PkiFiles
from tallystick.crypto.profiles import ISSUES_FOR, AuthorityPlan
from tallystick.kernel.faults import Fault

ROOT = "root"
_Believed = tuple[tuple[x509.Certificate, ...], tuple[bytes, ...]]
_SETTLED_NS = 1_000_000_000
"""A folder that changed a moment ago may change again without showing a later time."""


@attrs.frozen(slots=True)
class Branches:
    """``first`` are the plans of the hierarchy, one a branch."""

    files: PkiFiles
    first: tuple[AuthorityPlan, ...]

    @property
    def plans(self) -> tuple[AuthorityPlan, ...]:
        """Every issuing authority with a certificate here, by branch and generation."""
        return tuple(later(plan, number) for plan in self.first for number in self.files.generations(plan.name))

    def names(self, *branches: str) -> tuple[str, ...]:
        """Those of some branches."""
        return authority_names(self.files.folder, *branches)

    def issuing(self, branch: str, at: datetime) -> str:
        """The authority of a branch that certifies now: the newest that is not withdrawn and within its years.

        Without one, the newest of all: who asks it to issue is told why it does not.
        """
        names = self.names(branch) or (branch,)
        able = [name for name in names if not self.files.withdrawal(name).exists() and self._is_in_its_years(name, at)]
        return (able or list(names))[-1]

    def _is_in_its_years(self, name: str, at: datetime) -> bool:
        start = x509.load_pem_x509_certificate(self.files.certificate(name).read_bytes()).not_valid_before_utc
        return start <= at < start + ISSUES_FOR

    def issuer_of(self, branch: str, certificate: bytes) -> str:
        """Which authority of a branch issued a certificate (DER); raises ``TS-1102`` when none did."""
        for name in self.names(branch):
            if is_issued_by(certificate, der_of(self.files.certificate(name).read_bytes())):
                return name
        raise Fault("TS-1102", detail=f"no authority of the branch {branch} issued it")

    def is_orphaned(self, branch: str, certificate: bytes, at: datetime) -> bool:
        """Whether the authority that issued a certificate (DER) is withdrawn, and another one could issue it anew."""
        try:
            issuer = self.issuer_of(branch, certificate)
        except Fault:
            return False
        if not self.files.withdrawal(issuer).exists():
            return False
        return not self.files.withdrawal(self.issuing(branch, at)).exists()

    def believed(self, *branches: str) -> list[str]:
        """Names of those of some branches that are not withdrawn."""
        return [name for name in self.names(*branches) if not self.files.withdrawal(name).exists()]

    def certificates(self, *branches: str) -> Iterator[bytes]:
        """Of all authorities of some branches, DER."""
        for name in self.names(*branches):
            yield der_of(self.files.certificate(name).read_bytes())

    def trust(self, *branches: str) -> FollowedTrust:
        """Root and these branches, as they lie in the folder whenever somebody looks."""
        return FollowedTrust(self.files.folder, branches)


def authority_names(folder: Path, *branches: str) -> tuple[str, ...]:
    """Names of all authorities of some branches in a folder, each branch from its first one on."""
    files = PkiFiles(folder)
    return tuple(later_name for branch in branches for later_name in files.authorities(branch))


@attrs.define(slots=True)
class FollowedTrust:
    """A `TrustStore` that follows the folder: what is put there counts at the next look, without a restart.

    While a new file cannot be read, what was trusted before goes on to be.
    """

    folder: Path
    branches: tuple[str, ...]
    _seen: int = attrs.field(default=-1, init=False)
    _believed: _Believed = attrs.field(default=((), ()), init=False)

    @property
    def authorities(self) -> tuple[x509.Certificate, ...]:
        """Those that count now."""
        return self._now()[0]

    @property
    def digests(self) -> tuple[bytes, ...]:
        """SHA-256 of those; asked at each call of a device, so it is remembered with them."""
        return self._now()[1]

    def _now(self) -> _Believed:
        changed = self.folder.stat().st_mtime_ns
        if changed != self._seen:
            try:
                store = self.read()
            except (OSError, ValueError):
                if not self._believed[0]:
                    raise
            else:
                is_settled = time.time_ns() - changed > _SETTLED_NS
                self._believed, self._seen = (store.authorities, store.digests), changed if is_settled else -1
        return self._believed

    def read(self) -> TrustStore:
        """Read them all; raises ``OSError`` and ``ValueError``."""
        files = PkiFiles(self.folder)
        names = (ROOT, *authority_names(self.folder, *self.branches))
        return TrustStore.from_der(
            der for name in names for der in certificates_of(files.certificate(name).read_bytes())
        )
