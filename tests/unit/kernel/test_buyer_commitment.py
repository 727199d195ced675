"""What a record says about a buyer: a hash that opens with its salt, and with nothing else."""

from __future__ import annotations

import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.hashing import around_buyer_salt, buyer_commitment
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.verifier import hashes

SALT = bytes(range(32))


def test_the_commitment_by_hand() -> None:
    tag = b"tallystick/v1/buyer-commitment"
    preimage = bytes([len(tag)]) + tag + b"\0\0\0\x20" + SALT + b"\0\0\0\x0c" + b"10:123456789"
    assert buyer_commitment(SALT, "10:123456789") == hashlib.sha256(preimage).digest()


@given(st.binary(min_size=32, max_size=32), st.text(min_size=1, max_size=20))
def test_writer_search_and_verifier_make_the_same_hash(salt: bytes, text: str) -> None:
    buyer = canonical_buyer(text)
    before, after = around_buyer_salt(buyer)
    made = buyer_commitment(salt, buyer)
    assert made == hashes.buyer_commitment(salt, buyer) == hashlib.sha256(before + salt + after).digest()


@given(st.text(max_size=30))
def test_one_spelling_of_an_identification(text: str) -> None:
    once = canonical_buyer(text)
    assert canonical_buyer(once) == once
    assert canonical_buyer(f"  {text}\n") == once
    assert not any(letter.isspace() for letter in once)


def test_spellings_of_one_buyer_and_none() -> None:
    assert canonical_buyer("ge: 12 ab") == canonical_buyer("GE:12AB") == "GE:12AB"
    assert canonical_buyer(None) == canonical_buyer(" ") == ""


def test_two_documents_of_one_buyer_do_not_look_alike() -> None:
    assert buyer_commitment(SALT, "10:1") != buyer_commitment(SALT[::-1], "10:1")


@pytest.mark.parametrize("length", [0, 31, 33])
def test_a_salt_has_32_bytes(length: int) -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        buyer_commitment(bytes(length), "10:1")
