"""Who may sign the trust list, and whether somebody did: a unit that an authority of the country's root certified."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import utils

from tallystick.crypto.certificates import (
    Trusted,
    TrustStore,
    is_self_signed,
    public_key_of,
    read_certificate,
    verify_chain,
)
from tallystick.crypto.policy import Use
from tallystick.crypto.signatures import verify_unit_es256
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
    verify_unit_es256(key, signed, signature, use=Use.VERIFY_TRUST_LIST, code="TS-3073", moment=at)


def usages_of(certificate: x509.Certificate) -> list[str]:
    """The extended key usages of a certificate, dotted."""
    for extension in certificate.extensions:
        if isinstance(extension.value, x509.ExtendedKeyUsage):
            return [one.dotted_string for one in extension.value]
    return []
