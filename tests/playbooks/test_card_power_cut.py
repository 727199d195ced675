"""Power is cut at every write and flush of a card's life: it is found in the old or the new state, never between."""

from __future__ import annotations

from pathlib import Path

import attrs
import pytest
from cards import PIN, country, new_card, sale
from power import BrittleDisk, PowerCut

from tallystick.device.applet import VirtualCard
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.applet.memory import Memory
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element import CardUnavailable, SecureElement
from tallystick.wire.card import SignAnswer


@attrs.define
class Diary:
    """What the outside world was told before the power went."""

    answers: list[SignAnswer] = attrs.Factory(list)


def life(card: VirtualCard, diary: Diary) -> None:
    """A PIN, sales, an audit cycle, a directive; the diary is written after each signature."""
    session = SecureElement(card)
    session.select()
    session.verify_pin(PIN)
    for number in range(3):
        diary.answers.append(session.sign_invoice(sale(number, "100")))
    request = country().audit_request(session.start_audit())
    diary.answers.append(session.sign_invoice(sale(4, "7")))
    session.end_audit(country().proof(request))
    session.forward_directive(country().directive(1, 3, 10**7))
    diary.answers.append(session.sign_invoice(sale(5, "1")))


def uncut(folder: Path) -> tuple[int, list[CardState]]:
    """Operations of an undisturbed life, and the states that it passes through."""
    disk = BrittleDisk((folder / STATE_FILE).read_bytes())
    seen: list[CardState] = []
    card = VirtualCard.open(folder, disk=disk, random=bytes)
    commit = card._core.memory.commit

    def noting(content: bytes) -> None:
        commit(content)
        seen.append(CardState.decode(content))

    seen.append(card._core.state)
    card._core.memory.commit = noting  # type: ignore[method-assign]
    life(card, Diary())
    return disk.operations, seen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return new_card(tmp_path)


def core(state: CardState) -> tuple[object, ...]:
    """What two lives with the same commands have in common: everything but the random padding of ciphertexts."""
    return (
        state.total_counter,
        state.type_counters,
        state.unaudited,
        state.limit,
        state.pin_tries,
        state.audit.sequence,
        state.audit.is_open,
        state.proven_counter,
        state.directive_number,
        state.last_request_digest,
    )


def test_a_cut_at_every_operation_leaves_the_old_or_the_new(folder: Path) -> None:
    """16.3 number 6, fault points 12 to 14: and what was answered is never lost.

    A commit is one write and one flush, the first is made at power-on: so a cut at operation k follows k // 2 commits.
    """
    operations, states = uncut(folder)
    legal = [core(states[0]), *map(core, states)]
    assert operations == 2 * len(states) > 20
    image = (folder / STATE_FILE).read_bytes()
    for cut_at in range(operations):
        disk, diary = BrittleDisk(image, cut_at=cut_at), Diary()
        with pytest.raises(PowerCut):
            life(VirtualCard.open(folder, disk=disk, random=bytes), diary)
        for survivor in disk.survivors():
            found = CardState.decode(Memory(BrittleDisk(survivor)).content)
            assert core(found) in legal[cut_at // 2 : cut_at // 2 + 2], (cut_at, core(found))
            if diary.answers:
                assert found.total_counter >= diary.answers[-1].total_counter


def test_a_sale_cut_at_every_operation_is_signed_once(folder: Path) -> None:
    """Security 6.5: the E-SDC sends the same bytes again after the cut; same number, counted once."""
    image = (folder / STATE_FILE).read_bytes()
    request = sale(1, "100")
    for cut_at in range(2, 9):
        disk = BrittleDisk(image, cut_at=cut_at)
        try:
            card = VirtualCard.open(folder, disk=disk)
            session = SecureElement(card)
            session.select()
            session.verify_pin(PIN)
            told: SignAnswer | None = session.sign_invoice(request)
        except PowerCut:
            told = None
        for survivor in disk.survivors():
            again = SecureElement(VirtualCard.open(folder, disk=BrittleDisk(survivor)))
            again.select()
            again.verify_pin(PIN)
            before = again.last_signed_invoice()
            answer = again.sign_invoice(request)
            assert answer.total_counter == 1
            assert before in (None, answer)
            assert told in (None, answer)


def test_the_playbook_finds_a_card_that_answers_before_it_is_durable(folder: Path) -> None:
    """Switch-off: on a disk whose flush lies, an answered invoice is lost, and this playbook's check sees it."""
    disk, diary = BrittleDisk((folder / STATE_FILE).read_bytes(), lies=True), Diary()
    life(VirtualCard.open(folder, disk=disk), diary)
    assert min(map(counted, disk.survivors())) < diary.answers[-1].total_counter


def counted(image: bytes) -> int:
    """The total counter in an image, 0 when no card is left in it."""
    try:
        return CardState.decode(Memory(BrittleDisk(image)).content).total_counter
    except CardUnavailable:
        return 0
