"""What a card must pass: the published checklist line by line, one test a line (wire 16.3).

The lines' finer tests stand in the other files of this folder; the guide for makers of cards lists both.
"""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cards import NOW, PIN, TIN, UID, Country, country, new_card, ready, rsa_key, sale
from power import BrittleDisk, PowerCut

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.device.applet import VirtualCard
from tallystick.device.applet.contacts import T0Contacts
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.device.secure_element.t0 import T0Port
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.apdu import CommandApdu, ResponseApdu, StatusWord

SELECT = "00A4040010A000000748464A492D546178436F7265"
Make = Callable[..., VirtualCard]


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Make]:
    """Makes cards that are powered off at the end."""
    made: list[VirtualCard] = []

    def one(**changes: Any) -> VirtualCard:
        made.append(VirtualCard.open(new_card(tmp_path / str(len(made)), **changes)))
        return made[-1]

    yield one
    for card in made:
        card.power_off()


def word(card: VirtualCard, instruction: int, data: bytes = b"", p1_p2: bytes = b"\x04\0") -> int:
    apdu = CommandApdu(0x88, instruction, p1_p2[0], p1_p2[1], data, 256)
    return ResponseApdu.parse(card.transmit(apdu.encode())).status_word


def refused(action: Callable[[], object]) -> int:
    with pytest.raises(StatusWordError) as caught:
        action()
    return caught.value.status_word


def test_wire_16_3_1_every_command_in_every_coding_and_over_t_0(make: Make) -> None:
    """Short and extended Lc and Le, Le left out, T=0 with GET RESPONSE: the same whole answer."""
    card = make()
    for form in (SELECT, SELECT + "00", SELECT + "0000"):
        assert card.transmit(bytes.fromhex(form)) == b"\x90\0"
    session = ready(card)
    session.sign_invoice(sale(1))
    over_t0 = T0Port(T0Contacts(card))
    for instruction in (0x04, 0x07, 0x08, 0x09, 0x0A, 0x14, 0x15, 0x16, 0x33):
        answers = {
            card.transmit(CommandApdu(0x88, instruction, 4, 0, le=le).encode(extended=extended))
            for le in (None, 1, 256, 65536)
            for extended in (False, True)
        }
        assert len(answers) == 1, hex(instruction)
        whole = SecureElement(over_t0)._call(instruction)
        assert answers == {whole + b"\x90\0"}, hex(instruction)
    data = sale(2).encode()
    short, extended = (CommandApdu(0x88, 0x13, 4, 0, data, 256).encode(extended=form) for form in (False, True))
    assert card.transmit(short) == card.transmit(extended), "the same bytes again are the same invoice"
    assert SecureElement(over_t0).sign_invoice(sale(2)).total_counter == 2


def test_wire_16_3_2_lengths(make: Make) -> None:
    """12, 24, 14, 1, 259, 260 and 264; 577, 581, 833, 837; 256 and 260; 512 and 516."""
    for categories, sizes in ((3, (577, 581, 256)), (6, (833, 837, 512))):
        card = make(max_category_order_id=categories)
        for crc, size in ((False, sizes[0]), (True, sizes[1])):
            ready(card, crc=crc)
            p1_p2, more = (b"\x01\x02", 4) if crc else (b"\x04\0", 0)
            data = sale(crc).encode()
            sent = data + zlib.crc32(data).to_bytes(4, "big") if crc else data
            asked = dict.fromkeys((21, 18, 33, 8, 51, 20, 22, 7), b"")
            lengths = {
                ins: len(card.transmit(CommandApdu(0x88, ins, p1_p2[0], p1_p2[1], body, 65536).encode())) - 2
                for ins, body in ({0x13: sent} | asked).items()
            }
            fixed = {0x08: 12, 0x33: 24, 0x14: 14, 0x16: 1, 0x07: 259}
            assert lengths == {0x13: size, 0x15: size, 0x12: sizes[2] + more, 0x21: 260 + more, **fixed}
            for instruction, right in ((0x20, 256 + more), (0x40, 512 + more)):
                for wrong in (0, 1, right - 1, right + 1):
                    assert word(card, instruction, bytes(wrong), p1_p2) == StatusWord.WRONG_LENGTH
                assert word(card, instruction, bytes(right), p1_p2) != StatusWord.WRONG_LENGTH


