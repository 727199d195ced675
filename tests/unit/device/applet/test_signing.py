"""Sign Invoice on the virtual card: fields, counters, limit, and refusals in the order of the wire facts 7.5."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import attrs
import msgspec
import pytest
from cards import NOW, PIN, country, new_card, ready, rsa_key, sale

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.applet import Quirks, VirtualCard
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType, counter_index
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import SignRequest, with_crc

ALL_KINDS = [(kind, direction) for kind in InvoiceType for direction in TransactionType]


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    made = VirtualCard.open(new_card(tmp_path / "card"))
    yield made
    made.power_off()


def state(card: VirtualCard) -> CardState:
    return card._core.state


def alter(card: VirtualCard, **changes: Any) -> None:
    """Put a card into a state that would take long to reach."""
    card._core.commit(msgspec.structs.replace(card._core.state, **changes))


def send(card: VirtualCard, data: bytes, p1: int = 4, p2: int = 0) -> int:
    """Sign Invoice with these command data: the status word."""
    length = bytes((0, *len(data).to_bytes(2, "big")))
    return int.from_bytes(card.transmit(bytes((0x88, 0x13, p1, p2)) + length + data + b"\0\0")[-2:], "big")


def test_s2_058_the_signature_is_over_the_signed_text(card: VirtualCard) -> None:
    """Wire 7.4: SHA-1 PKCS#1 v1.5 over offsets 0..64 and the encrypted internal data; fields come back as sent."""
    session = ready(card)
    request = sale(5, "12.3456", buyer_id=b"10:100181732")
    answer = session.sign_invoice(request)
    verify_invoice_signature(
        read_card_certificate(session.certificate()).public_key, answer.signed_text, answer.signature
    )
    assert answer.raw[:57] == request.encode()[:57]
    assert (answer.type_counter, answer.total_counter) == (1, 1)
    assert answer.buyer_id == b"10:100181732"


def test_counters_rise_by_one_in_total_and_per_type(card: VirtualCard) -> None:
    """I-09, wire 7.4: ten counters, one for each invoice and transaction type."""
    session = ready(card)
    numbers = dict.fromkeys(ALL_KINDS, 0)
    for number, kind in enumerate(ALL_KINDS + ALL_KINDS[::3], 1):
        numbers[kind] += 1
        answer = session.sign_invoice(sale(number, kind=kind[0], direction=kind[1]))
        assert (answer.type_counter, answer.total_counter) == (numbers[kind], number)
    inside = country().internal_data(session.last_signed_invoice().encrypted_internal_data)  # type: ignore[union-attr]
    assert inside.type_counters == tuple(numbers[kind] for kind in sorted(numbers, key=lambda k: counter_index(*k)))


def test_internal_data_agree_with_the_signed_text(card: VirtualCard) -> None:
    """Wire 15.2: UID, time, counters and category totals; what the authority compares for status 3."""
    session = ready(card)
    session.sign_invoice(sale(1, "100", categories=((1, "16.6667"), (3, "0.5"))))
    session.sign_invoice(sale(2, "30", direction=TransactionType.REFUND, categories=((1, "5"),)))
    answer = session.sign_invoice(sale(3, "7", kind=InvoiceType.TRAINING, categories=((2, "1"),)))
    inside = country().internal_data(answer.encrypted_internal_data)
    assert (inside.uid, inside.time_ms, inside.total_counter) == ("AB12CD34", answer.time_ms, 3)
    assert (inside.sales, inside.refunds, inside.unaudited) == (Money.of(100), Money.of(30), Money.of(130))
    assert [(c.order_id, c.sale_tax, c.refund_tax) for c in inside.categories] == [
        (1, Money.of("16.6667"), Money.of(5)),
        (2, Money(0), Money(0)),
        (3, Money.of("0.5"), Money(0)),
    ]


@pytest.mark.parametrize(("kind", "direction"), ALL_KINDS)
def test_only_fiscal_receipts_add_to_the_unaudited_sum(
    card: VirtualCard, kind: InvoiceType, direction: TransactionType
) -> None:
    """Wire 7.4: Normal and Advance, both directions in absolute value; the others are signed and count nothing."""
    session = ready(card)
    session.sign_invoice(sale(1, "40", kind=kind, direction=direction))
    assert session.amount_status().sum == (Money.of(40) if kind.is_fiscal else Money(0))


def test_the_crossing_invoice_is_signed_and_the_next_refused(card: VirtualCard) -> None:
    """Wire 7.5: `sum >= limit` is tested before adding; no kind of invoice gets past it until a proof arrives."""
    session = ready(card)
    session.sign_invoice(sale(1, "999.9999"))
    session.sign_invoice(sale(2, "5000"))
    assert session.amount_status().sum == Money.of("5999.9999")
    for kind, direction in ALL_KINDS:
        before = state(card)
        with pytest.raises(StatusWordError) as caught:
            session.sign_invoice(sale(3, "1", kind=kind, direction=direction))
        assert caught.value.status_word == StatusWord.LIMIT_REACHED
        assert state(card) == before


