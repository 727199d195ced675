"""Invoice signatures: right ones, hostile ones of our own making, and the registry's word."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cards import rsa_key
from cryptography.hazmat.primitives.asymmetric import rsa

from tallystick.crypto import policy
from tallystick.crypto.keys import generate_ed25519_key
from tallystick.crypto.signatures import sign_ed25519, sign_invoice_text, verify_ed25519, verify_invoice_signature
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.faults import Fault

TEXT = bytes(range(256)) + bytes(65)
SHA1_INFO = bytes.fromhex("3021300906052b0e03021a05000414")
SHA1_INFO_WITHOUT_NULL = bytes.fromhex("301f300706052b0e03021a0414")
SHA1_INFO_LONG_LENGTH = bytes.fromhex("308121300906052b0e03021a05000414")
SHA256_INFO = bytes.fromhex("3031300d060960864801650304020105000420")


def sha1(data: bytes) -> bytes:
    from cryptography.hazmat.primitives import hashes

    digest = hashes.Hash(hashes.SHA1())
    digest.update(data)
    return digest.finalize()


def raw_signature(encoded: bytes) -> bytes:
    """RSA over a chosen 256-byte block, as a forger with the key would make it."""
    handle = rsa_key(0).handle
    assert isinstance(handle, rsa.RSAPrivateKey)
    numbers = handle.private_numbers()
    value = pow(int.from_bytes(encoded, "big"), numbers.d, numbers.public_numbers.n)
    return value.to_bytes(256, "big")


def block(info: bytes, *, first: bytes = b"\0\1", filler: bytes = b"\xff", tail: bytes = b"", short: int = 0) -> bytes:
    content = info + sha1(TEXT) + tail
    padding = filler * (256 - 3 - short - len(content))
    return (first + padding + b"\0" + content).ljust(256, b"\0")


HOSTILE = {
    "algorithm parameters missing": block(SHA1_INFO_WITHOUT_NULL),
    "length in long form": block(SHA1_INFO_LONG_LENGTH),
    "another hash named": block(SHA256_INFO),
    "block type 2": block(SHA1_INFO, first=b"\0\2"),
    "first byte not zero": block(SHA1_INFO, first=b"\1\1"),
    "filler of other bytes": block(SHA1_INFO, filler=b"\xfe"),
    "garbage behind a short filler": block(SHA1_INFO, short=32),
    "bytes behind the digest": block(SHA1_INFO, tail=b"\0\0"),
    "digest only": (b"\0\1" + b"\xff" * 233 + b"\0" + sha1(TEXT)),
}


def test_s2_058_a_signature_verifies_over_the_signed_bytes_only() -> None:
    signature = sign_invoice_text(rsa_key(0), TEXT)
    verify_invoice_signature(rsa_key(0).public, TEXT, signature)
    assert signature == raw_signature(block(SHA1_INFO)), "our own block builder makes the good one, too"
    for text, one, key in ((TEXT + b"\0", signature, 0), (TEXT[:-1], signature, 0), (TEXT, signature, 1)):
        with pytest.raises(Fault) as caught:
            verify_invoice_signature(rsa_key(key).public, text, one)
        assert caught.value.code == "TS-1312"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_blocks_do_not_verify(name: str) -> None:
    with pytest.raises(Fault) as caught:
        verify_invoice_signature(rsa_key(0).public, TEXT, raw_signature(HOSTILE[name]))
    assert caught.value.code == "TS-1312"


def test_hostile_numbers_do_not_verify() -> None:
    good = sign_invoice_text(rsa_key(0), TEXT)
    modulus = rsa_key(0).public.modulus
    other_form = int.from_bytes(good, "big") + modulus
    hostile = [b"", good[:-1], good + b"\0", b"\0" + good, bytes(256), (1).to_bytes(256, "big")]
    hostile += [(modulus - 1).to_bytes(256, "big"), modulus.to_bytes(256, "big"), b"\xff" * 256]
    if other_form < 1 << 2048:
        hostile.append(other_form.to_bytes(256, "big"))
    hostile += [bytes((good[0] ^ 1,)) + good[1:], good[:-1] + bytes((good[-1] ^ 1,))]
    for one in hostile:
        with pytest.raises(Fault) as caught:
            verify_invoice_signature(rsa_key(0).public, TEXT, one)
        assert caught.value.code == "TS-1312"


def test_k_01_another_kind_of_key_is_refused_not_tried() -> None:
    with pytest.raises(Fault) as caught:
        verify_invoice_signature(generate_ed25519_key().public, TEXT, bytes(256))
    assert caught.value.code == "TS-1310"
    with pytest.raises(Fault):
        sign_invoice_text(generate_ed25519_key(), TEXT)


def test_ed25519_is_deterministic_and_strict() -> None:
    key = generate_ed25519_key()
    signature = sign_ed25519(key, b"tree head")
    assert signature == sign_ed25519(key, b"tree head")
    verify_ed25519(key.public, b"tree head", signature)
    order = 2**252 + 27742317777372353535851937790883648493
    malleable = signature[:32] + (int.from_bytes(signature[32:], "little") + order).to_bytes(32, "little")
    for message, one in (
        (b"other", signature),
        (b"tree head", malleable),
        (b"tree head", b""),
        (b"tree head", bytes(64)),
    ):
        with pytest.raises(Fault) as caught:
            verify_ed25519(key.public, message, one)
        assert caught.value.code == "TS-1312"
    for wrong in (rsa_key(0),):
        with pytest.raises(Fault):
            sign_ed25519(wrong, b"x")
        with pytest.raises(Fault):
            verify_ed25519(wrong.public, b"x", bytes(64))


@pytest.fixture
def ending_at_noon(monkeypatch: pytest.MonkeyPatch) -> datetime:
    """A registry in which invoices may no longer be signed from a noon on, and no longer be verified a year later."""
    noon = datetime(2030, 5, 5, 12, tzinfo=UTC)
    rules = [
        AlgorithmRule(Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, Status.WIRE_REQUIRED),
        AlgorithmRule(Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, Status.VERIFY_LEGACY_ONLY, noon),
        AlgorithmRule(Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, Status.FORBIDDEN, noon + timedelta(days=365)),
    ]
    monkeypatch.setattr(policy, "_registry", policy._registry)
    policy.install_registry(REGISTRY.changed_by(rules))
    return noon


@pytest.fixture(autouse=True)
def restored_registry(monkeypatch: pytest.MonkeyPatch) -> object:
    yield
    policy.install_registry(REGISTRY)


def test_k_01_the_registry_is_asked_to_the_moment(ending_at_noon: datetime) -> None:
    """Signing ends at noon of a day, not at its midnight; verifying goes on. A cache must not blur it."""
    noon, second = ending_at_noon, timedelta(seconds=1)
    for _ in range(2):
        signature = sign_invoice_text(rsa_key(0), TEXT, moment=noon - second)
        with pytest.raises(Fault) as caught:
            sign_invoice_text(rsa_key(0), TEXT, moment=noon)
        assert caught.value.code == "TS-1310"
        verify_invoice_signature(rsa_key(0).public, TEXT, signature, moment=noon + timedelta(days=300))
        with pytest.raises(Fault) as caught:
            verify_invoice_signature(rsa_key(0).public, TEXT, signature, moment=noon + timedelta(days=366))
        assert caught.value.code == "TS-1310"


def test_k_01_a_country_packs_registry_counts_from_its_installation() -> None:
    """What was remembered for the day is forgotten when another registry is installed."""
    moment = datetime(2027, 1, 1, 8, tzinfo=UTC)
    sign_invoice_text(rsa_key(0), TEXT, moment=moment)
    forbidden = AlgorithmRule(Algorithm.RSA_PKCS1_SHA1, Purpose.SECURE_ELEMENT, Status.FORBIDDEN)
    policy.install_registry(REGISTRY.changed_by([forbidden]))
    for act in (
        lambda: sign_invoice_text(rsa_key(0), TEXT, moment=moment),
        lambda: verify_invoice_signature(rsa_key(0).public, TEXT, bytes(256), moment=moment),
    ):
        with pytest.raises(Fault) as caught:
            act()
        assert caught.value.code == "TS-1310"