def test_wire_16_3_3_crc_mode_and_a_wrong_crc_changes_nothing(make: Make) -> None:
    card = make()
    session = ready(card, crc=True)
    session.sign_invoice(sale(1, "40"))
    proof = country().proof(country().audit_request(session.start_audit()))
    before = card._core.state
    for instruction, data in ((0x13, sale(2).encode()), (0x20, proof), (0x40, country().directive(1, 1))):
        crc = zlib.crc32(data).to_bytes(4, "big")
        for wrong in (bytes(4), crc[::-1], crc[:3] + bytes((crc[3] ^ 1,))):
            assert word(card, instruction, data + wrong, b"\x01\x02") == StatusWord.WRONG_DATA
            assert card._core.state == before
    answer = ResponseApdu.parse(card.transmit(bytes.fromhex("88150102000000"))).data
    assert zlib.crc32(answer[:-4]).to_bytes(4, "big") == answer[-4:]
    plain = ResponseApdu.parse(card.transmit(bytes.fromhex("88150400000000"))).data
    assert plain == answer[:-4]
    session.end_audit(proof)


def test_wire_16_3_4_pin(make: Make) -> None:
    """Five tries, given back by the right one, then locked for good; the state ends with a reset or another SELECT."""
    card = make()
    session = ready(card)
    for coding in (bytes((2, 0, 1, 7)), b"2017"):
        assert [word(card, 0x11, b"0000") for _ in range(4)] == [StatusWord.PIN_WRONG] * 4
        assert word(card, 0x11, coding) == StatusWord.OK
        assert session.pin_tries_left() == 5
    for end in (card.reset, lambda: card.transmit(bytes.fromhex("00A404000BA000000397425446590009"))):
        end()
        session.select()
        assert word(card, 0x13, sale(1).encode()) == StatusWord.PIN_REQUIRED
        session.verify_pin(PIN)
    words = [word(card, 0x11, b"0000") for _ in range(6)]
    assert words == [*[StatusWord.PIN_WRONG] * 4, *[StatusWord.PIN_TRIES_EXCEEDED] * 2]
    card.reset()
    session.select()
    assert word(card, 0x11, PIN.encode()) == StatusWord.PIN_TRIES_EXCEEDED
    assert word(card, 0x13, sale(1).encode()) == StatusWord.PIN_TRIES_EXCEEDED
    assert session.pin_tries_left() == 0


def test_wire_16_3_5_sign(make: Make) -> None:
    """The signature is over offsets 0 to 64 and the internal data; counters by type; the last result replays."""
    card = make()
    session = ready(card)
    key = read_card_certificate(session.certificate()).public_key
    total = 0
    for round_number in (1, 2):
        for kind in InvoiceType:
            for direction in TransactionType:
                total += 1
                signed = session.sign_invoice(sale(total, "1", kind=kind, direction=direction))
                assert (signed.total_counter, signed.type_counter) == (total, round_number)
                raw = signed.raw
                verify_invoice_signature(key, raw[:65] + raw[65:321], raw[321:])
                assert session.last_signed_invoice() == signed


def test_wire_16_3_6_a_cut_inside_sign_leaves_nothing_or_all(tmp_path: Path) -> None:
    """At each operation of the memory, in each image that a cut may leave."""
    folder = new_card(tmp_path)
    image = (folder / STATE_FILE).read_bytes()
    seen = set()
    for cut_at in range(2, 12):
        disk = BrittleDisk(image, cut_at=cut_at)
        try:
            ready(VirtualCard.open(folder, disk=disk)).sign_invoice(sale(1))
        except PowerCut:
            pass
        for left in disk.survivors():
            card = VirtualCard.open(folder, disk=BrittleDisk(left))
            state = card._core.state
            seen.add(state.total_counter)
            assert (state.total_counter, sum(state.type_counters), bool(state.last_answer)) in (
                (0, 0, False),
                (1, 1, True),
            )
            assert state.unaudited == state.sales == 100_000 * state.total_counter
    assert seen == {0, 1}


