"""Audit on the virtual card: start, proof, replay, directives (wire: 15.3 to 15.5, S2-095, S2-115)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cards import NOW_MS, Country, country, new_card, ready, rsa_key, sale

from tallystick.crypto.envelope import sign_with_recovery
from tallystick.device.applet import Quirks, VirtualCard
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card import ArpContent, PoaMessage


@pytest.fixture
def card(tmp_path: Path) -> Iterator[VirtualCard]:
    made = VirtualCard.open(new_card(tmp_path))
    yield made
    made.power_off()


def refused(action: Callable[[], object]) -> int:
    with pytest.raises(StatusWordError) as caught:
        action()
    return caught.value.status_word


def start(session: SecureElement) -> ArpContent:
    return country().audit_request(session.start_audit())


def test_the_audit_request_says_what_the_card_knows(card: VirtualCard) -> None:
    """Wire 15.3: 260 bytes, sequence in clear in front, the rest for the authority only."""
    session = ready(card)
    answer = session.sign_invoice(sale(1, "40"))
    arp = session.start_audit()
    assert len(arp) == 260
    assert arp[:4] == b"\0\0\0\1"
    request = country().audit_request(arp)
    assert request.uid == "AB12CD34"
    assert (request.audit_sequence, request.total_counter, request.proven_counter) == (1, 1, 0)
    assert (request.unaudited, request.limit) == (Money.of(40), Money.of(1_000))
    assert request.last_signed_ms == answer.time_ms
    assert request.last_signature_digest == sha256(answer.signature)
    assert start(session).nonce != request.nonce


def test_a_card_that_never_signed_may_start_an_audit(card: VirtualCard) -> None:
    request = start(ready(card))
    assert (request.total_counter, request.last_signed_ms, request.last_signature_digest) == (0, 0, bytes(32))


def test_s2_095_a_proof_sets_the_unaudited_sum_to_zero(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    session.end_audit(country().proof(request))
    assert session.amount_status().sum == Money(0)
    assert start(session).proven_counter == 1


def test_s2_118_c_33_invoices_signed_after_the_start_stay_unaudited(card: VirtualCard) -> None:
    """The released sum is taken off; what was signed since stays."""
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    session.sign_invoice(sale(2, "2.5"))
    session.end_audit(country().proof(request))
    assert session.amount_status().sum == Money.of("2.5")


def test_the_literal_reading_is_a_switch(tmp_path: Path) -> None:
    card = VirtualCard.open(new_card(tmp_path, quirks=Quirks(poa_resets_to_zero=True)))
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    session.sign_invoice(sale(2, "2.5"))
    session.end_audit(country().proof(request))
    assert session.amount_status().sum == Money(0)
    card.power_off()


def test_a_proof_never_releases_what_was_signed_after_the_start(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    session.sign_invoice(sale(2, "5"))
    session.end_audit(country().proof(request, released=Money.of(45)))
    assert session.amount_status().sum == Money.of(5)


def test_a_proof_may_bring_a_new_limit(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1, "1500"))
    assert refused(lambda: session.sign_invoice(sale(2))) == StatusWord.LIMIT_REACHED
    request = start(session)
    session.end_audit(country().proof(request, released=Money(0), new_limit=Money.of(2_000)))
    assert session.amount_status().limit == Money.of(2_000)
    session.sign_invoice(sale(2))


def test_s2_115_the_newest_start_makes_the_older_proof_void(card: VirtualCard) -> None:
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    first, second = start(session), start(session)
    assert (first.audit_sequence, second.audit_sequence) == (1, 2)
    assert refused(lambda: session.end_audit(country().proof(first))) == StatusWord.WRONG_DATA
    session.end_audit(country().proof(second))
    assert session.amount_status().sum == Money(0)


def test_a_proof_works_once(card: VirtualCard) -> None:
    """S0-037, wire 16.3: replay after it was taken 6306; replay of an old one while a newer audit is open 6A80."""
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    proof = country().proof(start(session))
    session.end_audit(proof)
    session.sign_invoice(sale(2, "7"))
    assert refused(lambda: session.end_audit(proof)) == StatusWord.NO_ACTIVE_AUDIT
    start(session)
    assert refused(lambda: session.end_audit(proof)) == StatusWord.WRONG_DATA
    assert session.amount_status().sum == Money.of(7)


def test_a_proof_without_a_start_is_6306(card: VirtualCard) -> None:
    proof = PoaMessage(uid="AB12CD34", audit_sequence=0, nonce=bytes(32), released=Money(0), issued_ms=NOW_MS)
    session = ready(card)
    block = sign_with_recovery(proof.encode(), country().poa_key)
    assert refused(lambda: session.end_audit(block)) == StatusWord.NO_ACTIVE_AUDIT


def wrong_proofs(home: Country, request: ArpContent) -> dict[str, tuple[bytes, StatusWord]]:
    good = home.proof(request)
    message = PoaMessage(
        uid=request.uid,
        audit_sequence=request.audit_sequence,
        nonce=request.nonce,
        released=request.unaudited,
        issued_ms=NOW_MS,
    ).encode()
    return {
        "another card": (home.proof(request, uid="ZZ99ZZ99"), StatusWord.WRONG_DATA),
        "another sequence": (home.proof(request, audit_sequence=9), StatusWord.WRONG_DATA),
        "another nonce": (home.proof(request, nonce=b"n" * 32), StatusWord.WRONG_DATA),
        "another key": (sign_with_recovery(message, rsa_key(0)), StatusWord.NOT_RECOGNISED),
        "the decryption key": (sign_with_recovery(message, home.package_key), StatusWord.NOT_RECOGNISED),
        "noise": (b"\1" * 256, StatusWord.NOT_RECOGNISED),
        "one bit": (good[:-1] + bytes((good[-1] ^ 1,)), StatusWord.NOT_RECOGNISED),
        "another message": (sign_with_recovery(b"hello", home.poa_key), StatusWord.NOT_RECOGNISED),
        "digest cut": (sign_with_recovery(message[:-1], home.poa_key), StatusWord.NOT_RECOGNISED),
        "a directive": (home.directive(1, 1)[:256], StatusWord.NOT_RECOGNISED),
        "short": (good[:-1], StatusWord.WRONG_LENGTH),
        "long": (good + b"\0", StatusWord.WRONG_LENGTH),
        "512 bytes": (good + good, StatusWord.WRONG_LENGTH),
    }


WRONG = [
    *("another card", "another sequence", "another nonce", "another key", "the decryption key", "noise", "one bit"),
    *("another message", "digest cut", "a directive", "short", "long", "512 bytes"),
]


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_proof_is_refused_and_releases_nothing(card: VirtualCard, name: str) -> None:
    """Wire 15.4: 6700 length, 6F00 not a proof at all, 6A80 not for this card or the latest start."""
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    proofs = wrong_proofs(country(), request)
    assert set(WRONG) == set(proofs)
    proof, status_word = proofs[name]
    before = card._core.state
    assert refused(lambda: session.end_audit(proof)) == status_word
    assert card._core.state == before
    session.end_audit(country().proof(request))


def test_an_audit_survives_the_power(tmp_path: Path) -> None:
    folder = new_card(tmp_path)
    card = VirtualCard.open(folder)
    session = ready(card)
    session.sign_invoice(sale(1, "40"))
    request = start(session)
    card.power_off()
    card = VirtualCard.open(folder)
    session = ready(card)
    session.end_audit(country().proof(request))
    assert session.amount_status().sum == Money(0)
    card.power_off()


def test_audits_need_the_pin(card: VirtualCard) -> None:
    """Wire 7.2: 12, 20 and 21 after the PIN; a directive needs none."""
    session = SecureElement(card)
    session.select()
    for action in (session.start_audit, session.export_audit_data, lambda: session.end_audit(bytes(256))):
        assert refused(action) == StatusWord.PIN_REQUIRED
    session.forward_directive(country().directive(1, 2))


def test_directives_are_obeyed_in_rising_order(card: VirtualCard) -> None:
    """Wire 15.5: disable, enable, limit, category; a stale number is 6A80."""
    session, home = ready(card), country()
    session.forward_directive(home.directive(5, 1))
    assert refused(lambda: session.sign_invoice(sale(1))) == StatusWord.SIGNING_DISABLED
    assert refused(lambda: session.forward_directive(home.directive(5, 2))) == StatusWord.WRONG_DATA
    assert refused(lambda: session.forward_directive(home.directive(4, 2))) == StatusWord.WRONG_DATA
    session.forward_directive(home.directive(6, 2))
    session.sign_invoice(sale(1))
    session.forward_directive(home.directive(7, 3, Money.of(5).scaled))
    assert session.amount_status().limit == Money.of(5)
    assert refused(lambda: session.sign_invoice(sale(2))) == StatusWord.LIMIT_REACHED
    session.forward_directive(home.directive(8, 3, Money.of(500).scaled))
    session.forward_directive(home.directive(9, 4, 1))
    assert refused(lambda: session.sign_invoice(sale(3, categories=((2, "1"),)))) == StatusWord.WRONG_DATA
    assert len(session.sign_invoice(sale(3)).raw) == 577


def test_wrong_directives_change_nothing(card: VirtualCard) -> None:
    session, home = ready(card), country()
    good = home.directive(1, 1)
    before = card._core.state
    cases = [
        (good[:-1], StatusWord.WRONG_LENGTH),
        (good + b"\0", StatusWord.WRONG_LENGTH),
        (good[:256], StatusWord.WRONG_LENGTH),
        (good[:-1] + b"\1", StatusWord.NOT_RECOGNISED),
        (bytes(512), StatusWord.NOT_RECOGNISED),
        (home.directive(1, 1, uid="ZZ99ZZ99"), StatusWord.WRONG_DATA),
        (home.directive(1, 77), StatusWord.WRONG_DATA),
        (home.directive(1, 3, 2**56 - 1), StatusWord.WRONG_DATA),
        (home.directive(1, 4, 4), StatusWord.WRONG_DATA),
    ]
    for directive, status_word in cases:
        assert refused(lambda one=directive: session.forward_directive(one)) == status_word  # type: ignore[misc]
        assert card._core.state == before
    proof = home.proof(start(session)) + bytes(256)
    assert refused(lambda: session.forward_directive(proof)) == StatusWord.NOT_RECOGNISED


def test_crc_mode_of_the_audit_instructions(card: VirtualCard) -> None:
    """Wire 16.3: 264 bytes of audit request; a wrong CRC changes nothing."""
    session = ready(card, crc=True)
    session.sign_invoice(sale(1, "40"))
    raw = card.transmit(bytes.fromhex("88210102000000"))
    assert len(raw) == 264 + 2
    request = country().audit_request(raw[:-2])
    proof = country().proof(request)
    assert card.transmit(b"\x88\x20\x01\x02\x00\x01\x04" + proof + b"bad!") == b"\x6a\x80"
    assert session.amount_status().sum == Money.of(40)
    session.end_audit(proof)
    session.forward_directive(country().directive(1, 1))
    assert len(session.export_audit_data()) == 256