def test_a_sum_equal_to_the_limit_is_over(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1, "1000"))
    with pytest.raises(StatusWordError) as caught:
        session.sign_invoice(sale(2, "0"))
    assert caught.value.status_word == StatusWord.LIMIT_REACHED


@pytest.mark.parametrize(("max_category", "length"), [(1, 577), (5, 577), (6, 833), (16, 833)])
def test_the_length_of_the_answer_is_fixed_for_life(tmp_path: Path, max_category: int, length: int) -> None:
    """Wire 15.2: n is fixed at personalisation, so 256 or 512 bytes never change."""
    card = VirtualCard.open(new_card(tmp_path, max_category_order_id=max_category))
    session = ready(card)
    for number, categories in enumerate(((), ((1, "1"),), ((max_category, "2"),))):
        assert len(session.sign_invoice(sale(number, categories=categories)).raw) == length
        assert len(session.export_audit_data()) == length - 321
    card.power_off()


def test_categories_from_none_to_twelve(tmp_path: Path) -> None:
    """Wire 16.3: n = 0, 1, 12; 13 is 6304; an order id without a place is 6A80."""
    card = VirtualCard.open(new_card(tmp_path, max_category_order_id=16))
    session = ready(card)
    for count in (0, 1, 12):
        session.sign_invoice(sale(count, categories=tuple((n, "0.1") for n in range(1, count + 1))))
    twelve = sale(50, categories=tuple((n, "0.1") for n in range(1, 13))).encode()
    thirteen = twelve[:57] + b"\x0d" + twelve[58:] + twelve[58:66]
    assert send(card, thirteen) == StatusWord.TOO_MANY_CATEGORIES
    for order_id in (0, 17, 255):
        assert send(card, sale(60, categories=((order_id, "1"),)).encode()) == StatusWord.WRONG_DATA
    card.power_off()


@pytest.mark.parametrize("offset", [48, 49])
def test_unknown_types_are_wrong_data(card: VirtualCard, offset: int) -> None:
    ready(card)
    data = bytearray(sale().encode())
    data[offset] = 9
    assert send(card, bytes(data)) == StatusWord.WRONG_DATA


def test_s2_027_time_outside_the_validity_is_6308_from_3_2_8(tmp_path: Path) -> None:
    """K-25: the end of the validity itself is outside. Older cards do not look."""
    for version, looks in (((3, 2, 8), True), ((3, 2, 7), False)):
        card = VirtualCard.open(new_card(tmp_path / str(version), version=version))
        session = ready(card)
        found = read_card_certificate(session.certificate())
        first, end = unix_ms(found.not_before), unix_ms(found.not_after)
        assert NOW - found.not_before == timedelta(seconds=60)
        for number, (time_ms, inside) in enumerate(((first, True), (end - 1, True), (end, False), (first - 1, False))):
            request = attrs.evolve(sale(number), time_ms=time_ms)
            expected = StatusWord.OK if inside or not looks else StatusWord.TIME_OUTSIDE_VALIDITY
            assert send(card, request.encode()) == expected, (version, time_ms)
        card.power_off()


def test_a_counter_at_its_end_is_63ff(card: VirtualCard) -> None:
    """Wire 16.3: a card near the end signs number 2^32 - 1 and nothing after it."""
    session = ready(card)
    alter(card, total_counter=2**32 - 2)
    assert session.sign_invoice(sale(1)).total_counter == 2**32 - 1
    assert send(card, sale(2).encode()) == StatusWord.COUNTER_AT_END
    alter(card, total_counter=5, unaudited=2**56 - 1, limit=2**56 - 1)
    assert send(card, sale(3).encode()) == StatusWord.COUNTER_AT_END
    alter(card, unaudited=0, sale_taxes=(2**64 - 1, 0, 0))
    assert send(card, sale(4).encode()) == StatusWord.COUNTER_AT_END


REFUSALS: list[tuple[StatusWord, str]] = [
    (StatusWord.PIN_TRIES_EXCEEDED, "locked"),
    (StatusWord.PIN_REQUIRED, "no PIN"),
    (StatusWord.WRONG_LENGTH, "length"),
    (StatusWord.WRONG_DATA, "crc"),
    (StatusWord.SIGNING_DISABLED, "disabled"),
    (StatusWord.TOO_MANY_CATEGORIES, "n"),
    (StatusWord.WRONG_DATA, "order id"),
    (StatusWord.TIME_OUTSIDE_VALIDITY, "time"),
    (StatusWord.COUNTER_AT_END, "counter"),
    (StatusWord.LIMIT_REACHED, "limit"),
]


