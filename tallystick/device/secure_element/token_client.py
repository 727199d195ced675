"""The client certificate and key of a card's PKI applet, for the TLS connection that fetches a token (wire: 7.7)."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import attrs

from tallystick.crypto.certificates import der_of, read_card_certificate
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.kernel.faults import Fault

CERTIFICATE_FILE = "pki.pem"
KEY_FILE = "pki-key.pem"


@attrs.frozen(slots=True)
class TlsIdentity:
    """Where a TLS library finds certificate and key, both PEM."""

    certificate: Path
    key: Path


class TokenClient(Protocol):
    """Whoever can show a card's client certificate: a PKCS#11 module, or files beside a virtual card."""

    def token_client(self, uid: str) -> TlsIdentity:
        """The identity of the card with this UID; raises `CardUnavailable` when it is not there."""


@attrs.frozen(slots=True)
class BesideCard:
    """Files of mode 0600 in the folder of a virtual card stand for the key inside its PKI applet."""

    folder: Path

    def token_client(self, uid: str) -> TlsIdentity:
        """The files, once the certificate is seen to be of this card; raises `CardUnavailable`."""
        identity = TlsIdentity(self.folder / CERTIFICATE_FILE, self.folder / KEY_FILE)
        try:
            found = read_card_certificate(der_of(identity.certificate.read_bytes())).uid
        except (OSError, ValueError, Fault) as error:
            raise CardUnavailable(f"no client certificate beside the card: {error}") from error
        if found != uid or not identity.key.is_file():
            raise CardUnavailable(f"no client key of {uid} beside the card")
        return identity
