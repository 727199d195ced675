"""The compact code: its bytes by hand, what it binds, how small its symbol is (K-10)."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from typing import Any

import attrs
import pytest
from taxcore_values import INTERNAL_DATA, PREFIX, SERVER_UID, SIGNATURE, UID

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.compact_proof import (
    CompactProof,
    authenticator_of,
    compact_link,
    compact_proof,
    read_code,
    write_code,
)
from tallystick.wire.qr import qr_matrix
from tallystick.wire.verification_url import VerificationData, encode, to_url

DATA = VerificationData(
    requested_by=UID,
    signed_by=SERVER_UID,
    total_counter=0x01020304,
    type_counter=7,
    amount=Money(0x0A0B0C),
    time_ms=0x0195_0000_1111,
    invoice_type=InvoiceType.ADVANCE,
    transaction_type=TransactionType.REFUND,
    buyer_id=b"10:123456789",
    encrypted_internal_data=INTERNAL_DATA,
    signature=SIGNATURE,
)


def test_k_10_the_layout_byte_for_byte() -> None:
    """Written out here with the standard library alone, as a POS would do it."""
    long_code = encode(DATA)[:-16]
    tag = b"tallystick/v1/compact-proof"
    framed = bytes([len(tag)]) + tag + len(long_code).to_bytes(4, "big") + long_code
    raw = (
        bytes([1, 0x41])
        + int("AB12CD34", 36).to_bytes(6, "big")
        + int("ZZ99YYO0", 36).to_bytes(6, "big")
        + bytes([1, 2, 3, 4])
        + bytes([0, 0, 0, 0, 0, 0x0A, 0x0B, 0x0C])
        + bytes([0x01, 0x95, 0x00, 0x00, 0x11, 0x11])
        + hashlib.sha256(framed).digest()[:16]
    )
    expected = base64.b32encode(raw + hashlib.sha256(raw).digest()[:2]).decode()
    assert write_code(compact_proof(DATA)) == expected
    assert len(expected) == 80


@pytest.mark.parametrize(
    "change",
    [
        {"amount": Money(1)},
        {"time_ms": 1},
        {"total_counter": 9},
        {"type_counter": 9},
        {"buyer_id": b""},
        {"invoice_type": InvoiceType.NORMAL},
        {"transaction_type": TransactionType.SALE},
        {"requested_by": SERVER_UID},
        {"signed_by": UID},
        {"encrypted_internal_data": bytes(256)},
        {"signature": bytes(256)},
    ],
)
def test_the_authenticator_binds_everything_that_the_long_code_says(change: dict[str, Any]) -> None:
    assert authenticator_of(attrs.evolve(DATA, **change)) != authenticator_of(DATA)


def test_a_code_of_the_older_version_has_the_same_authenticator() -> None:
    assert authenticator_of(attrs.evolve(DATA, version=2)) == authenticator_of(DATA)


def test_k_10_the_link_is_upper_case_alphanumeric_and_its_symbol_at_most_version_10() -> None:
    url = to_url(PREFIX, DATA)
    link = compact_link(url)
    assert link == "HTTPS://VERIFY.EXAMPLE/C/" + write_code(compact_proof(DATA))
    assert set(link) <= set("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ $%*+-./:")
    assert len(qr_matrix(link, "Q")) == 41  # version 6: a quarter of the symbol may be lost
    assert len(qr_matrix(url)) >= 97
    long_host = compact_link(to_url(f"https://{'h' * 100}.example:8440/v/?vl=", DATA))
    assert len(qr_matrix(long_host, "Q")) <= 57


@pytest.mark.parametrize("url", ["", "verify.example/v/?vl=AAAA", "ftp://verify.example/?vl=AAAA", PREFIX + "AAAA"])
def test_what_is_no_verification_url_gets_no_link(url: str) -> None:
    with pytest.raises(Fault) as caught:
        compact_link(url)
    assert caught.value.code == "TS-1220"


@pytest.mark.parametrize("host", ["a b", "user@host", "höst.example", "[::1]:8440", ""])
def test_hosts_that_no_alphanumeric_code_can_hold_are_refused(host: str) -> None:
    with pytest.raises(Fault):
        compact_link(to_url(f"https://{host}/v/?vl=", DATA))


def sealed(raw: bytes) -> str:
    """Bytes with a check that fits."""
    return base64.b32encode(raw + hashlib.sha256(raw).digest()[:2]).decode()


def test_codes_that_fit_their_check_but_say_nonsense_are_refused() -> None:
    raw = base64.b32decode(write_code(compact_proof(DATA)))[:-2]
    for wrong in (
        b"\x02" + raw[1:],
        raw[:1] + b"\x50" + raw[2:],
        raw[:1] + b"\x02" + raw[2:],
        raw[:2] + b"\xff" * 6 + raw[8:],
    ):
        with pytest.raises(Fault) as caught:
            read_code(sealed(wrong))
        assert caught.value.code == "TS-1220"
    assert read_code(sealed(raw)) == compact_proof(DATA)


def test_values_that_do_not_fit_are_our_own_bug() -> None:
    proof = compact_proof(DATA)
    changes: list[dict[str, Any]] = [
        {"authenticator": b"short"},
        {"time_ms": 2**48},
        {"amount": Money(2**64)},
        {"amount": Money(-1)},
    ]
    for change in changes:
        wrong: CompactProof = attrs.evolve(proof, **change)
        with pytest.raises(ValueError):
            write_code(wrong)


def test_the_function_of_the_guide_makes_the_same_link() -> None:
    guide = (Path(__file__).resolve().parents[3] / "docs/guides/compact-code.md").read_text(encoding="utf-8")
    published: dict[str, Any] = {}
    exec(guide.partition("```python\n")[2].partition("```")[0], published)
    for buyer_id in (b"", b"10:123456789"):
        url = to_url(PREFIX, attrs.evolve(DATA, buyer_id=buyer_id))
        assert published["compact"](url) == compact_link(url)
