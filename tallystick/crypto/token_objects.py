"""Objects on a PKCS#11 token: keys made with the attributes that bind them, found, and their public halves read.

Every private and secret key is CKA_SENSITIVE, not CKA_EXTRACTABLE and not CKA_MODIFIABLE, so that the purpose in
CKA_ID, once written, stays. SoftHSM 2.6.1 takes the Edwards curve as a PrintableString and gives points in an OCTET
STRING; other modules know the curve by its OID (RFC 8410) or give bare points: both are read.
"""

from __future__ import annotations

from typing import Any

from pkcs11 import Attribute, KeyType, Mechanism, ObjectClass
from pkcs11.exceptions import PKCS11Error

from tallystick.crypto.key_purposes import KeyPurpose
from tallystick.crypto.keys import (
    RSA_BITS,
    RSA_EXPONENT,
    KeyKind,
    PublicKey,
    public_from_modulus,
    public_from_point,
)
from tallystick.kernel.faults import Fault

AES_BITS = 256
_P256, _P384 = bytes.fromhex("06082a8648ce3d030107"), bytes.fromhex("06052b81040022")
_EDWARDS_BY_NAME, _EDWARDS_BY_OID = b"\x13\x0cedwards25519", bytes.fromhex("06032b6570")
_CURVES = {
    _P256: KeyKind.P256,
    _P384: KeyKind.P384,
    _EDWARDS_BY_NAME: KeyKind.ED25519,
    _EDWARDS_BY_OID: KeyKind.ED25519,
}
_POINT_BYTES = {KeyKind.P256: 65, KeyKind.P384: 97, KeyKind.ED25519: 32}

_KEPT = {Attribute.SENSITIVE: True, Attribute.EXTRACTABLE: False, Attribute.MODIFIABLE: False}
_SIGNS = {**_KEPT, Attribute.SIGN: True, Attribute.DECRYPT: False, Attribute.UNWRAP: False}
_CHECKS = {Attribute.VERIFY: True, Attribute.ENCRYPT: False, Attribute.WRAP: False}


def make_pair(session: Any, label: str, kind: KeyKind, purpose: KeyPurpose) -> None:
    """Make a key pair on the token, for signatures only."""
    named = {"label": label, "id": purpose.encode(), "store": True}
    if kind is KeyKind.RSA:
        exponent = {Attribute.PUBLIC_EXPONENT: RSA_EXPONENT.to_bytes(3, "big")}
        session.generate_keypair(
            KeyType.RSA, RSA_BITS, public_template={**_CHECKS, **exponent}, private_template=_SIGNS, **named
        )
        return
    mechanism, key_type = Mechanism.EC_KEY_PAIR_GEN, KeyType.EC
    curves: tuple[bytes, ...] = (_P256 if kind is KeyKind.P256 else _P384,)
    if kind is KeyKind.ED25519:
        mechanism, key_type = Mechanism.EC_EDWARDS_KEY_PAIR_GEN, KeyType.EC_EDWARDS
        curves = (_EDWARDS_BY_NAME, _EDWARDS_BY_OID)
    for curve in curves:
        domain = session.create_domain_parameters(key_type, {Attribute.EC_PARAMS: curve}, local=True)
        try:
            domain.generate_keypair(
                mechanism=mechanism,
                public_template={**_CHECKS, Attribute.DERIVE: False},
                private_template={**_SIGNS, Attribute.DERIVE: False},
                **named,
            )
        except PKCS11Error:
            if curve is curves[-1]:
                raise
        else:
            return


def make_wrapping_key(session: Any, label: str) -> None:
    """Make an AES-256 key on the token, for the wrapping of secrets only."""
    template = {**_KEPT, Attribute.ENCRYPT: True, Attribute.DECRYPT: True, Attribute.SIGN: False}
    session.generate_key(
        KeyType.AES, AES_BITS, label=label, id=KeyPurpose.WRAPPING.encode(), store=True, template=template
    )


def all_labels(session: Any) -> tuple[str, ...]:
    """Labels of all private and secret keys, sorted."""
    kinds = (ObjectClass.PRIVATE_KEY, ObjectClass.SECRET_KEY)
    return tuple(sorted(key.label for kind in kinds for key in session.get_objects({Attribute.CLASS: kind})))


def is_taken(session: Any, label: str) -> bool:
    """Whether any object has this label."""
    return next(iter(session.get_objects({Attribute.LABEL: label})), None) is not None


def find_key(session: Any, label: str) -> Any:
    """The private or wrapping key of a label; raises ``NoSuchKey``."""
    wrapping = {Attribute.CLASS: ObjectClass.SECRET_KEY, Attribute.LABEL: label}
    found = next(iter(session.get_objects(wrapping)), None)
    return session.get_key(object_class=ObjectClass.PRIVATE_KEY, label=label) if found is None else found


def purpose_of(key: Any) -> KeyPurpose:
    """The purpose in CKA_ID; a key from before purposes has none and signs invoices. Raises ``TS-1310``."""
    identifier = bytes(key[Attribute.ID])
    if not identifier:
        return KeyPurpose.INVOICE
    try:
        return KeyPurpose(identifier.decode())
    except ValueError:
        raise Fault("TS-1310", detail="the token's key is bound to no purpose of ours") from None


def public_half(session: Any, label: str) -> PublicKey:
    """The public key of a label; raises ``NoSuchKey``, and ``TS-1310`` for a kind that is never allowed."""
    key = session.get_key(object_class=ObjectClass.PUBLIC_KEY, label=label)
    if key.key_type is KeyType.RSA:
        modulus, exponent = key[Attribute.MODULUS], key[Attribute.PUBLIC_EXPONENT]
        return public_from_modulus(int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big"))
    kind = _CURVES.get(bytes(key[Attribute.EC_PARAMS]))
    if kind is None:
        raise Fault("TS-1310", detail="the token's key is on a curve that is never allowed")
    return public_from_point(kind, _point(bytes(key[Attribute.EC_POINT]), _POINT_BYTES[kind]))


def _point(value: bytes, length: int) -> bytes:
    """The point inside an OCTET STRING, or bare."""
    header = bytes([0x04, length])
    if len(value) == length:
        return value
    if len(value) == length + 2 and value.startswith(header):
        return value[2:]
    raise Fault("TS-1310", detail="the token gives a point of another length")
