"""The file with which a POS gets its certificate: PKCS #12 without a chain, under a password (wire: chapter 9)."""

from __future__ import annotations

import secrets
import string

from cryptography import x509
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from tallystick.crypto.keys import PrivateKey, PublicKey, accept_public

_CODE_ALPHABET = string.ascii_uppercase + string.digits
PASSWORD_CHARACTERS = 8
PAC_CHARACTERS = 6


def new_password() -> str:
    """Eight upper-case letters or digits."""
    return _code(PASSWORD_CHARACTERS)


def new_pac() -> str:
    """Six upper-case letters or digits."""
    return _code(PAC_CHARACTERS)


def _code(length: int) -> str:
    return "".join(secrets.choice(_CODE_ALPHABET) for _ in range(length))


def write_bundle(name: str, key: PrivateKey, certificate: bytes, password: str) -> bytes:
    """The file: key and certificate (DER) under the password, AES-256, no chain."""
    return pkcs12.serialize_key_and_certificates(
        name.encode(),
        key.handle,
        x509.load_der_x509_certificate(certificate),
        None,
        BestAvailableEncryption(password.encode()),
    )


def read_bundle(data: bytes, password: str) -> tuple[bytes, bytes, PublicKey]:
    """Key and certificate as PEM, and the certificate's public key, as a POS needs them; ``ValueError`` when wrong."""
    key, certificate, _ = pkcs12.load_key_and_certificates(data, password.encode())
    if key is None or certificate is None:
        raise ValueError("not the bundle of a POS")
    pem = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    return pem, certificate.public_bytes(Encoding.PEM), PublicKey(accept_public(certificate.public_key()))
