"""Who may sign the trust list, and whether somebody did: a unit that an authority of the country's root certified."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, utils

from tallystick.crypto.certificates import (
    Trusted,
    TrustStore,
    is_self_signed,
    public_key_of,
    read_certificate,
    verify_chain,
)
from tallystick.crypto.keys import KeyKind
from tallystick.crypto.policy import Use, require
from tallystick.kernel.faults import Fault

USAGE_ENDING = ".2.5"
"""Of the usage below a country's arc (`national_oids.NationalArc.trust_list`); no other of ours ends so."""
_HALF = 32


def jws_signature(der: bytes) -> bytes:
    """An ECDSA signature on P-256 as JWS wants it, 64 bytes (RFC 7518, 3.4), from DER."""
    r, s = utils.decode_dss_signature(der)
    return r.to_bytes(_HALF, "big") + s.to_bytes(_HALF, "big")


def check_signer(
    signer: bytes, authorities: Iterable[bytes], roots: Trusted, signed: bytes, signature: bytes, at: datetime
) -> None:
    """Check that the unit with this certificate (DER) signed a list, and might, at the moment of its issue.

    ``authorities`` are those of the list itself: what makes them good is that ``roots`` certified them. Raises
    ``TS-1102``, ``TS-1103`` and ``TS-1310`` for the chain, ``TS-3073`` where the certificate or signature is not of one
    who signs trust lists.
    """
    below = TrustStore.from_der([der for der in authorities if not is_self_signed(der)])
    certificate = read_certificate(signer)
    verify_chain(signer, TrustStore((*roots.authorities, *below.authorities)), at)
    usages = usages_of(certificate)
    if len(usages) != 1 or not usages[0].endswith(USAGE_ENDING):
        raise Fault("TS-3073", detail="its signer may not sign trust lists")
    key = public_key_of(certificate)
    require(Use.VERIFY_TRUST_LIST, at)
    if key.kind is not KeyKind.P256 or not isinstance(key.handle, ec.EllipticCurvePublicKey):
        raise Fault("TS-3073", detail="its signer has a key of another kind")
    if len(signature) != 2 * _HALF:
        raise Fault("TS-3073", detail="its signature has another form")
    r, s = int.from_bytes(signature[:_HALF], "big"), int.from_bytes(signature[_HALF:], "big")
    try:
        key.handle.verify(utils.encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
    except InvalidSignature:
        raise Fault("TS-3073", detail="it is not signed by the one whom it names") from None


def usages_of(certificate: x509.Certificate) -> list[str]:
    """The extended key usages of a certificate, dotted."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return [one.dotted_string for one in extension.value]
    return []