def everything_wrong_from(card: VirtualCard, step: int) -> int:
    """Break all that the steps from `step` on look at, and send: the status word must be that of `step`."""
    wrong = {name for _, name in REFUSALS[step:]}
    alter(
        card,
        pin_tries=0 if "locked" in wrong else 5,
        is_disabled="disabled" in wrong,
        total_counter=2**32 - 1 if "counter" in wrong else 3,
        unaudited=10**8 if "limit" in wrong else 0,
    )
    card._core.pin_verified = "no PIN" not in wrong
    categories = 13 if "n" in wrong else 1
    order_id = 9 if "order id" in wrong else 1
    head = attrs.evolve(sale(step), time_ms=1 if "time" in wrong else sale().time_ms).encode()[:57]
    data = head + bytes((categories,)) + (bytes((order_id,)) + bytes(7)) * categories
    data = data[:-1] if "length" in wrong else data
    return send(card, data + (b"bad!" if "crc" in wrong else with_crc(data)[-4:]), 1, 2)


@pytest.mark.parametrize("step", range(len(REFUSALS)))
def test_wire_7_5_the_first_check_that_fails_answers(card: VirtualCard, step: int) -> None:
    """Locked, PIN, length, CRC, disabled, n, order ids, time, counters, limit: with all later ones wrong as well."""
    ready(card)
    assert everything_wrong_from(card, step) == REFUSALS[step][0]


def test_a_wrong_crc_changes_nothing(card: VirtualCard) -> None:
    ready(card)
    before = state(card)
    data = with_crc(sale().encode())
    assert send(card, data[:-1] + bytes((data[-1] ^ 1,)), 1, 2) == StatusWord.WRONG_DATA
    assert state(card) == before
    assert send(card, data, 1, 2) == StatusWord.OK


def test_crc_mode_from_3_2_5_only(tmp_path: Path) -> None:
    """Wire 7.1: before, P1 P2 mean nothing, so four more bytes are a wrong length."""
    old = VirtualCard.open(new_card(tmp_path / "old", version=(3, 2, 4)))
    ready(old)
    assert send(old, with_crc(sale().encode()), 1, 2) == StatusWord.WRONG_LENGTH
    assert send(old, sale().encode(), 1, 2) == StatusWord.OK
    new = VirtualCard.open(new_card(tmp_path / "new", version=(3, 2, 5)))
    answer = ready(new, crc=True).sign_invoice(sale())
    assert answer.total_counter == 1
    old.power_off()
    new.power_off()


def test_last_signed_invoice_is_the_same_bytes(card: VirtualCard) -> None:
    """Wire 7.2, INS 15: needs no PIN; a card that never signed says so."""
    session = ready(card)
    assert session.last_signed_invoice() is None
    answer = session.sign_invoice(sale(1))
    card.reset()
    session.select()
    again = session.last_signed_invoice()
    assert again is not None
    assert again.raw == answer.raw
    card.transmit(bytes.fromhex("00A4040010A000000748464A492D546178436F7265"))
    assert SecureElement(card, crc=True).last_signed_invoice() == answer


def test_security_6_5_the_same_bytes_again_get_the_same_signature_and_count_once(card: VirtualCard) -> None:
    session = ready(card)
    first = session.sign_invoice(sale(1))
    after = state(card)
    assert session.sign_invoice(sale(1)).raw == first.raw
    assert send(card, with_crc(sale(1).encode()), 1, 2) == StatusWord.OK
    assert state(card) == after
    second = session.sign_invoice(sale(2))
    assert second.total_counter == 2
    assert session.sign_invoice(sale(1)).total_counter == 3, "only the last one is remembered"


def test_security_6_5_a_repeat_is_answered_after_a_restart_and_beyond_the_limit(tmp_path: Path) -> None:
    """The E-SDC that lost the answer to a power cut, or to the limit's last invoice, gets it."""
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    crossing = ready(card).sign_invoice(sale(1, "2000"))
    card.power_off()
    card = VirtualCard.open(folder)
    session = ready(card)
    assert session.sign_invoice(sale(1, "2000")).raw == crossing.raw
    card.power_off()


def test_a_real_card_would_sign_anew(tmp_path: Path) -> None:
    """The switch of the profile: without it the same bytes count twice, as on a real card."""
    card = VirtualCard.open(new_card(tmp_path, quirks=Quirks(repeat_returns_last=False)))
    session = ready(card)
    assert [session.sign_invoice(sale(1)).total_counter for _ in range(3)] == [1, 2, 3]
    card.power_off()


def test_everything_survives_the_power(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    ready(card).sign_invoice(sale(1, "77"))
    before = state(card)
    card.power_off()
    again = VirtualCard.open(folder)
    assert state(again) == before
    session = SecureElement(again)
    session.select()
    with pytest.raises(StatusWordError) as caught:
        session.sign_invoice(sale(2))
    assert caught.value.status_word == StatusWord.PIN_REQUIRED
    session.verify_pin(PIN)
    assert session.sign_invoice(sale(2)).total_counter == 2
    again.power_off()


def test_the_certificate_is_of_the_key_that_signs(card: VirtualCard) -> None:
    assert read_card_certificate(ready(card).certificate()).public_key == rsa_key(0).public


def test_any_request_that_the_codec_makes_has_a_length_that_fits(card: VirtualCard) -> None:
    ready(card)
    data = SignRequest.decode(sale().encode()).encode()
    for wrong in (b"", data[:57], data[:-1], data + b"\0", data[:58]):
        assert send(card, wrong) == StatusWord.WRONG_LENGTH
