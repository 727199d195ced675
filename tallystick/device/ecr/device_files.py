"""Key and certificate of a register in its folder: ``device.key`` under a passphrase, ``device.crt`` with its chain.

The same key signs documents and stands at the TLS door. A renewal writes key and certificate beside the old ones first:
``next.key`` lies there until its certificate has come, so that a power cut loses neither. Both are changed at a moment
that the caller chooses, when nothing is being signed, or at the next start.
"""

from __future__ import annotations

import ssl
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.crypto.certificate_facts import read_facts
from tallystick.crypto.certificates import TrustStore, certificates_of, is_self_signed, pem_of
from tallystick.crypto.command_units import arc_of_device
from tallystick.crypto.keys import PrivateKey, generate_p256_key
from tallystick.crypto.national_oids import NationalArc
from tallystick.crypto.passphrase_keys import load_under_passphrase, store_under_passphrase
from tallystick.crypto.sealed_keys import WrongPassphrase
from tallystick.crypto.signatures import sign_es256
from tallystick.crypto.tls import tls_client_context
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import sync_folder, write_atomically

KEY, CERTIFICATE, ROOT, NEXT_KEY, NEXT_CERTIFICATE = "device.key", "device.crt", "authority.crt", "next.key", "next.crt"


@attrs.frozen(slots=True, kw_only=True)
class Identity:
    """The register's certificate: its hash, until when it is valid, and its name in renewal advice."""

    certificate_hash: bytes
    not_before: datetime
    not_after: datetime
    renewal_id: str


class DeviceFiles:
    """The files of one folder, opened with their passphrase."""

    def __init__(self, folder: Path, passphrase: str) -> None:
        self.folder = folder
        self._passphrase = passphrase
        self._key: PrivateKey | None = None
        self._finish()

    @property
    def key(self) -> PrivateKey:
        """The key; raises ``TS-3262`` (none yet) and ``TS-3263`` (another passphrase)."""
        if self._key is None:
            self._key = self._load(KEY)
        return self._key

    def sign(self, text: bytes) -> bytes:
        """ES256 by the key."""
        return sign_es256(self.key, text)

    def identity(self) -> Identity:
        """What the certificate says; raises ``TS-3262`` where there is none, or it is not of the key."""
        try:
            chain = certificates_of((self.folder / CERTIFICATE).read_bytes())
        except OSError as error:
            raise Fault("TS-3262", detail="the register is not enrolled") from error
        if not chain:
            raise Fault("TS-3262", detail=f"{CERTIFICATE} holds no certificate")
        facts = read_facts(chain[0])
        if facts.key_hash != self.key.public.fingerprint:
            raise Fault("TS-3262", detail="the certificate is not of the register's key")
        return Identity(
            certificate_hash=facts.sha256,
            not_before=facts.not_before,
            not_after=facts.not_after,
            renewal_id=facts.renewal_id,
        )

    def roots(self) -> TrustStore:
        """The national root that the register was given; raises ``TS-3262``."""
        try:
            return TrustStore.from_pem((self.folder / ROOT).read_bytes())
        except (OSError, ValueError) as error:
            raise Fault("TS-3262", detail=f"{ROOT} cannot be read") from error

    def arc(self) -> NationalArc:
        """The operator's arc, as the register's own certificate has it; raises ``TS-3262``."""
        try:
            return arc_of_device(certificates_of((self.folder / CERTIFICATE).read_bytes())[0])
        except (OSError, IndexError) as error:
            raise Fault("TS-3262", detail="the register is not enrolled") from error

    def tls(self) -> ssl.SSLContext:
        """Towards the authority, with the certificate; raises ``TS-3262``."""
        return self._context(self.folder / CERTIFICATE, self.folder / KEY)

    def tls_without_certificate(self) -> ssl.SSLContext:
        """Towards the authority, for the first enrolment."""
        return self._context(None, None)

    def new_key(self) -> PrivateKey:
        """The key that the next certificate is for: a new one, or the one that waits for its certificate already."""
        if (self.folder / NEXT_KEY).exists():
            return self._load(NEXT_KEY)
        made = generate_p256_key()
        try:
            store_under_passphrase(self.folder / NEXT_KEY, made, self._passphrase)
        except ValueError as error:
            raise Fault("TS-3263", detail=str(error)) from error
        return made

    def take(self, certificate: bytes, chain: tuple[bytes, ...]) -> None:
        """The certificate of the new key has come (DER): it is kept beside the old one until `change_over`.

        Raises ``TS-3264``.
        """
        facts = read_facts(certificate)
        if facts.key_hash != self._load(NEXT_KEY).public.fingerprint:
            raise Fault("TS-3264", detail="the certificate that came is not of our key")
        sent = [certificate, *(one for one in chain if not is_self_signed(one))]
        write_atomically(self.folder / NEXT_CERTIFICATE, b"".join(map(pem_of, sent)), mode=0o600)

    def change_over(self) -> Identity:
        """Key and certificate that were taken are the ones from now on; what they say."""
        self._finish()
        return self.identity()

    def _finish(self) -> None:
        """Where both next files lie there, they are the ones from now on; a cut in between is finished here."""
        key, certificate = self.folder / NEXT_KEY, self.folder / NEXT_CERTIFICATE
        if not certificate.exists():
            return
        if key.exists():
            key.replace(self.folder / KEY)
            sync_folder(self.folder)
        certificate.replace(self.folder / CERTIFICATE)
        sync_folder(self.folder)
        self._key = None

    def _context(self, certificate: Path | None, key: Path | None) -> ssl.SSLContext:
        try:
            return tls_client_context(self.folder / ROOT, certificate, key, passphrase=self._passphrase)
        except (OSError, ValueError) as error:
            raise Fault("TS-3262", detail=f"TLS cannot be set up: {error}") from error

    def _load(self, name: str) -> PrivateKey:
        try:
            return load_under_passphrase(self.folder / name, self._passphrase)
        except OSError as error:
            raise Fault("TS-3262", detail=f"{name}: {error.strerror}") from error
        except WrongPassphrase as error:
            raise Fault("TS-3263", detail=str(error)) from error
