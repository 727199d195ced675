"""A virtual module: fresh, installed, finished, and then a card and nothing else (S1-042…044, S1-058 to S1-060)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from cards import NOW, PIN, UID, country, rsa_key

from tallystick.crypto.keys import PrivateKey
from tallystick.crypto.module_controller import COMPUTED
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.device.applet.blank import BLANK_FILE, VIRTUAL_HARDWARE, Blank, supply
from tallystick.device.applet.module import VirtualModule
from tallystick.device.secure_element import CardUnavailable, SecureElement, StatusWordError
from tallystick.device.secure_element.factory_session import FactorySession
from tallystick.kernel.fiscal_module import KeyUse
from tallystick.wire import module_factory as wire
from tallystick.wire.apdu import CommandApdu, describe
from tallystick.wire.module_factory import DataGroup, ModuleStage, write_bounds
from tallystick.wire.module_vectors import KNOWN_ANSWERS


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    supply(tmp_path / "module")
    return tmp_path / "module"


@pytest.fixture
def module(folder: Path) -> Iterator[VirtualModule]:
    made = VirtualModule.open(folder, make_key=iter_keys())
    yield made
    made.power_off()


def iter_keys() -> Callable[[], PrivateKey]:
    numbers = iter((0, 1))
    return lambda: rsa_key(next(numbers))


@pytest.fixture
def session(module: VirtualModule) -> FactorySession:
    made = FactorySession(module)
    assert made.is_open()
    return made


def status(module: VirtualModule, instruction: int, p1: int = 0, p2: int = 0, data: bytes = b"") -> int:
    answer = module.transmit(CommandApdu(wire.CLA, instruction, p1, p2, data, 256).encode())
    return int.from_bytes(answer[-2:], "big")


def fill(session: FactorySession) -> None:
    """Everything that a card needs, but its PIN and the end."""
    home = country().pki
    session.install()
    session.store(DataGroup.NUMBER, UID.encode())
    subject = country().subject(UID)
    signing, client = session.key(KeyUse.SIGNING), session.key(KeyUse.CLIENT)
    session.store(DataGroup.SIGNING_CERTIFICATE, home.issue_secure_element(subject, signing.spki, at=NOW))
    session.store(DataGroup.CLIENT_CERTIFICATE, home.issue_pki_client(subject, client.spki, at=NOW))
    session.store(DataGroup.ENCRYPTION_KEY, home.public_key("package").card_export)
    session.store(DataGroup.PROOF_KEY, home.public_key("poa").card_export)
    session.store(DataGroup.BOUNDS, write_bounds(10_000_000, 3))


def test_s1_059_two_blanks_are_alike(tmp_path: Path) -> None:
    for name in ("a", "b"):
        supply(tmp_path / name)
    assert (tmp_path / "a" / BLANK_FILE).read_bytes() == (tmp_path / "b" / BLANK_FILE).read_bytes()
    told = [FactorySession(VirtualModule.open(tmp_path / name)) for name in ("a", "b")]
    assert all(one.is_open() for one in told)
    assert told[0].tells() == told[1].tells()
    assert (told[0].tells().stage, told[0].tells().number) == (ModuleStage.FRESH, "")
    with pytest.raises(FileExistsError):
        supply(tmp_path / "a")


def test_a_blank_is_there_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A station that dies while it takes a blank finds the slot empty, not a folder that no module lies in."""
    place = tmp_path / "box" / "000001"

    def dies(blank: Blank, folder: Path) -> None:
        assert not place.exists()
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(Blank, "store", dies)
        with pytest.raises(KeyboardInterrupt):
            supply(place)
    assert list(place.parent.iterdir()) == []
    supply(place)
    assert [path.name for path in place.parent.iterdir()] == ["000001"]
    assert place.stat().st_mode & 0o777 == 0o700
    VirtualModule.open(place).power_off()


def test_s1_060_nothing_is_written_before_the_applet_is_installed(session: FactorySession) -> None:
    for write in (
        lambda: session.store(DataGroup.NUMBER, UID.encode()),
        lambda: session.key(KeyUse.SIGNING),
        lambda: session.set_pin(PIN),
        session.end,
    ):
        with pytest.raises(StatusWordError) as caught:
            write()
        assert caught.value.status_word == 0x6985
    session.install()
    session.install()
    assert session.tells().stage is ModuleStage.INSTALLED


def test_s1_044_keys_are_made_inside_once_and_survive_a_cut(session: FactorySession, folder: Path) -> None:
    session.install()
    first = session.key(KeyUse.SIGNING)
    session.store(DataGroup.NUMBER, UID.encode())
    again = FactorySession(VirtualModule.open(folder, make_key=lambda: rsa_key(9)))
    assert again.is_open()
    assert (again.key(KeyUse.SIGNING), again.tells().number) == (first, UID)
    assert again.key(KeyUse.CLIENT) == rsa_key(9).public


