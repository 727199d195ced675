"""The secure element's formats: round trips, and no bytes make anything but a value or a coded fault."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from outcomes import fault_code

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.card import (
    AmountStatus,
    ArpContent,
    CategoryTotal,
    CertParams,
    Directive,
    InternalData,
    PoaMessage,
    SignAnswer,
    SignRequest,
    strip_crc,
    with_crc,
)

uids = st.text("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=8, max_size=8)
tins = st.text("0123456789ABCZ./-", max_size=20)
buyers = st.binary(max_size=20).map(lambda raw: raw.lstrip(b"\0"))
money = st.integers(0, 2**56 - 1).map(Money)
uint32 = st.integers(0, 2**32 - 1)
uint64 = st.integers(0, 2**64 - 1)
wide_money = uint64.map(Money)
kinds = st.sampled_from(InvoiceType)
directions = st.sampled_from(TransactionType)

sign_requests = st.builds(
    SignRequest,
    time_ms=uint64,
    tin=tins,
    buyer_id=buyers,
    invoice_type=kinds,
    transaction_type=directions,
    amount=money,
    categories=st.lists(st.tuples(st.integers(0, 255), money), max_size=12).map(tuple),
)
sign_answers = st.builds(
    SignAnswer,
    time_ms=uint64,
    tin=tins,
    buyer_id=buyers,
    invoice_type=kinds,
    transaction_type=directions,
    amount=money,
    type_counter=uint32,
    total_counter=uint32,
    encrypted_internal_data=st.sampled_from([256, 512]).flatmap(lambda n: st.binary(min_size=n, max_size=n)),
    signature=st.binary(min_size=256, max_size=256),
)
internal_data = st.builds(
    InternalData,
    uid=uids,
    time_ms=uint64,
    total_counter=uint32,
    type_counters=st.lists(uint32, min_size=10, max_size=10).map(tuple),
    sales=wide_money,
    refunds=wide_money,
    unaudited=money,
    limit=money,
    audit_sequence=uint32,
    categories=st.lists(st.builds(CategoryTotal, st.integers(0, 255), wide_money, wide_money), max_size=16).map(tuple),
)
audit_requests = st.builds(
    ArpContent,
    uid=uids,
    audit_sequence=uint32,
    last_signed_ms=uint64,
    total_counter=uint32,
    unaudited=money,
    limit=money,
    proven_counter=uint32,
    nonce=st.binary(min_size=32, max_size=32),
    last_signature_digest=st.binary(min_size=32, max_size=32),
)
proofs = st.builds(
    PoaMessage,
    uid=uids,
    audit_sequence=uint32,
    nonce=st.binary(min_size=32, max_size=32),
    released=money,
    new_limit=st.none() | st.integers(0, 2**56 - 2).map(Money),
    issued_ms=uint64,
)
directives = st.builds(
    Directive,
    uid=uids,
    number=uint32,
    operation=st.integers(0, 255),
    parameter=uint64,
    second_block=st.binary(min_size=256, max_size=256),
)


@given(sign_requests)
def test_a_sign_request_comes_back(request: SignRequest) -> None:
    encoded = request.encode()
    assert len(encoded) == 58 + 8 * len(request.categories)
    assert SignRequest.decode(encoded) == request


@given(sign_answers, st.booleans())
def test_a_sign_answer_comes_back_with_and_without_crc(answer: SignAnswer, crc: bool) -> None:
    raw = answer.raw
    assert SignAnswer.decode(with_crc(raw) if crc else raw) == answer
    assert raw.startswith(answer.signed_text)


@given(internal_data)
def test_internal_data_come_back(data: InternalData) -> None:
    assert InternalData.decode(data.encode()) == data


@given(audit_requests)
def test_an_audit_request_comes_back(request: ArpContent) -> None:
    assert ArpContent.decode(request.encode()) == request


@given(proofs)
def test_a_proof_comes_back(proof: PoaMessage) -> None:
    assert PoaMessage.decode(proof.encode()) == proof


@given(directives)
def test_a_directive_comes_back(directive: Directive) -> None:
    assert Directive.decode(directive.encode(), directive.second_block) == directive


@given(money, money, uids, uint64, uint64)
def test_small_answers_come_back(total: Money, limit: Money, uid: str, start: int, end: int) -> None:
    assert AmountStatus.decode(AmountStatus(total, limit).encode()) == AmountStatus(total, limit)
    assert CertParams.decode(CertParams(uid, start, end).encode()) == CertParams(uid, start, end)


def directive_of(data: bytes) -> Directive:
    return Directive.decode(data[:200], data[200:])


READERS = [
    SignRequest.decode,
    SignAnswer.decode,
    InternalData.decode,
    ArpContent.decode,
    PoaMessage.decode,
    AmountStatus.decode,
    CertParams.decode,
    directive_of,
    strip_crc,
]
lengths = st.sampled_from([0, 12, 14, 24, 57, 58, 66, 96, 102, 107, 113, 154, 577, 581, 833, 837])
raw_bytes = st.binary(max_size=200) | lengths.flatmap(lambda n: st.binary(min_size=n, max_size=n))


@pytest.mark.parametrize("read", READERS)
@given(data=raw_bytes)
def test_no_bytes_make_anything_but_a_value_or_a_coded_fault(read: Callable[[bytes], object], data: bytes) -> None:
    assert fault_code(lambda: read(data)) in (None, "TS-1220", "TS-1313", "TS-1316", "TS-3101", "TS-3106")


@given(proofs, st.integers(0, 101), st.integers(1, 255))
def test_no_changed_byte_of_a_proof_passes(proof: PoaMessage, at: int, change: int) -> None:
    message = bytearray(proof.encode())
    message[at] ^= change
    assert fault_code(lambda: PoaMessage.decode(bytes(message))) == "TS-3101"
