"""Keys and certificates of the PKI's own services: OCSP responders, the timestamp unit, who signs the trust list.

Each is made without a ceremony and made anew in the last third of its life. The key lies in the key store, where the
key processes make it and sign with it, and only its label stands in the file of the certificate; a newcomer's
responder, whose authority is a file as well, has a file.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.authority.keys.signing_unit import SigningUnit
from tallystick.authority.keys.unit_signer import UnitSigner
from tallystick.authority.reference.pki import operations, queries
from tallystick.authority.reference.pki.services import PkiServices
from tallystick.authority.reference.pki.values import Wish
from tallystick.authority.room_queries import Connection
from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import der_of, pem_of
from tallystick.crypto.issuing import Order
from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import PublicKey, generate_p256_key, store_private_key
from tallystick.crypto.pki import DemoPki
from tallystick.crypto.policy import Use
from tallystick.crypto.signers import KeySigner, Signer
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically

log = logging.getLogger(__name__)

_LABEL = re.compile(rb"\AKey in the store: ([a-z0-9-]+)\n")
"""Explanatory text before the certificate (RFC 7468, 5.2), so that label and certificate change in one step."""


@attrs.frozen(kw_only=True)
class ServicePlan:
    """One service: the name of its files and key, who certifies it, and what its key is for."""

    name: str
    authority: str
    purpose: KeyPurpose
    use: Use
    what: str
    order: Callable[[PublicKey], Order]


@attrs.frozen
class Held:
    """A certificate (DER) with its key."""

    certificate: bytes
    signer: Signer


@attrs.frozen
class ServiceKeys:
    """The services' keys of one country. ``unit`` gives the door to the key processes."""

    pki: DemoPki
    services: PkiServices
    unit: Callable[[], SigningUnit]

    def hold(self, conn: Connection, plan: ServicePlan, at: datetime) -> Held | None:
        """The one in force; one that nears its end, or was revoked, gets a new key and certificate.

        Where the key cannot be made or certified, the one that is there serves to its end; without one there is none.
        """
        try:
            present = self._present(conn, plan, at)
        except (Fault, OSError, ValueError) as error:
            log.error("the certificate or key of %s cannot be read: %s", plan.name, error)
            present = None
        if present is not None and not _nears_its_end(present.certificate, at):
            return present
        if plan.authority in queries.withdrawals(conn):
            return present
        try:
            return self._made(conn, plan, at)
        except (Fault, OSError) as error:
            log.warning("no new certificate for %s: %s", plan.name, error)
            conn.rollback()
            if isinstance(error, Fault) and error.code == "TS-3003":  # nobody may have this key: take another one
                self._begun(plan).unlink(missing_ok=True)
            return present

    def _present(self, conn: Connection, plan: ServicePlan, at: datetime) -> Held | None:
        """The one in the folder, if it is whole, in the register, not revoked and not at its end."""
        file = self.pki.files.certificate(plan.name)
        if not file.exists():
            return None
        content = file.read_bytes()
        certificate = der_of(content)
        facts, signer = read_facts(certificate), self._signer(plan, content)
        revoked = self.services.registry.revocation(conn, facts.sha256)
        is_usable = (
            signer is not None
            and signer.public == facts.public_key
            and operations.is_issued(conn, facts.sha256)
            and (revoked is None or revoked.lifted_at is not None)
            and at < facts.not_after
        )
        return Held(certificate, signer) if signer is not None and is_usable else None

    def _signer(self, plan: ServicePlan, content: bytes) -> Signer | None:
        label = _LABEL.match(content)
        if label is not None:
            return UnitSigner(self.unit(), label[1].decode(), read_facts(der_of(content)).public_key, plan.use)
        key = self.pki.files.private_key(plan.name)
        return self.pki.signer(plan.name) if key.exists() else None

    def _made(self, conn: Connection, plan: ServicePlan, at: datetime) -> Held:
        if self._is_newcomer(plan):
            key = generate_p256_key()
            certificate = self._certified(conn, plan, key.public, at)
            store_private_key(self.pki.files.private_key(plan.name), key)
            self._write(plan, b"", certificate)
            return Held(certificate, KeySigner(key))
        label, public = self._key_in_store(plan, at)
        certificate = self._certified(conn, plan, public, at)
        self._write(plan, f"Key in the store: {label}\n".encode(), certificate)
        self._begun(plan).unlink(missing_ok=True)
        return Held(certificate, UnitSigner(self.unit(), label, public, plan.use))

    def _key_in_store(self, plan: ServicePlan, at: datetime) -> tuple[str, PublicKey]:
        """A new key, or the one that was made and not certified yet: tries that fail leave one key, not thousands."""
        begun = self._begun(plan)
        if begun.exists():
            label = begun.read_text(encoding="ascii").strip()
            try:
                purpose, public = self.unit().public_key(label)
            except Fault:
                self.unit().check()  # away: later. Else the store has lost this key, and another one is made.
            else:
                if purpose is plan.purpose:
                    return label, public
        label = f"{plan.name}-{at:%Y%m%d%H%M%S}"
        public = self.unit().make_key(label, plan.purpose)
        write_atomically(begun, label.encode("ascii"), mode=0o600)
        return label, public

    def _begun(self, plan: ServicePlan) -> Path:
        return self.pki.files.folder / f"{plan.name}.begun"

    def _is_newcomer(self, plan: ServicePlan) -> bool:
        """A responder beside an authority that is a file: nobody is safer with the lesser key in the store."""
        return plan.purpose is KeyPurpose.OCSP and self.pki.files.private_key(plan.authority).exists()

    def _certified(self, conn: Connection, plan: ServicePlan, key: PublicKey, at: datetime) -> bytes:
        wish = Wish(
            holder=f"service:{plan.name}", request=key.spki, requested_by="process:pki", purpose=plan.what
        )  # fmt: skip
        authority = self.services.authority(plan.authority)
        return operations.issue(conn, plan.authority, authority, plan.order(key), wish, at)

    def _write(self, plan: ServicePlan, label: bytes, certificate: bytes) -> None:
        write_atomically(self.pki.files.certificate(plan.name), label + pem_of(certificate), mode=0o644)


def _nears_its_end(certificate: bytes, at: datetime) -> bool:
    facts = read_facts(certificate)
    return at >= facts.not_after - facts.lifetime / 3