def test_wire_16_3_7_limit_and_audit(make: Make) -> None:
    """75 % is visible; the crossing invoice is signed, the next refused, an audit releases."""
    card = make(limit=Money.of(100))
    session = ready(card)
    session.sign_invoice(sale(1, "75"))
    status = session.amount_status()
    assert status.sum.scaled * 100 == status.limit.scaled * 75
    session.sign_invoice(sale(2, "500"))
    assert refused(lambda: session.sign_invoice(sale(3, "0.0001"))) == StatusWord.LIMIT_REACHED
    session.end_audit(country().proof(country().audit_request(session.start_audit())))
    assert session.amount_status().sum == Money(0)
    assert session.sign_invoice(sale(3, "0.0001")).total_counter == 3


@pytest.mark.parametrize("count", [0, 1, 12, 13])
def test_wire_16_3_8_categories(make: Make, count: int) -> None:
    card = make(max_category_order_id=16)
    ready(card)
    one = sale(1).encode()
    data = one[:57] + bytes((count,)) + b"".join(bytes((order_id,)) + bytes(7) for order_id in range(1, count + 1))
    assert word(card, 0x13, data) == (StatusWord.OK if count <= 12 else StatusWord.TOO_MANY_CATEGORIES)
    for order_id in (0, 17, 255):
        too_large = one[:57] + b"\1" + bytes((order_id,)) + bytes(7)
        assert word(card, 0x13, too_large) == StatusWord.WRONG_DATA
    assert card._core.state.total_counter == (count <= 12)


@pytest.mark.parametrize("version", [(3, 2, 5), (3, 2, 7), (3, 2, 8), (3, 3, 0)])
def test_wire_16_3_9_time_outside_validity(make: Make, version: tuple[int, int, int]) -> None:
    card = make(version=version)
    end = unix_ms(read_card_certificate(ready(card).certificate()).not_after)
    data = end.to_bytes(8, "big") + sale(1).encode()[8:]
    assert word(card, 0x13, data) == (StatusWord.TIME_OUTSIDE_VALIDITY if version >= (3, 2, 8) else StatusWord.OK)


def test_wire_16_3_10_proofs_of_audit(make: Make) -> None:
    """6306, 6700, 6F00, 6A80, success; an old one and another card's are 6A80."""
    card, other = make(), make(uid="ZZ99ZZ99")
    session, theirs = ready(card), ready(other)
    home: Country = country()
    session.sign_invoice(sale(1, "40"))
    request = home.audit_request(session.start_audit())
    proof = home.proof(request)
    foreign = home.proof(home.audit_request(theirs.start_audit()))
    assert word(card, 0x20, proof[:-1]) == StatusWord.WRONG_LENGTH
    assert word(card, 0x20, bytes(256)) == StatusWord.NOT_RECOGNISED
    assert word(card, 0x20, foreign) == StatusWord.WRONG_DATA
    newer = home.proof(home.audit_request(session.start_audit()))
    assert word(card, 0x20, proof) == StatusWord.WRONG_DATA, "a second start makes the first void"
    assert session.amount_status().sum == Money.of(40)
    assert word(card, 0x20, newer) == StatusWord.OK
    assert word(card, 0x20, newer) == StatusWord.NO_ACTIVE_AUDIT
    session.start_audit()
    assert word(card, 0x20, newer) == StatusWord.WRONG_DATA, "replayed"


