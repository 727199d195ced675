"""Certificates signed by a key in a store: the bytes are linted under a throw-away signature, then signed as they are.

The store gives DER of (r, s) over the TBS bytes; the certificate is put together from those bytes, not encoded anew,
and is verified before it is given.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from tallystick.crypto import issuing
from tallystick.crypto.certificate_lint import lint
from tallystick.crypto.issuing import Order
from tallystick.crypto.keys import KeyKind, ec_private
from tallystick.kernel.faults import Fault

SignTbs = Callable[[bytes], bytes]
"""Signs the TBS bytes with P-384 and SHA-384; gives the DER of r and s."""

_ECDSA_SHA384 = bytes.fromhex("300a06082a8648ce3d040303")
_SEQUENCE, _BIT_STRING = 0x30, 0x03


def issue(order: Order, at: datetime, issuer: bytes | None, sign_tbs: SignTbs) -> bytes:
    """The certificate in DER; ``issuer`` is the issuing certificate in DER, none for a root that signs itself.

    Raises ``TS-3003`` (weak key), ``TS-3006`` (the profile is broken), and what ``sign_tbs`` raises.
    """
    issuing.check_key(order.public_key)
    parent = None if issuer is None else x509.load_der_x509_certificate(issuer)
    builder = issuing._builder(order, at, parent)
    trial = builder.sign(ec_private(issuing._throw_away_key(KeyKind.P384)), hashes.SHA384())
    findings = lint(trial, order.profile, parent)
    if findings:
        raise Fault("TS-3006", detail="; ".join(findings))
    tbs = trial.tbs_certificate_bytes
    signature = _field(_BIT_STRING, b"\0" + sign_tbs(tbs))
    made = x509.load_der_x509_certificate(_field(_SEQUENCE, tbs + _ECDSA_SHA384 + signature))
    made.verify_directly_issued_by(made if parent is None else parent)
    return made.public_bytes(Encoding.DER)


def _field(tag: int, content: bytes) -> bytes:
    """One DER element."""
    length = len(content)
    if length < 0x80:
        return bytes([tag, length]) + content
    size = (length.bit_length() + 7) // 8
    return bytes([tag, 0x80 | size]) + length.to_bytes(size, "big") + content