def test_a_number_and_a_key_are_for_good(module: VirtualModule, session: FactorySession) -> None:
    session.install()
    session.key(KeyUse.SIGNING)
    assert status(module, wire.GENERATE, wire.MAKE_KEY, 1) == 0x6985
    session.store(DataGroup.NUMBER, UID.encode())
    session.store(DataGroup.NUMBER, UID.encode())
    for number, word in ((b"OTHER123", 0x6985), (b"short", 0x6A80)):
        with pytest.raises(StatusWordError) as caught:
            session.store(DataGroup.NUMBER, number)
        assert caught.value.status_word == word


def test_s1_050_to_055_known_answers(session: FactorySession) -> None:
    for question in KNOWN_ANSWERS:
        answer = session.compute(question.algorithm, question.key, question.text)
        assert answer == (question.answer if question.algorithm in COMPUTED else None), question.source
    assert len(set(session.challenge(256))) > 100


def test_s1_042_a_finished_module_is_a_card_and_its_factory_is_gone(
    module: VirtualModule, session: FactorySession, folder: Path
) -> None:
    fill(session)
    text = b"chosen by the station"
    verify_invoice_signature(rsa_key(0).public, text, session.sign(KeyUse.SIGNING, text))
    session.set_pin(PIN)
    session.end()
    assert not (folder / BLANK_FILE).exists()
    assert not session.is_open()
    card = SecureElement(module)
    card.select()
    card.verify_pin(PIN)
    assert card.amount_status().limit.scaled == 10_000_000
    for instruction in (wire.GENERATE, wire.SIGN, wire.STORE_DATA, wire.CHANGE_PIN, wire.SET_STATUS):
        assert status(module, instruction, wire.READ_KEY, 1, b"x") in (0x6E00, 0x6D00)


@pytest.mark.parametrize("lacks", [*sorted(set(DataGroup) - {DataGroup.NUMBER}), "pin"])
def test_a_module_that_lacks_something_is_not_finished(folder: Path, lacks: object) -> None:
    module = VirtualModule.open(folder, make_key=iter_keys())
    session = FactorySession(module)
    assert session.is_open()
    store = session.store
    session.store = lambda group, value: None if group is lacks else store(group, value)  # type: ignore[method-assign]
    fill(session)
    if lacks != "pin":
        session.set_pin(PIN)
    with pytest.raises(StatusWordError) as caught:
        session.end()
    assert caught.value.status_word == 0x6985
    assert Blank.load(folder).number == UID


def test_a_certificate_of_another_key_ends_nothing(session: FactorySession) -> None:
    fill(session)
    other = country().pki.issue_secure_element(country().subject(UID), rsa_key(5).public.spki, at=NOW)
    session.store(DataGroup.SIGNING_CERTIFICATE, other)
    session.set_pin(PIN)
    with pytest.raises(StatusWordError) as caught:
        session.end()
    assert caught.value.status_word == 0x6A80


def test_no_bytes_break_a_module(module: VirtualModule, session: FactorySession) -> None:
    session.install()
    for instruction in range(256):
        for data in (b"", b"\x00", bytes(240)):
            for p1, p2 in ((0, 0), (0x80, 1), (0x9E, 2), (1, 0)):
                assert 0x6000 <= status(module, instruction, p1, p2, data) <= 0x9FFF
    assert module.transmit(b"\x80")[-2:] == b"\x67\x00"


def test_blocks_out_of_order_and_endless_ones_are_refused(module: VirtualModule, session: FactorySession) -> None:
    session.install()
    assert status(module, wire.STORE_DATA, 0, 1, b"x") == 0x6985
    words = [status(module, wire.STORE_DATA, 0, number, bytes(240)) for number in range(19)]
    assert (words.index(0x6700), words[:17]) == (17, [0x9000] * 17)


def test_the_pin_of_the_factory_is_in_no_log() -> None:
    shown = describe(CommandApdu(wire.CLA, wire.CHANGE_PIN, 1, 0, bytes((7, 3, 9, 1))).encode())
    assert shown == "80 24 01 00 [5 bytes not shown]"


def test_a_damaged_or_open_blank_is_no_module(folder: Path) -> None:
    file = folder / BLANK_FILE
    file.chmod(0o644)
    with pytest.raises(CardUnavailable, match="0600"):
        VirtualModule.open(folder)
    file.chmod(0o600)
    file.write_bytes(file.read_bytes()[:-1] + b"x")
    with pytest.raises(CardUnavailable, match="damaged"):
        VirtualModule.open(folder)
    assert VIRTUAL_HARDWARE.controller.endswith("SLE77CLFX2400PM")
