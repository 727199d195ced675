"""A slot whose card is a link: put in, pulled, changed, dead (S2-006, S2-026, S2-132)."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from esdc_bench import UID, TestClock, make_card

from tallystick.device.applet.card import VirtualCard
from tallystick.device.applet.identity import KEYS_FILE
from tallystick.device.applet.inspection import read_state
from tallystick.device.esdc.device import Device
from tallystick.device.esdc.settings import EsdcSettings
from tallystick.device.secure_element import CardUnavailable
from tallystick.kernel.status_codes import StatusCode
from tallystick.ops.virtual_slot import LinkSlot

SECOND = "OTHER001"


@pytest.fixture
def cards(tmp_path: Path) -> dict[str, Path]:
    """Two personalised cards in a drawer."""
    folders = {uid: tmp_path / "cards" / uid for uid in (UID, SECOND)}
    for uid, folder in folders.items():
        make_card(folder, uid=uid).power_off()
    return folders


@pytest.fixture
def link(tmp_path: Path) -> Path:
    return tmp_path / "slot"


@pytest.fixture
def device(tmp_path: Path, link: Path) -> Iterator[Device]:
    """A device with an empty slot."""
    slot = LinkSlot(link)
    made = Device(slot, tmp_path / "stores", EsdcSettings(), TestClock())
    made.refresh()
    yield made
    made.close()
    slot.close()


def await_(holds: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not holds():
        assert time.monotonic() < until
        time.sleep(0.02)


def uid_in(device: Device) -> str | None:
    session = device.refresh()
    return session.facts.uid if session else None


def put(link: Path, card: Path) -> None:
    link.unlink(missing_ok=True)
    link.symlink_to(card, target_is_directory=True)


def test_a_card_is_put_in_changed_and_pulled(device: Device, cards: dict[str, Path], link: Path) -> None:
    assert (uid_in(device), device.trouble) == (None, StatusCode.CARD_NOT_PRESENT)
    put(link, cards[UID])
    await_(lambda: uid_in(device) == UID)
    put(link, cards[SECOND])
    await_(lambda: uid_in(device) == SECOND)
    VirtualCard.open(cards[UID]).power_off()  # the first is in no reader any more
    link.unlink()
    await_(lambda: uid_in(device) is None)
    assert device.trouble is StatusCode.CARD_NOT_PRESENT


def test_the_same_card_out_and_in_again_forgets_its_pin(device: Device, cards: dict[str, Path], link: Path) -> None:
    put(link, cards[UID])
    await_(lambda: uid_in(device) == UID)
    device.verify_pin("2017")
    put(link, cards[UID])
    await_(lambda: uid_in(device) == UID and device.session is not None and not device.session.pin_verified)


def test_a_dead_card_is_in_and_answers_nothing(device: Device, cards: dict[str, Path], link: Path) -> None:
    (cards[UID] / KEYS_FILE).write_bytes(b"burnt out")
    put(link, cards[UID])
    await_(lambda: uid_in(device) is None and device.trouble is StatusCode.SECURE_ELEMENT_UNREACHABLE)


def test_the_memory_of_a_card_is_read_beside_its_device(device: Device, cards: dict[str, Path], link: Path) -> None:
    """The check of a run asks the card's own counter while the card is in use; a dead one says nothing."""
    put(link, cards[UID])
    await_(lambda: uid_in(device) == UID)
    assert read_state(cards[UID]).total_counter == 0
    (cards[UID] / KEYS_FILE).write_bytes(b"burnt out")
    with pytest.raises(CardUnavailable):
        read_state(cards[UID])
    with pytest.raises(CardUnavailable):
        read_state(cards[UID].parent)
