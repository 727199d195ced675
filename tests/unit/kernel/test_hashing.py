"""Hashes of the ledger: the layout of each preimage is written out here by hand, byte for byte."""

import hashlib
import hmac
import struct

import pytest

from tallystick.kernel import hashing

PREVIOUS, BODY, SALT = bytes(range(32)), bytes(range(32, 64)), bytes(range(64, 96))


def by_hand(tag: bytes, *fields: bytes) -> bytes:
    preimage = bytes([len(tag)]) + tag
    for field in fields:
        preimage += struct.pack(">I", len(field)) + field
    return hashlib.sha256(preimage).digest()


def test_s0_040_tagged_hash_by_hand() -> None:
    assert hashing.tagged_hash("record", b"a", b"") == by_hand(b"tallystick/v1/record", b"a", b"")
    preimage = b"\x14tallystick/v1/record" + b"\0\0\0\x01a" + b"\0\0\0\0"
    assert hashing.tagged_hash("record", b"a", b"") == hashlib.sha256(preimage).digest()


def test_no_tag_can_be_taken_for_a_leaf_or_a_node() -> None:
    """RFC 6962 preimages begin with 0x00 or 0x01; ours begin with the length of the tag."""
    assert len(hashing.TAG_PREFIX) + 1 >= 15
    shortest = min(("device-genesis", "device-link", "type-link", "day-link", "record"), key=len)
    assert len(hashing.TAG_PREFIX + shortest) >= 16


def test_a_tag_has_a_name_and_fits_its_length_byte() -> None:
    longest = "x" * (255 - len(hashing.TAG_PREFIX))
    assert hashing.tagged_hash(longest) == by_hand(b"tallystick/v1/" + longest.encode())
    for name in ("", longest + "x"):
        with pytest.raises(ValueError, match="a tag of"):
            hashing.tagged_hash(name)


def test_fields_cannot_be_shifted_into_each_other() -> None:
    assert hashing.tagged_hash("record", b"ab", b"c") != hashing.tagged_hash("record", b"a", b"bc")


def test_links_by_hand() -> None:
    assert hashing.device_genesis("ABCD1234", PREVIOUS, BODY) == by_hand(
        b"tallystick/v1/device-genesis", b"ABCD1234", PREVIOUS, BODY
    )
    assert hashing.device_link(PREVIOUS, 7, BODY) == by_hand(
        b"tallystick/v1/device-link", PREVIOUS, struct.pack(">Q", 7), BODY
    )
    assert hashing.taxpayer_genesis(SALT, "100181732") == by_hand(b"tallystick/v1/taxpayer-genesis", SALT, b"100181732")
    assert hashing.taxpayer_link(PREVIOUS, 2**40, BODY) == by_hand(
        b"tallystick/v1/taxpayer-link", PREVIOUS, struct.pack(">Q", 2**40), BODY
    )
    assert hashing.type_genesis(0x0141) == by_hand(b"tallystick/v1/type-genesis", b"\x01\x41")
    assert hashing.type_link(PREVIOUS, 0x0141, 7, BODY) == by_hand(
        b"tallystick/v1/type-link", PREVIOUS, b"\x01\x41", struct.pack(">Q", 7), BODY
    )
    assert hashing.day_genesis(-1) == by_hand(b"tallystick/v1/day-genesis", b"\xff\xff\xff\xff")
    assert hashing.day_link(PREVIOUS, 20_514, 7, BODY, 684_601) == by_hand(
        b"tallystick/v1/day-link",
        PREVIOUS,
        struct.pack(">i", 20_514),
        struct.pack(">Q", 7),
        BODY,
        struct.pack(">Q", 684_601),
    )
    assert hashing.record_commitment(SALT, b"{}") == by_hand(b"tallystick/v1/record", SALT, b"{}")


def test_the_days_total_is_counted_in_twos_complement() -> None:
    assert hashing.day_link(PREVIOUS, 0, 1, BODY, -1) == hashing.day_link(PREVIOUS, 0, 1, BODY, 2**64 - 1)


@pytest.mark.parametrize("salt", [b"", SALT[:31], SALT + b"x"])
def test_a_salt_has_32_bytes(salt: bytes) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        hashing.record_commitment(salt, b"{}")
    with pytest.raises(ValueError, match="32 bytes"):
        hashing.taxpayer_genesis(salt, "1")


def test_a_number_outside_u64_is_our_own_bug() -> None:
    with pytest.raises(OverflowError):
        hashing.device_link(PREVIOUS, -1, BODY)
    with pytest.raises(OverflowError):
        hashing.device_link(PREVIOUS, 2**64, BODY)


def test_plain_hashes_against_published_values() -> None:
    assert hashing.sha256(b"abc").hex() == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert hashing.md5_checksum(b"abc").hex() == "900150983cd24fb0d6963f7d28e17f72"
    # RFC 4231, test case 2
    assert hashing.hmac_sha256(b"Jefe", b"what do ya want for nothing?").hex() == (
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
    )
    assert hashing.hmac_sha256(PREVIOUS, BODY) == hmac.new(PREVIOUS, BODY, "sha256").digest()


def test_same_bytes() -> None:
    assert hashing.same_bytes(b"token", b"token")
    assert not hashing.same_bytes(b"token", b"tokem")
    assert not hashing.same_bytes(b"token", b"")
