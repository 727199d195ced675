"""The card behind its contacts: any bytes get an answer, refusals change nothing, and T=0 loses nothing (wire 16.3)."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import attrs
import pytest
from cards import PIN, new_card, ready, sale
from hypothesis import given, settings
from hypothesis import strategies as st
from power import BrittleDisk

from tallystick.device.applet import VirtualCard
from tallystick.device.applet.contacts import T0Contacts, Transmission, contacts
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.applet.instructions import INSTRUCTIONS
from tallystick.device.secure_element import SecureElement
from tallystick.device.secure_element.exchange import exchange
from tallystick.device.secure_element.t0 import T0Port
from tallystick.wire.apdu import CommandApdu

SELECT = bytes.fromhex("00A4040010A000000748464A492D546178436F7265")
INTERMEDIATE = (0x61, 0x6C)
A_TRY_IS_COUNTED = {0x6302, 0x6310}


@cache
def folder() -> Path:
    return new_card(Path(tempfile.mkdtemp(prefix="tallystick-card-")) / "card")


def fresh() -> VirtualCard:
    return VirtualCard.open(folder(), disk=BrittleDisk((folder() / STATE_FILE).read_bytes()))


whole_commands = st.builds(
    CommandApdu,
    st.sampled_from([0x88, 0x88, 0x00]),
    st.sampled_from([*INSTRUCTIONS, 0xA4, 0xC0, 0xC2]),
    st.sampled_from([0x04, 0x00, 0x01]),
    st.sampled_from([0x00, 0x02]),
    st.binary(max_size=20) | st.sampled_from([SELECT[5:], PIN.encode(), sale(1).encode(), bytes(256), bytes(512)]),
    st.sampled_from([None, 1, 12, 256]),
)
commands = st.binary(max_size=30) | st.builds(
    lambda command, extended: command.encode(extended=extended), whole_commands, st.booleans()
)


@pytest.mark.parametrize("transmission", [*Transmission])
@given(st.lists(commands, max_size=20), st.booleans())
@settings(max_examples=80)
def test_any_bytes_get_a_status_word_and_a_refusal_changes_nothing(
    transmission: Transmission, sent: list[bytes], unlocked: bool
) -> None:
    card = fresh()
    link = contacts(card, transmission)
    link.transmit(SELECT)
    if unlocked:
        ready(card)
    for command in sent:
        before = card._core.state
        answer = link.transmit(command)
        assert 2 <= len(answer) <= (258 if transmission is Transmission.T0 else 65538)
        word = int.from_bytes(answer[-2:], "big")
        if word != 0x9000 and word >> 8 not in INTERMEDIATE and word not in A_TRY_IS_COUNTED:
            assert card._core.state == before
            assert len(answer) == 2


known = st.builds(
    attrs.evolve, whole_commands.filter(lambda one: one.ins not in (0xC0, 0xC2, 0xA4, 0x21, 0x12)), cla=st.just(0x88)
)


@given(st.lists(known, max_size=12))
@settings(max_examples=60)
def test_s1_049_t_0_gives_what_t_1_gives(sent: list[CommandApdu]) -> None:
    """Two cards alike: the same commands over T=0 and whole get the same answers and lead to the same state."""
    whole, parts = fresh(), fresh()
    over_t0 = T0Port(T0Contacts(parts))
    for card in (SecureElement(whole), SecureElement(over_t0)):
        card.select()
        card.verify_pin(PIN)
    for command in sent:
        expected, got = exchange(whole, command), exchange(over_t0, command)
        assert got.status_word == expected.status_word
        assert len(got.data) == len(expected.data)
        if command.ins not in (0x13, 0x15):  # encrypted anew by each card
            assert got == expected
    before, after = whole._core.state, parts._core.state
    assert (before.total_counter, before.pin_tries, before.unaudited) == (
        after.total_counter,
        after.pin_tries,
        after.unaudited,
    )
