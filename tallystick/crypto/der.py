"""Puts certificates, revocation lists and OCSP answers together from checked bytes and a signature (DER, X.690).

The library builds and signs in one step; here the key may lie elsewhere, so what it would wrap is wrapped by hand.
"""

from __future__ import annotations

from tallystick.crypto.keys import KeyKind

_SEQUENCE, _OCTET_STRING, _BIT_STRING, _ENUMERATED, _INTEGER, _UTF8_STRING = 0x30, 0x04, 0x03, 0x0A, 0x02, 0x0C
_EXPLICIT_0 = 0xA0
_LONG_FORM = 0x80

# AlgorithmIdentifier of ecdsa-with-SHA256 and ecdsa-with-SHA384: no parameters (RFC 5758, 3.2).
_ALGORITHMS = {
    KeyKind.P256: bytes.fromhex("300a06082a8648ce3d040302"),
    KeyKind.P384: bytes.fromhex("300a06082a8648ce3d040303"),
}
_BASIC_OCSP = bytes.fromhex("06092b0601050507300101")


def algorithm_of(kind: KeyKind) -> bytes:
    """The AlgorithmIdentifier of ECDSA with the hash of a kind of key."""
    return _ALGORITHMS[kind]


def tlv(tag: int, content: bytes) -> bytes:
    """One element: tag, shortest length, content."""
    size = len(content)
    if size < _LONG_FORM:
        return bytes((tag, size)) + content
    length = size.to_bytes((size.bit_length() + 7) // 8, "big")
    return bytes((tag, _LONG_FORM | len(length))) + length + content


def signed(tbs: bytes, kind: KeyKind, signature: bytes) -> bytes:
    """A certificate or a revocation list: SEQUENCE of the signed part, the algorithm and the signature."""
    return tlv(_SEQUENCE, tbs + _ALGORITHMS[kind] + _bits(signature))


def ocsp_answer(tbs: bytes, kind: KeyKind, signature: bytes, certificate: bytes) -> bytes:
    """A successful OCSP answer that carries the responder's certificate (RFC 6960, 4.2.1)."""
    chain = tlv(_EXPLICIT_0, tlv(_SEQUENCE, certificate))
    basic = tlv(_SEQUENCE, tbs + _ALGORITHMS[kind] + _bits(signature) + chain)
    inner = tlv(_SEQUENCE, _BASIC_OCSP + tlv(_OCTET_STRING, basic))
    return tlv(_SEQUENCE, tlv(_ENUMERATED, b"\x00") + tlv(_EXPLICIT_0, inner))


def utf8_string(text: str) -> bytes:
    """A text as an extension's value."""
    return tlv(_UTF8_STRING, text.encode("utf-8"))


def integer(number: int) -> bytes:
    """A small non-negative number as an extension's value."""
    return tlv(_INTEGER, number.to_bytes(number.bit_length() // 8 + 1, "big"))


def _bits(content: bytes) -> bytes:
    return tlv(_BIT_STRING, b"\x00" + content)
