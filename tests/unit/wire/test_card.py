"""The secure element's formats against published lengths, published exchanges and the vendor's sample."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.card import (
    MAX_CATEGORIES,
    AmountStatus,
    ArpContent,
    CategoryTotal,
    CertParams,
    Directive,
    InternalData,
    PoaMessage,
    SignAnswer,
    SignRequest,
    crc32,
    internal_data_blocks,
    signed_text,
    strip_crc,
    with_crc,
)

VENDOR_SAMPLE = (
    "0000015D79403B690000000000000000000000303231313331363832" + "00" * 20 + "000000000000249F000103000000000212A9"
)


def request(**changes: Any) -> SignRequest:
    base = SignRequest(
        time_ms=1_500_977_838_953,
        tin="021131682",
        invoice_type=InvoiceType.NORMAL,
        transaction_type=TransactionType.SALE,
        amount=Money.of(240),
        categories=((3, Money.of("13.5849")),),
    )
    return attrs.evolve(base, **changes)


def answer(internal_bytes: int = 256) -> SignAnswer:
    return SignAnswer(
        time_ms=1,
        tin="021131682",
        buyer_id=b"10:1",
        invoice_type=InvoiceType.ADVANCE,
        transaction_type=TransactionType.REFUND,
        amount=Money.of("0.0001"),
        type_counter=7,
        total_counter=256,
        encrypted_internal_data=b"i" * internal_bytes,
        signature=b"s" * 256,
    )


def internal(categories: int = 3) -> InternalData:
    return InternalData(
        uid="AB12CD34",
        time_ms=5,
        total_counter=11,
        type_counters=tuple(range(10)),
        sales=Money(7),
        refunds=Money(8),
        unaudited=Money(9),
        limit=Money(10),
        audit_sequence=3,
        categories=tuple(CategoryTotal(n, Money(n), Money(2 * n)) for n in range(1, categories + 1)),
    )


def test_sign_request_is_the_vendors_sample() -> None:
    """Wire 7.3: time, TIN, buyer, types, amounts of seven bytes; 66 bytes with one category."""
    assert request().encode() == bytes.fromhex(VENDOR_SAMPLE)
    assert SignRequest.decode(bytes.fromhex(VENDOR_SAMPLE)) == request()


@pytest.mark.parametrize("count", [0, 1, 12])
def test_sign_request_has_58_and_8_bytes_a_category(count: int) -> None:
    encoded = request(categories=tuple((n, Money(n)) for n in range(1, count + 1))).encode()
    assert len(encoded) == 58 + 8 * count


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"tin": "1" * 21}, "TS-1313"),
        ({"tin": "Ж"}, "TS-1313"),
        ({"buyer_id": b"1" * 21}, "TS-2007"),
        ({"time_ms": -1}, "TS-2008"),
        ({"amount": Money(-1)}, "TS-2005"),
        ({"amount": Money(2**56)}, "TS-2005"),
        ({"categories": ((1, Money(1)),) * 13}, "TS-2005"),
        ({"categories": ((256, Money(1)),)}, "TS-2005"),
    ],
)
def test_what_does_not_fit_the_card_is_a_coded_fault(change: dict[str, object], code: str) -> None:
    with pytest.raises(Fault) as caught:
        request(**change).encode()
    assert caught.value.code == code


@pytest.mark.parametrize(("internal_bytes", "length"), [(256, 577), (512, 833)])
def test_sign_answer_has_the_published_lengths_with_and_without_crc(internal_bytes: int, length: int) -> None:
    """Wire 7.4: 577, 581, 833 or 837 bytes."""
    raw = answer(internal_bytes).raw
    assert len(raw) == length
    assert SignAnswer.decode(raw) == SignAnswer.decode(with_crc(raw)) == answer(internal_bytes)


def test_signed_text_is_the_answer_up_to_the_signature() -> None:
    """Wire 7.4: offsets 0..64, then the internal data; counters big endian. The buyer's padding does not matter."""
    one = answer()
    assert one.signed_text == one.raw[:321]
    assert one.raw[57:65].hex() == "0000000700000100"
    padded = signed_text(
        1, "021131682", b"10:1".rjust(20, b"\0"), one.invoice_type, one.transaction_type, one.amount, 7, 256, b"i" * 256
    )
    assert padded == one.signed_text


@pytest.mark.parametrize("length", [0, 576, 578, 582, 832, 900])
def test_sign_answer_of_another_length_is_a_coded_fault(length: int) -> None:
    with pytest.raises(Fault):
        SignAnswer.decode(bytes(length))


