"""Revocation lists and OCSP answers: put together by us, read back by the library and refused when wrong."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cards import NOW, country
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509 import ocsp

from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.national_orders import responder_order
from tallystick.crypto.ocsp import (
    CertificateStatus,
    Finding,
    MalformedQuestion,
    OcspError,
    Responder,
    error_answer,
    issuer_keys,
    read_question,
)
from tallystick.crypto.revocation_lists import RevokedSerial, prepare_list, read_list, sign_list
from tallystick.crypto.signers import KeySigner
from tallystick.kernel.faults import Fault

LINES = [
    RevokedSerial(2**127 + number, NOW - timedelta(hours=number), reason) for number, reason in enumerate((0, 1, 6))
]


def test_a_list_is_read_as_it_was_made_and_the_library_believes_it() -> None:
    authority = country().pki.authority("device-ca")
    der = sign_list(authority, prepare_list(authority, 7, LINES, NOW))
    read = read_list(der, authority.der, NOW, above=6)
    assert read.number == 7
    assert sorted(read.revoked.values(), key=lambda one: one.serial) == LINES
    assert read.next_update - read.this_update == timedelta(hours=24)
    library = x509.load_der_x509_crl(der)
    key = authority.certificate.public_key()
    assert isinstance(key, ec.EllipticCurvePublicKey)
    assert library.is_signature_valid(key)


def test_lists_that_are_refused() -> None:
    """Of another authority, altered, not in force, out of order."""
    pki = country().pki
    authority = pki.authority("device-ca")
    der = sign_list(authority, prepare_list(authority, 7, LINES, NOW))
    cases = (
        ("TS-1102", der, pki.authority_certificate("staff-ca"), NOW, None),
        ("TS-1102", der[:-1] + bytes((der[-1] ^ 1,)), authority.der, NOW, None),
        ("TS-1102", b"", authority.der, NOW, None),
        ("TS-1109", der, authority.der, NOW + timedelta(hours=24), None),
        ("TS-1109", der, authority.der, NOW - timedelta(seconds=1), None),
        ("TS-3027", der, authority.der, NOW, 7),
        ("TS-3027", der, authority.der, NOW, 8),
    )
    for code, given, issuer, at, above in cases:
        with pytest.raises(Fault, match=code):
            read_list(given, issuer, at, above=above)


def responder() -> Responder:
    authority, key = country().pki.authority("device-ca"), generate_p256_key()
    return Responder(authority.issue(responder_order("device-ca", key.public), NOW), KeySigner(key))


def question(algorithm: hashes.HashAlgorithm, nonce: bytes = b"") -> bytes:
    issuer = country().pki.authority("device-ca").certificate
    builder = ocsp.OCSPRequestBuilder().add_certificate(issuer, issuer, algorithm)
    if nonce:
        builder = builder.add_extension(x509.OCSPNonce(nonce), False)
    return builder.build().public_bytes(Encoding.DER)


@pytest.mark.parametrize("nonce", [b"", b"n", b"n" * 128])
def test_an_answer_is_that_of_the_delegated_responder(nonce: bytes) -> None:
    one = responder()
    asked = read_question(question(hashes.SHA256(), nonce))
    assert asked.nonce == nonce
    for finding in (
        Finding(CertificateStatus.GOOD),
        Finding(CertificateStatus.UNKNOWN),
        Finding(CertificateStatus.REVOKED, NOW, 1),
        Finding(CertificateStatus.REVOKED, NOW, 0),
    ):
        read = ocsp.load_der_ocsp_response(one.answer(asked, finding, NOW, NOW + timedelta(hours=4)))
        assert read.response_status is ocsp.OCSPResponseStatus.SUCCESSFUL
        assert read.certificate_status is finding.status.value
        assert [cert.public_bytes(Encoding.DER) for cert in read.certificates] == [one.certificate]
        key = read.certificates[0].public_key()
        assert isinstance(key, ec.EllipticCurvePublicKey)
        key.verify(read.signature, read.tbs_response_bytes, ec.ECDSA(hashes.SHA256()))
        assert read.responder_name == read.certificates[0].subject
        found = [e.value.nonce for e in read.extensions if isinstance(e.value, x509.OCSPNonce)]
        assert found == ([nonce] if nonce else [])


def test_the_issuer_is_found_under_either_hash_of_its_key() -> None:
    keys = dict(issuer_keys(country().pki.authority("device-ca").der))
    for algorithm in (hashes.SHA256(),):
        asked = read_question(question(algorithm))
        assert keys[asked.hash_name] == asked.issuer_key_hash
    assert {name: len(value) for name, value in keys.items()} == {"sha1": 20, "sha256": 32}


def test_questions_that_are_malformed() -> None:
    good = question(hashes.SHA256())
    for garbage in (
        b"",
        b"\x30\x00",
        good[:-1],
        good + b"\0",
        question(hashes.SHA512()),
        question(hashes.SHA256(), b"n" * 129),
    ):
        with pytest.raises(MalformedQuestion):
            read_question(garbage)


def tlv(tag: int, *parts: bytes) -> bytes:
    """An element of DER, of at most 255 bytes."""
    body = b"".join(parts)
    return bytes((tag, len(body)) if len(body) < 128 else (tag, 0x81, len(body))) + body


def by_hand(serial: bytes, *extensions: bytes) -> bytes:
    """A question as a library would not write it."""
    sha256_name = bytes.fromhex("300d06096086480165030402010500")
    asked = tlv(0x30, sha256_name, tlv(0x04, b"n" * 32), tlv(0x04, b"k" * 32), tlv(0x02, serial))
    more = [tlv(0xA2, tlv(0x30, *extensions))] if extensions else []
    return tlv(0x30, tlv(0x30, tlv(0x30, tlv(0x30, asked)), *more))


def test_a_question_that_the_library_chokes_on_is_malformed_too() -> None:
    """The same extension twice; a serial number below zero, or longer than 20 bytes (RFC 5280, 4.1.2.2)."""
    nonce = tlv(0x30, bytes.fromhex("06092b0601050507300102"), tlv(0x04, tlv(0x04, b"nonce")))
    assert read_question(by_hand(b"\x7f" + bytes(19), nonce)).nonce == b"nonce"
    for broken in (by_hand(b"\x07", nonce, nonce), by_hand(b"\xff"), by_hand(b"\x01" + bytes(20))):
        with pytest.raises(MalformedQuestion):
            read_question(broken)


def test_errors_are_unsigned_answers_with_their_number() -> None:
    for error in OcspError:
        read = ocsp.load_der_ocsp_response(error_answer(error))
        assert read.response_status is error.value
