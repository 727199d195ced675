"""Sealed things: round trips, and one answer for every way in which a package cannot be opened (K-11)."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
from cards import rsa_key
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from tallystick.crypto import legacy
from tallystick.crypto.envelope import (
    PackageOpener,
    open_arp,
    open_internal_data,
    recover_message,
    seal_arp,
    seal_internal_data,
    seal_package,
    sign_with_recovery,
)
from tallystick.crypto.keys import rsa_private, rsa_public
from tallystick.kernel.faults import Fault

PLAIN = b'{"request":{},"result":{}}'
Sealed = tuple[bytes, bytes, bytes]
MODULUS = rsa_key(0).public.modulus


def sealed() -> Sealed:
    """A package with fixed key and IV: a wrong key must not meet a padding that is right by chance (1 in 256)."""
    secret, iv = b"k" * 32, b"i" * 16
    return wrapped(secret), wrapped(iv), legacy.close(secret, iv, PLAIN)


def rejected(make: Callable[[], bytes]) -> bytes:
    """An IV's block that does not open to 16 bytes by chance, as one in some hundred does: implicit rejection gives any
    length, and a wrong IV garbles the first block of the payload only."""
    while True:
        block = make()
        if not legacy.unwrap(rsa_private(rsa_key(0)), block, 16)[1]:
            return block


def flipped(block: bytes) -> bytes:
    """Another last bit."""
    return block[:-1] + bytes((block[-1] ^ 1,))


def wrapped(secret: bytes) -> bytes:
    return legacy.wrap(rsa_public(rsa_key(0).public), secret)


def test_s2_076_to_080_a_package_opens_again() -> None:
    """Key 32 bytes and IV 16 wrapped in 256 bytes each, payload AES-256-CBC with PKCS#7, all new each time."""
    for length in (0, 1, 15, 16, 17, 5_000):
        plain = os.urandom(length)
        key, iv, payload = seal_package(plain, rsa_key(0).public)
        assert (len(key), len(iv), len(payload)) == (256, 256, length // 16 * 16 + 16)
        assert PackageOpener(rsa_key(0)).open(key, iv, payload) == plain
    assert not set(seal_package(PLAIN, rsa_key(0).public)) & set(seal_package(PLAIN, rsa_key(0).public))


DAMAGE: dict[str, Callable[[Sealed], Sealed]] = {
    "key of another authority": lambda s: (seal_package(PLAIN, rsa_key(1).public)[0], s[1], s[2]),
    "iv of another authority": lambda s: (s[0], rejected(lambda: seal_package(PLAIN, rsa_key(1).public)[1]), s[2]),
    "padding of the key": lambda s: (flipped(s[0]), s[1], s[2]),
    "padding of the iv": lambda s: (s[0], rejected(lambda: flipped(wrapped(b"i" * 16))), s[2]),
    "key too short inside": lambda s: (wrapped(bytes(31)), s[1], s[2]),
    "key too long inside": lambda s: (wrapped(bytes(33)), s[1], s[2]),
    "iv too long inside": lambda s: (s[0], wrapped(bytes(17)), s[2]),
    "key and iv exchanged": lambda s: (s[1], s[0], s[2]),
    "key of no bytes": lambda s: (b"", s[1], s[2]),
    "key of 255 bytes": lambda s: (s[0][1:], s[1], s[2]),
    "key of 257 bytes": lambda s: (b"\0" + s[0], s[1], s[2]),
    "key above the modulus": lambda s: (b"\xff" * 256, s[1], s[2]),
    "key equal to the modulus": lambda s: (MODULUS.to_bytes(256, "big"), s[1], s[2]),
    "key zero": lambda s: (bytes(256), s[1], s[2]),
    "key one": lambda s: ((1).to_bytes(256, "big"), s[1], s[2]),
    "iv above the modulus": lambda s: (s[0], b"\xff" * 256, s[2]),
    "payload of no bytes": lambda s: (s[0], s[1], b""),
    "payload cut in a block": lambda s: (s[0], s[1], s[2][:-1]),
    "payload with bytes behind": lambda s: (s[0], s[1], s[2] + b"\0"),
    "payload without its last block": lambda s: (s[0], s[1], s[2][:-16]),
    "key of another package": lambda s: (wrapped(b"l" * 32), s[1], s[2]),
}


@pytest.mark.parametrize("end", [b"\x07\x02", b"\x03\x02\x03", b"\0", b"\x11", b"\xff"])
def test_k_11_padding_is_looked_at_to_its_last_byte(end: bytes) -> None:
    """PKCS#7: 1 to 16 bytes that all name their number; anything else is the one fault."""
    secret, iv = b"k" * 32, b"i" * 16
    payload = legacy.close(secret, iv, end.rjust(16, b"x"))[:16]
    assert failure((wrapped(secret), wrapped(iv), payload)).code == "TS-1202"
    whole = legacy.close(secret, iv, bytes((16,)) * 16)[:16]
    assert PackageOpener(rsa_key(0)).open(wrapped(secret), wrapped(iv), whole) == b""


def failure(of: Sealed) -> Fault:
    with pytest.raises(Fault) as caught:
        PackageOpener(rsa_key(0)).open(*of)
    return caught.value


@pytest.mark.parametrize("name", DAMAGE)
def test_k_11_every_failure_is_the_same_fault(name: str) -> None:
    """One code, no detail, no cause: nothing tells key, IV, padding and payload apart."""
    fault = failure(DAMAGE[name](sealed()))
    assert (fault.code, fault.detail, fault.fields, fault.expected) == ("TS-1202", "", (), {})
    assert fault.__cause__ is None
    assert fault.__context__ is None


@pytest.mark.parametrize("name", DAMAGE)
def test_k_11_every_failure_costs_two_private_operations(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Time tells nothing either: key and IV are each put through one private operation, and the payload through AES."""
    done: list[str] = []
    broken = DAMAGE[name](sealed())
    unwrap, open_closed = legacy.unwrap, legacy.open_closed

    def noting_unwrap(key: RSAPrivateKey, block: bytes, length: int) -> tuple[bytes, bool]:
        done.append("rsa")
        return unwrap(key, block, length)

    def noting_open(secret: bytes, iv: bytes, closed: bytes) -> tuple[bytes, bool]:
        done.append("aes")
        return open_closed(secret, iv, closed)

    monkeypatch.setattr(legacy, "unwrap", noting_unwrap)
    monkeypatch.setattr(legacy, "open_closed", noting_open)
    failure(broken)
    assert done == ["rsa", "rsa", "aes"]


def test_k_11_the_library_rejects_wrong_padding_implicitly() -> None:
    """What all of this rests on: OpenSSL answers wrong padding with bytes derived from key and block, never an error.

    The bytes are the same for the same block, and their length varies, so only length and content can be judged.
    """
    handle = rsa_key(0).handle
    lengths: set[int] = set()
    for number in range(64):
        block = wrapped(b"x")[:-1] + bytes((number,))
        first, good = legacy.unwrap(handle, block, 32)  # type: ignore[arg-type]
        assert len(first) == 32
        answers = {handle.decrypt(block, legacy._PKCS1) for _ in range(2)}  # type: ignore[union-attr]
        assert len(answers) == 1
        lengths.update(map(len, answers))
        assert not good or len(next(iter(answers))) == 32
    assert len(lengths) > 8


def test_a_block_that_is_no_number_below_the_modulus_costs_a_private_operation_too() -> None:
    """A refusal before the private operation would tell the two apart by time: 0.2 ms and more against nothing."""
    calls: list[bytes] = []

    class Counting:
        key_size = 2048

        def decrypt(self, block: bytes, _: object) -> bytes:
            calls.append(block)
            if int.from_bytes(block, "big") >= MODULUS:
                raise ValueError
            return b""

    for block, operations in ((b"", 1), (b"\xff" * 256, 2), (b"\0" * 300, 1), (wrapped(b"x"), 1)):
        calls.clear()
        secret, good = legacy.unwrap(Counting(), block, 32)  # type: ignore[arg-type]
        assert (len(secret), good, len(calls)) == (32, False, operations)


@pytest.mark.parametrize(("length", "blocks"), [(1, 1), (181, 1), (190, 1), (191, 2), (368, 2), (380, 2)])
def test_internal_data_takes_one_or_two_blocks(length: int, blocks: int) -> None:
    """Wire 15.2: OAEP with SHA-256, 190 bytes a block; 256 or 512 bytes."""
    plain = os.urandom(length)
    data = seal_internal_data(plain, rsa_key(0).public)
    assert len(data) == 256 * blocks
    assert open_internal_data(data, rsa_key(0)) == plain


def test_internal_data_that_cannot_be_opened_is_ts_1316() -> None:
    good = seal_internal_data(PLAIN, rsa_key(0).public)
    for one in (b"", good[:-1], good + good[:255], seal_internal_data(PLAIN, rsa_key(1).public), b"\xff" * 256):
        with pytest.raises(Fault) as caught:
            open_internal_data(one, rsa_key(0))
        assert caught.value.code == "TS-1316"
    with pytest.raises(ValueError):
        seal_internal_data(bytes(381), rsa_key(0).public)


def test_c_01_an_audit_request_opens_at_256_260_and_264_bytes() -> None:
    arp = seal_arp(7, bytes(107), rsa_key(0).public)
    assert len(arp) == 260
    assert arp[:4] == b"\0\0\0\7"
    for form in (arp, arp[4:], arp + b"crc!"):
        assert open_arp(form, rsa_key(0)) == bytes(107)
    for wrong in (b"", arp[:-1], arp + b"1", bytes(260), arp[1:] + b"\0"):
        with pytest.raises(Fault) as caught:
            open_arp(wrong, rsa_key(0))
        assert caught.value.code == "TS-3101"


def test_a_message_is_recovered_and_its_block_is_deterministic() -> None:
    """Wire 15.4: block type 1 over the message itself; the same request gets the same proof."""
    message = os.urandom(102)
    block = sign_with_recovery(message, rsa_key(0))
    assert len(block) == 256
    assert block == sign_with_recovery(message, rsa_key(0))
    assert recover_message(block, rsa_key(0).public) == message
    assert pow(int.from_bytes(block, "big"), 65_537, MODULUS).to_bytes(256, "big") == (
        b"\0\1" + b"\xff" * (256 - 3 - 102) + b"\0" + message
    )


def test_a_block_of_another_key_or_form_is_not_recovered() -> None:
    block = sign_with_recovery(b"m" * 102, rsa_key(0))
    hostile = [b"", block[:-1], block + b"\0", bytes(256), b"\xff" * 256, block[:-1] + bytes((block[-1] ^ 1,))]
    hostile.append(sign_with_recovery(b"m" * 102, rsa_key(1)))
    for one in hostile:
        with pytest.raises(Fault) as caught:
            recover_message(one, rsa_key(0).public)
        assert caught.value.code == "TS-1312"
