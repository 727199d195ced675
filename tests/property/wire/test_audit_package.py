"""Audit packages: round trips of the envelope and of the data inside, and any change of them."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from taxcore_values import RESULT, SALE, mutated, only_faults, requests, results

from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult
from tallystick.wire.audit_package import (
    AuditData,
    SealedPackage,
    read_audit_data,
    read_sealed,
    rescue_verification_url,
    write_audit_data,
    write_sealed,
)

PLAIN = write_audit_data(SALE, RESULT)
DOCUMENT = json.loads(PLAIN)
SEALED = write_sealed(SealedPackage(bytes(256), bytes(256), bytes(64)))
blocks = st.binary(min_size=256, max_size=256)
DATA_CODES = {"TS-1202", "TS-1210", "TS-1211", "TS-1212", "TS-1213", "TS-1214", "TS-1216"}


@given(requests, results)
def test_s2_059_audit_data_round_trip(request: InvoiceRequest, result: InvoiceResult) -> None:
    data = read_audit_data(write_audit_data(request, result))
    assert data.request == request
    assert data.result == result
    assert data.reading_faults == ()


def only_data_or_a_fault(plain: bytes) -> AuditData | None:
    rescue_verification_url(plain)
    read: list[AuditData] = []
    with only_faults(*DATA_CODES):
        read.append(read_audit_data(plain))
    return read[0] if read else None


@given(mutated(DOCUMENT))
@settings(max_examples=500)
def test_any_change_of_the_document_is_read_noted_or_refused(document: Any) -> None:
    data = only_data_or_a_fault(json.dumps(document).encode("utf-8", "surrogatepass"))
    if data is not None:  # what was read can be written and read again, so that an export can be made
        again = read_audit_data(write_audit_data(data.request, data.result))
        assert (again.request.total_amount, again.result.number) == (data.request.total_amount, data.result.number)


@given(st.integers(0, len(PLAIN) - 1), st.binary(max_size=4), st.integers(0, 8))
def test_any_change_of_the_bytes_is_read_or_refused(position: int, inserted: bytes, removed: int) -> None:
    only_data_or_a_fault(PLAIN[:position] + inserted + PLAIN[position + removed :])


@given(st.binary())
def test_any_bytes_are_read_or_refused(plain: bytes) -> None:
    only_data_or_a_fault(plain)


@given(blocks, blocks, st.binary(max_size=5000))
def test_s2_077_envelope_round_trip(key: bytes, iv: bytes, payload: bytes) -> None:
    package = SealedPackage(key, iv, payload)
    assert read_sealed(write_sealed(package)) == package


def only_a_package_or_a_fault(body: bytes) -> None:
    with only_faults(*DATA_CODES, "TS-1003"):
        read_sealed(body)


@given(mutated(json.loads(SEALED)))
def test_any_change_of_the_envelope_is_read_or_refused(document: Any) -> None:
    only_a_package_or_a_fault(json.dumps(document).encode("utf-8", "surrogatepass"))


@given(st.integers(0, len(SEALED) - 1), st.binary(max_size=4), st.integers(0, 8))
def test_any_change_of_the_envelopes_bytes_is_read_or_refused(position: int, inserted: bytes, removed: int) -> None:
    only_a_package_or_a_fault(SEALED[:position] + inserted + SEALED[position + removed :])