def test_wire_16_3_11_directives(make: Make) -> None:
    """Disable, enable, limit; a stale number and another card's change nothing."""
    card = make()
    session, home = ready(card), country()
    session.forward_directive(home.directive(2, 1))
    assert refused(lambda: session.sign_invoice(sale(1))) == StatusWord.SIGNING_DISABLED
    for stale in (home.directive(2, 2), home.directive(1, 2), home.directive(9, 2, uid="ZZ99ZZ99")):
        assert word(card, 0x40, stale) == StatusWord.WRONG_DATA
    session.forward_directive(home.directive(3, 2))
    session.sign_invoice(sale(1, "40"))
    session.forward_directive(home.directive(4, 3, Money.of(40).scaled))
    assert refused(lambda: session.sign_invoice(sale(2))) == StatusWord.LIMIT_REACHED


def test_wire_16_3_12_the_end_of_the_counter(make: Make) -> None:
    """By a card that was personalised near the end: the last number is signed, nothing after it."""
    card = make(invoices_signed=2**32 - 2)
    session = ready(card)
    assert session.sign_invoice(sale(1)).total_counter == 2**32 - 1
    before = card._core.state
    assert refused(lambda: session.sign_invoice(sale(2))) == StatusWord.COUNTER_AT_END
    assert card._core.state == before
    assert session.last_signed_invoice() is not None


@pytest.mark.parametrize("environment", [(1, 9), (5, 8)])
def test_wire_16_3_13_k_12_certificates(make: Make, environment: tuple[int, int]) -> None:
    """S2-009 to S2-012: identifiers by environment, raw extension text, class 3.3; the PKI applet's is 3.4."""
    card = make(home=country(environment))
    der = ready(card).certificate()
    found = read_card_certificate(der)
    assert (found.uid, found.tin, found.environment) == (UID, TIN, environment)
    assert found.certificate_class is CertificateClass.V33
    assert (found.seller.location_name, found.given_name, found.surname) == ("Радња 7", "Мира", "Перић")
    assert found.common_name == "AB12 Радња 7"
    extension = b"\x04\x09" + TIN.encode()
    assert extension in der, "the bare text inside extnValue, without an inner tag"
    assert card.transmit(bytes.fromhex("00A404000BA000000397425446590009")) == b"\x90\0"
    answer = ResponseApdu.parse(card.transmit(bytes.fromhex("00CBA010075C0002DF020400"))).data
    client = read_card_certificate(zlib.decompress(answer[8:]))
    assert (client.certificate_class, client.uid) == (CertificateClass.V34, UID)
    assert client.public_key == rsa_key(1).public
    assert client.is_valid_at(NOW)


PROFILES: dict[tuple[int, int, int], tuple[set[int], str, bool]] = {
    (2, 0, 0): ({0x08, 0x16, 0x33}, "A000000397425446590201", False),
    (3, 1, 1): ({0x33}, "A000000397425446590009", False),
    (3, 2, 5): ({0x33}, "A000000397425446590009", True),
    (3, 2, 8): (set(), "A000000397425446590009", True),
}


@pytest.mark.parametrize("version", PROFILES)
def test_wire_16_3_14_version_profiles(make: Make, version: tuple[int, int, int]) -> None:
    """2.x tells its version by 09 alone; 3.1.1 has its PKI applet's new name, 3.2.5 the CRC, 3.2.8 INS 33."""
    unknown, aid, has_crc = PROFILES[version]
    card = make(version=version)
    session = ready(card)
    assert session.version() == version
    assert {
        ins for ins in (0x08, 0x09, 0x0A, 0x16, 0x33) if word(card, ins) == StatusWord.INSTRUCTION_UNKNOWN
    } == unknown
    old, older = (ResponseApdu.parse(card.transmit(bytes((0x88, ins, 4, 0, 0)))) for ins in (0x09, 0x0A))
    assert old == older, "0A answers as 09"
    assert len(session.sign_invoice(sale(1)).raw) == 577
    raw = ResponseApdu.parse(card.transmit(bytes.fromhex("88150102000000"))).data
    assert len(raw) == (581 if has_crc else 577)
    assert card.transmit(bytes.fromhex("00A404000B" + aid)) == b"\x90\0"
