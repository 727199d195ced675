"""Keys: what is never allowed, files of mode 0600, exports, and nothing secret in a representation."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
from cards import rsa_key
from cryptography.hazmat.primitives.asymmetric import ec, rsa, x25519
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tallystick.crypto.keys import (
    KeyKind,
    PrivateKey,
    PublicKey,
    generate_ed25519_key,
    generate_p256_key,
    generate_p384_key,
    load_private_key,
    load_public_key,
    public_from_modulus,
    store_private_key,
    store_public_key,
)
from tallystick.kernel.faults import Fault


def spki(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey | x25519.X25519PublicKey) -> bytes:
    return key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)


@pytest.mark.parametrize("make", [generate_p256_key, generate_p384_key, generate_ed25519_key, lambda: rsa_key(0)])
def test_a_key_survives_its_file(make: object, tmp_path: Path) -> None:
    assert callable(make)
    key: PrivateKey = make()
    store_private_key(tmp_path / "k.pem", key)
    store_public_key(tmp_path / "p.pem", key.public)
    assert load_private_key(tmp_path / "k.pem").public == key.public == load_public_key(tmp_path / "p.pem")
    assert PrivateKey.from_pkcs8(key.pkcs8).public == key.public
    assert PublicKey.from_spki(key.public.spki) == key.public
    assert stat.S_IMODE((tmp_path / "k.pem").stat().st_mode) == 0o600


def test_a_private_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    store_private_key(tmp_path / "k.pem", rsa_key(0))
    for mode in (0o640, 0o604, 0o660):
        (tmp_path / "k.pem").chmod(mode)
        with pytest.raises(PermissionError):
            load_private_key(tmp_path / "k.pem")


def test_a_private_key_never_shows_itself() -> None:
    key = rsa_key(0)
    shown = repr(key) + str(key) + repr([key])
    assert "PRIVATE" not in shown
    assert str(key.handle.private_numbers().d) not in shown  # type: ignore[union-attr]
    assert KeyKind.RSA in shown


def test_card_export_has_259_bytes() -> None:
    """Wire 7.2, INS 07: modulus 256, exponent 01 00 01 (S2-078)."""
    key = rsa_key(0).public
    assert len(key.card_export) == 259
    assert key.card_export[-3:] == bytes.fromhex("010001")
    assert PublicKey.from_card_export(key.card_export) == key == public_from_modulus(key.modulus)


@pytest.mark.parametrize("size", [512, 1024, 2047])
def test_rsa_below_2048_bits_is_never_allowed(size: int) -> None:
    """K-01."""
    modulus = (1 << (size - 1)) | 1
    with pytest.raises(Fault) as caught:
        public_from_modulus(modulus)
    assert caught.value.code == "TS-1310"


def test_other_exponents_curves_and_kinds_are_never_allowed() -> None:
    """K-01: exponent 65537 only; P-256, P-384, Ed25519 and RSA only."""
    modulus = rsa_key(0).public.modulus
    refused = [
        spki(rsa.RSAPublicNumbers(3, modulus).public_key()),
        spki(ec.generate_private_key(ec.SECP521R1()).public_key()),
        spki(x25519.X25519PrivateKey.generate().public_key()),
        b"",
        b"\x30\x03\x02\x01\x05",
    ]
    for der in refused:
        with pytest.raises(Fault) as caught:
            PublicKey.from_spki(der)
        assert caught.value.code == "TS-1310"
    with pytest.raises(Fault):
        public_from_modulus(modulus, 3)
    with pytest.raises(Fault):
        PublicKey.from_card_export(bytes(259))
    with pytest.raises(Fault):
        PublicKey.from_card_export(rsa_key(0).public.card_export[:-1])


def test_ed25519_has_a_raw_form() -> None:
    key = generate_ed25519_key().public
    assert PublicKey.from_raw(key.raw) == key
    assert len(key.raw) == 32
    assert len({key, PublicKey.from_raw(key.raw)}) == 1
    with pytest.raises(TypeError):
        _ = rsa_key(0).public.raw
    with pytest.raises(Fault):
        PublicKey.from_raw(b"short")
