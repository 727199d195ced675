"""The client certificate and key of a card's PKI applet, for the TLS connection that fetches a token (wire: 7.7)."""

from __future__ import annotations

import stat
from pathlib import Path
from typing import Protocol

import attrs

from tallystick.crypto.certificates import der_of, read_card_certificate
from tallystick.crypto.token_program import Pkcs11Uri, TokenProblem
from tallystick.device.secure_element.port import TokenUnusable
from tallystick.kernel.faults import Fault

CERTIFICATE_FILE = "pki.pem"
KEY_FILE = "pki-key.pem"


@attrs.frozen(slots=True)
class TlsIdentity:
    """Where a TLS library finds certificate and key, both PEM."""

    certificate: Path
    key: Path


@attrs.frozen(slots=True, kw_only=True)
class TokenIdentity:
    """A certificate and a key that stay on their token, behind a PKCS#11 module.

    ``pin_file`` holds the PIN, mode 0600. ``highest_tls`` 1.2 is for a token that signs by PKCS#1 v1.5 only.
    """

    module: Path
    uri: str
    pin_file: Path
    highest_tls: str = "1.3"


class TokenClient(Protocol):
    """Whoever can show a card's client certificate: a PKCS#11 module, or files beside a virtual card."""

    def token_client(self, uid: str) -> TlsIdentity | TokenIdentity:
        """The identity of the card with this UID; raises `CardUnavailable` when it is not there."""


@attrs.frozen(slots=True)
class BesideCard:
    """Files of mode 0600 in the folder of a virtual card stand for the key inside its PKI applet."""

    folder: Path

    def token_client(self, uid: str) -> TlsIdentity:
        """The files, once the certificate is seen to be of this card; raises `TokenUnusable`."""
        identity = TlsIdentity(self.folder / CERTIFICATE_FILE, self.folder / KEY_FILE)
        try:
            found = read_card_certificate(der_of(identity.certificate.read_bytes())).uid
        except (OSError, ValueError, Fault) as error:
            raise TokenUnusable(f"no client certificate beside the card: {error}") from error
        if found != uid or not identity.key.is_file():
            raise TokenUnusable(f"no client key of {uid} beside the card")
        return identity


@attrs.frozen(slots=True)
class OnToken:
    """A key that cannot leave its token; whose certificate it is, the connection's own program sees."""

    identity: TokenIdentity

    def token_client(self, uid: str) -> TokenIdentity:
        """The identity, once module, URI and the file of the PIN are as they must be; raises `TokenUnusable`."""
        identity = self.identity
        try:
            Pkcs11Uri.parse(identity.uri)
            mode = identity.pin_file.stat().st_mode
        except (OSError, TokenProblem) as error:
            raise TokenUnusable(f"client key of {uid}: {error}") from error
        if not stat.S_ISREG(mode) or mode & (stat.S_IRWXG | stat.S_IRWXO):
            raise TokenUnusable(f"{identity.pin_file}: a PIN must be readable by its owner only (mode 0600)")
        if not identity.module.is_file():
            raise TokenUnusable(f"{identity.module}: no such PKCS#11 module")
        return identity
