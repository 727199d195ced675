"""The sealed envelope of an audit package: exact bytes, key forms, and which refusal belongs to what."""

from __future__ import annotations

import json

import pytest
from taxcore_values import base64

from tallystick.kernel.faults import Fault
from tallystick.kernel.limits import LIMITS
from tallystick.wire.audit_package import SealedPackage, read_sealed, write_sealed

KEY, IV, PAYLOAD = bytes(range(256)), bytes(reversed(range(256))), b"\xff" * 4096
PACKAGE = SealedPackage(KEY, IV, PAYLOAD)
BODY = json.dumps({"key": base64(KEY), "iv": base64(IV), "payload": base64(PAYLOAD)}).encode()


def code_of(body: bytes) -> str:
    with pytest.raises(Fault) as caught:
        read_sealed(body)
    return caught.value.code


def test_s2_077_to_s2_080_three_members_in_base64() -> None:
    assert json.loads(write_sealed(PACKAGE)) == json.loads(BODY)
    assert len(json.loads(BODY)["key"]) == len(json.loads(BODY)["iv"]) == 344
    assert read_sealed(write_sealed(PACKAGE)) == PACKAGE
    assert read_sealed(BODY) == PACKAGE


def test_key_case_order_and_unknown_members() -> None:
    body = json.dumps({"Payload": base64(PAYLOAD), "x": 1, "IV": base64(IV), "Key": base64(KEY)}).encode()
    assert read_sealed(body) == PACKAGE
    assert read_sealed(b"\xef\xbb\xbf" + body) == PACKAGE


@pytest.mark.parametrize("body", [b"", b"[]", b"5", b"{", b"{}", BODY.replace(b'"iv"', b'"vi"'), b"\xff", b'{"key":1}'])
def test_a_body_that_is_no_package_at_all(body: bytes) -> None:
    assert code_of(body) == "TS-1210"


@pytest.mark.parametrize(
    "body",
    [
        BODY.replace(base64(KEY).encode(), base64(KEY[:-1]).encode()),
        BODY.replace(base64(IV).encode(), base64(IV * 2).encode()),
        BODY.replace(base64(KEY).encode(), b""),
        BODY.replace(base64(IV).encode(), b"!" * 344),
        BODY.replace(base64(PAYLOAD).encode(), base64(PAYLOAD).encode() + b"="),
        BODY.replace(base64(PAYLOAD).encode(), "ЖЖЖЖ".encode()),
    ],
)
def test_k_11_what_cannot_be_opened_is_one_code(body: bytes) -> None:
    assert code_of(body) == "TS-1202"


def test_missing_members_are_named() -> None:
    with pytest.raises(Fault) as caught:
        read_sealed(b'{"key":"","payload":null}')
    assert [field.pointer for field in caught.value.fields] == ["/iv", "/payload"]


def test_sizes() -> None:
    largest = SealedPackage(KEY, IV, bytes(LIMITS.audit_payload_bytes))
    assert read_sealed(write_sealed(largest)) == largest
    assert code_of(write_sealed(SealedPackage(KEY, IV, bytes(LIMITS.audit_payload_bytes + 16)))) == "TS-1003"
    assert code_of(BODY + b" " * LIMITS.audit_package_bytes) == "TS-1003"