def test_a_wrong_crc_is_a_coded_fault() -> None:
    """Wire 7.1: CRC-32 (IEEE), big endian; the check value of the algorithm is CBF43926."""
    assert crc32(b"123456789").hex().upper() == "CBF43926"
    assert strip_crc(with_crc(b"abc")) == b"abc"
    for damaged in (b"", b"abc", b"abc" + bytes(4)):
        with pytest.raises(Fault):
            strip_crc(damaged)


def test_amount_status_is_the_published_exchange() -> None:
    """Wire 7.2: 49 087 837.06 of 100 000 000 000."""
    status = AmountStatus.decode(bytes.fromhex("0000724AA18328038D7EA4C68000"))
    assert status == AmountStatus(Money.of("49087837.06"), Money.of(100_000_000_000))
    assert status.encode().hex().upper() == "0000724AA18328038D7EA4C68000"
    assert not status.is_reached
    assert AmountStatus(Money(5), Money(5)).is_reached


def test_certificate_parameters_have_24_bytes_and_milliseconds() -> None:
    params = CertParams("AB12CD34", 1_700_000_000_000, 1_800_000_000_000)
    assert len(params.encode()) == 24
    assert CertParams.decode(params.encode()) == params
    with pytest.raises(Fault):
        CertParams.decode(bytes(23))


@pytest.mark.parametrize(("categories", "blocks"), [(0, 1), (1, 1), (5, 1), (6, 2), (16, 2)])
def test_internal_data_fits_the_published_blocks(categories: int, blocks: int) -> None:
    """Wire 15.2: 96 + 17n plain bytes, at most 190 a block: n up to 5 takes one, up to 16 two."""
    plain = internal(categories).encode()
    assert len(plain) == 96 + 17 * categories
    assert len(plain) <= 190 * blocks
    assert internal_data_blocks(categories) == blocks
    assert InternalData.decode(plain) == internal(categories)
    assert MAX_CATEGORIES == 16


WHOLE = internal().encode()


@pytest.mark.parametrize("damage", [b"", b"\1", WHOLE[:-1], b"\2" + WHOLE[1:], b"\1\xff" + WHOLE[2:]])
def test_damaged_internal_data_is_ts_1316(damage: bytes) -> None:
    with pytest.raises(Fault) as caught:
        InternalData.decode(damage)
    assert caught.value.code == "TS-1316"


def arp() -> ArpContent:
    return ArpContent(
        uid="AB12CD34",
        audit_sequence=2,
        last_signed_ms=9,
        total_counter=6,
        unaudited=Money(100),
        limit=Money(200),
        proven_counter=3,
        nonce=b"n" * 32,
        last_signature_digest=b"d" * 32,
    )


def test_audit_request_has_107_bytes() -> None:
    """Wire 15.3."""
    assert len(arp().encode()) == 107
    assert ArpContent.decode(arp().encode()) == arp()
    for damaged in (arp().encode()[:-1], b"\2" + arp().encode()[1:], b""):
        with pytest.raises(Fault) as caught:
            ArpContent.decode(damaged)
        assert caught.value.code == "TS-3101"


def poa(new_limit: Money | None = None) -> PoaMessage:
    return PoaMessage(
        uid="AB12CD34", audit_sequence=2, nonce=b"n" * 32, released=Money(100), new_limit=new_limit, issued_ms=7
    )


@pytest.mark.parametrize("new_limit", [None, Money(0), Money(2**56 - 2)])
def test_proof_of_audit_fits_one_block_with_recovery(new_limit: Money | None) -> None:
    """Wire 15.4: marker, content and digest; all FF stands for an unchanged limit."""
    message = poa(new_limit).encode()
    assert len(message) == 102
    assert PoaMessage.decode(message) == poa(new_limit)


def test_damaged_proof_of_audit_is_a_coded_fault() -> None:
    message = poa().encode()
    other_marker = b"POA2" + message[4:-32]
    damaged = [message[:-1], message[:-1] + b"\0", other_marker + sha256(other_marker), b"", b"x" * 102]
    damaged += [message[:at] + bytes((message[at] ^ 1,)) + message[at + 1 :] for at in range(len(message))]
    for one in damaged:
        with pytest.raises(Fault):
            PoaMessage.decode(one)


def test_a_limit_that_means_unchanged_cannot_be_set() -> None:
    with pytest.raises(Fault):
        poa(Money(2**56 - 1)).encode()


def test_directive_binds_its_second_block() -> None:
    """Wire 15.5: the signed block holds the digest of the block in clear."""
    order = Directive(uid="AB12CD34", number=1, operation=3, parameter=500)
    assert Directive.decode(order.encode(), order.second_block) == order
    assert len(order.encode()) <= 245
    for message, second in ((order.encode(), b"\1" + bytes(255)), (order.encode()[:-1], bytes(256)), (b"", bytes(256))):
        with pytest.raises(Fault):
            Directive.decode(message, second)
