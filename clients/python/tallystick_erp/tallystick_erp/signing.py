"""The signed form of a document: a compact JWS (RFC 7515, ES256) with exactly ten members in its header."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import struct
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, utils

_CRITICAL = ["ts-aud", "ts-dev", "ts-nonce", "ts-prev", "ts-seq", "ts-time"]
_LINK_TAG = b"tallystick/v1/device-link"


class Signer:
    """The key of a connection with its certificate (PEM files)."""

    def __init__(self, key_file: str | Path, certificate_file: str | Path) -> None:
        key = serialization.load_pem_private_key(Path(key_file).read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ValueError("the key of a connection is one of P-256")
        certificate = x509.load_pem_x509_certificate(Path(certificate_file).read_bytes())
        self._key = key
        self._kid = base64url(hashlib.sha256(certificate.public_bytes(serialization.Encoding.DER)).digest())

    def sign(
        self, payload: Mapping[str, Any], *, audience: str, device: str, sequence: int, previous: bytes, at: datetime
    ) -> bytes:
        """The compact form; ``previous`` is the device link of the document before."""
        header = {
            "alg": "ES256",
            "crit": _CRITICAL,
            "kid": self._kid,
            "ts-aud": audience,
            "ts-dev": device,
            "ts-nonce": base64url(os.urandom(16)),
            "ts-prev": base64url(previous),
            "ts-seq": str(sequence),
            "ts-time": f"{at:%Y-%m-%dT%H:%M:%S}.{at.microsecond // 1000:03d}Z",
            "typ": "tallystick-document+jws",
        }
        text = f"{base64url(compact_json(header))}.{base64url(compact_json(payload))}".encode()
        r, s = utils.decode_dss_signature(self._key.sign(text, ec.ECDSA(hashes.SHA256())))
        return text + b"." + base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big")).encode()


def device_link(previous: bytes, sequence: int, compact: bytes) -> bytes:
    """What the next document's ``ts-prev`` has to say."""
    made = hashlib.sha256(bytes([len(_LINK_TAG)]) + _LINK_TAG)
    for field in (previous, struct.pack(">Q", sequence), hashlib.sha256(compact).digest()):
        made.update(len(field).to_bytes(4, "big") + field)
    return made.digest()


def compact_json(value: object) -> bytes:
    """JSON without blanks."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False, sort_keys=True).encode()


def base64url(data: bytes) -> str:
    """Without padding (RFC 7515, 2)."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def read_base64url(text: str) -> bytes:
    """Undo it."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
