"""What EST carries (RFC 7030): certificate requests with their proof of possession, and answers as bare chains."""

from __future__ import annotations

from collections.abc import Iterable

import attrs
from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding, pkcs7
from cryptography.x509.oid import NameOID

from tallystick.crypto.der import tlv
from tallystick.crypto.key_checks import check_key
from tallystick.crypto.keys import PrivateKey, PublicKey, accept_public, ec_private
from tallystick.kernel.faults import Fault

_EC_PUBLIC_KEY = bytes.fromhex("06072a8648ce3d0201")
_P256 = bytes.fromhex("06082a8648ce3d030107")
_ECDSA_SHA256 = bytes.fromhex("06082a8648ce3d040302")


@attrs.frozen(slots=True)
class CertificateRequest:
    """What is taken from a PKCS #10 request: the key. Its names are only compared, never copied."""

    public_key: PublicKey
    named_devices: tuple[str, ...]
    """Serial numbers in the subject: the device that the sender believes to be."""
    der: bytes = attrs.field(repr=False)


def read_request(der: bytes) -> CertificateRequest:
    """Read a request and check that its sender holds the private key.

    Raises ``TS-3002`` (malformed, or the proof of possession is wrong) and ``TS-3003`` (a key that is weak, of a kind
    or size that is never allowed, or no point of its curve).
    """
    try:
        request = x509.load_der_x509_csr(der)
        names = request.subject.get_attributes_for_oid(NameOID.SERIAL_NUMBER)
        devices = tuple(str(name.value) for name in names)
    except Exception:  # as for certificates: hostile bytes make the library raise many kinds
        raise Fault("TS-3002", detail="not a PKCS #10 request that can be read") from None
    key = _key_of(request)
    try:
        is_proved = request.is_signature_valid
    except (ValueError, UnsupportedAlgorithm, TypeError):
        is_proved = False
    if not is_proved:
        raise Fault("TS-3002", detail="the request is not signed by its own key")
    check_key(key)
    return CertificateRequest(key, devices, der)


def _key_of(request: x509.CertificateSigningRequest) -> PublicKey:
    try:
        return PublicKey(accept_public(request.public_key()))
    except Fault as fault:
        raise Fault("TS-3003", detail=fault.detail) from None
    except Exception:
        raise Fault("TS-3003", detail="the key cannot be read, or is no point of its curve") from None


def certs_only(certificates: Iterable[bytes]) -> bytes:
    """Certificates (DER) as a PKCS #7 without signature, DER (RFC 7030, 4.1.3)."""
    loaded = [x509.load_der_x509_certificate(der) for der in certificates]
    return pkcs7.serialize_certificates(loaded, Encoding.DER)


def request_attributes() -> bytes:
    """What a request should have: a P-256 key and ECDSA with SHA-256 (RFC 7030, 4.5.2), DER."""
    key = tlv(0x30, _EC_PUBLIC_KEY + tlv(0x31, _P256))
    return tlv(0x30, key + _ECDSA_SHA256)


def write_request(key: PrivateKey, device: str) -> bytes:
    """A request of a device for a certificate of its key, DER: its number and nothing else."""
    subject = x509.Name([x509.NameAttribute(NameOID.SERIAL_NUMBER, device)])
    builder = x509.CertificateSigningRequestBuilder().subject_name(subject)
    return builder.sign(ec_private(key), hashes.SHA256()).public_bytes(Encoding.DER)


def read_certs_only(der: bytes) -> tuple[bytes, ...]:
    """The certificates (DER) of an answer, in its order; raises ``TS-3264`` for what is none."""
    try:
        found = pkcs7.load_der_pkcs7_certificates(der)
        return tuple([certificate.public_bytes(Encoding.DER) for certificate in found])
    except Exception:  # as for certificates: hostile bytes make the library raise many kinds
        raise Fault("TS-3264", detail="the answer holds no certificates") from None
