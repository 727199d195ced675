"""Envelopes and certificates: round trips, and nothing but a value or a coded fault for any bytes."""

from __future__ import annotations

import pytest
from cards import NOW, country, rsa_key
from hypothesis import given, settings
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.crypto.certificates import read_card_certificate, read_extension_text, verify_chain
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
from tallystick.crypto.keys import PublicKey
from tallystick.crypto.signatures import sign_invoice_text, verify_invoice_signature
from tallystick.kernel.faults import Fault

few = settings(max_examples=40)


@given(st.binary(max_size=2_000))
@few
def test_a_package_comes_back(plain: bytes) -> None:
    assert PackageOpener(rsa_key(0)).open(*seal_package(plain, rsa_key(0).public)) == plain


@given(st.integers(0, 2), st.integers(0, 2**31), st.integers(0, 7))
@few
def test_s2_085_no_single_changed_bit_opens_to_the_same(part: int, at: int, bit: int) -> None:
    """Key and IV: refused, or the plain text differs; payload: refused or other bytes. Never a crash."""
    plain = b'{"request":1}' * 20
    sealed = list(seal_package(plain, rsa_key(0).public))
    changed = bytearray(sealed[part])
    changed[at % len(changed)] ^= 1 << bit
    sealed[part] = bytes(changed)
    opened: list[bytes] = []
    code = fault_code(lambda: opened.append(PackageOpener(rsa_key(0)).open(*sealed)))
    assert code == "TS-1202" or (code is None and opened != [plain])


@given(st.binary(max_size=300), st.binary(max_size=300), st.binary(max_size=100))
@few
def test_any_bytes_as_a_package_are_refused_alike(key: bytes, iv: bytes, payload: bytes) -> None:
    with pytest.raises(Fault) as caught:
        PackageOpener(rsa_key(0)).open(key, iv, payload)
    assert str(caught.value) == "TS-1202"


@given(st.binary(min_size=1, max_size=380), st.integers(0, 2**32 - 1))
@few
def test_internal_data_and_audit_requests_come_back(plain: bytes, sequence: int) -> None:
    assert open_internal_data(seal_internal_data(plain, rsa_key(0).public), rsa_key(0)) == plain
    arp = seal_arp(sequence, plain[:190], rsa_key(0).public)
    assert open_arp(arp, rsa_key(0)) == plain[:190]


@given(st.binary(max_size=245))
@few
def test_a_recoverable_message_comes_back(message: bytes) -> None:
    assert recover_message(sign_with_recovery(message, rsa_key(0)), rsa_key(0).public) == message


@given(st.binary(min_size=255, max_size=265) | st.binary(max_size=20))
def test_any_bytes_as_a_block_are_a_value_or_a_coded_fault(block: bytes) -> None:
    assert fault_code(lambda: open_internal_data(block, rsa_key(0))) in (None, "TS-1316")
    assert fault_code(lambda: open_arp(block, rsa_key(0))) in (None, "TS-3101")
    assert fault_code(lambda: recover_message(block, rsa_key(0).public)) in (None, "TS-1312")


@given(st.binary(max_size=700), st.integers(0, 255), st.integers(1, 255))
@few
def test_no_changed_byte_of_a_signature_verifies(text: bytes, at: int, change: int) -> None:
    signature = bytearray(sign_invoice_text(rsa_key(0), text))
    verify_invoice_signature(rsa_key(0).public, text, bytes(signature))
    signature[at] ^= change
    with pytest.raises(Fault):
        verify_invoice_signature(rsa_key(0).public, text, bytes(signature))


@given(st.binary(max_size=60))
def test_any_extension_is_text_or_a_coded_fault(value: bytes) -> None:
    assert fault_code(lambda: read_extension_text(value)) in (None, "TS-1313")


def mutated(der: bytes, changes: list[tuple[int, int]], cut: int) -> bytes:
    image = bytearray(der)
    for at, value in changes:
        image[at % len(image)] = value
    return bytes(image[: len(image) - cut])


@given(
    st.lists(st.tuples(st.integers(0, 5_000), st.integers(0, 255)), min_size=1, max_size=6),
    st.sampled_from([0, 0, 0, 1, 400]),
)
@settings(max_examples=400)
@pytest.mark.filterwarnings("ignore::cryptography.utils.CryptographyDeprecationWarning")
def test_a_damaged_certificate_is_a_value_or_a_coded_fault(changes: list[tuple[int, int]], cut: int) -> None:
    """Clients hand certificates in: no damage may be more than a refusal."""
    good = country().pki.issue_secure_element(country().subject(), rsa_key(0).public.spki, at=NOW)
    der = mutated(good, changes, cut)
    refusals = {None, "TS-1102", "TS-1103", "TS-1108", "TS-1310", "TS-1313"}
    assert fault_code(lambda: read_card_certificate(der)) in refusals
    assert fault_code(lambda: verify_chain(der, country().pki.trust_store(), NOW)) in refusals


@given(st.binary(max_size=320))
def test_any_bytes_as_a_key_are_a_value_or_a_coded_fault(data: bytes) -> None:
    for read in (PublicKey.from_spki, PublicKey.from_card_export, PublicKey.from_raw):
        assert fault_code(lambda read=read: read(data)) in (None, "TS-1310")  # type: ignore[misc]
