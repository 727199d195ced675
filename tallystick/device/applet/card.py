"""A virtual card: selects applets, dispatches commands, answers with a status word whatever comes."""

from __future__ import annotations

import secrets
from enum import Enum, auto
from pathlib import Path
from threading import Lock

from tallystick.device.applet.core import Core, Random, Refusal
from tallystick.device.applet.disk import Disk, FileDisk
from tallystick.device.applet.identity import STATE_FILE, CardIdentity, Chip
from tallystick.device.applet.instructions import run_instruction
from tallystick.device.applet.memory import Memory, MemoryFailure
from tallystick.device.applet.pki_applet import pki_aid, run_pki_instruction
from tallystick.device.secure_element.port import CardUnavailable
from tallystick.device.secure_element.session import TAXCORE_AID
from tallystick.kernel.faults import Fault
from tallystick.wire.apdu import CommandApdu, ResponseApdu, StatusWord

_SELECT = 0xA4
_SELECT_BY_NAME = (0x04, 0x00)


class _Applet(Enum):
    NONE = auto()
    TAXCORE = auto()
    PKI = auto()


class VirtualCard:
    """A card in a reader. One command at a time; the file stays locked until `power_off`.

    A card has no clock: the time that it judges comes in the command.
    """

    def __init__(self, folder: Path, disk: Disk, random: Random) -> None:
        """Power on; `open` is the usual way."""
        chip = _chip(folder)
        self._folder = folder
        self._core = Core(chip, Memory(disk), random)
        self._names = {TAXCORE_AID: _Applet.TAXCORE, pki_aid(chip.version): _Applet.PKI}
        self._selected = _Applet.NONE
        self._one_at_a_time = Lock()
        self._powered = True

    @classmethod
    def open(cls, path: Path, *, disk: Disk | None = None, random: Random = secrets.token_bytes) -> VirtualCard:
        """Power a card folder on.

        Raises `CardUnavailable` when it is not personalised, damaged or readable by others, `CardInUse` when another
        program holds it.
        """
        chosen = FileDisk(path / STATE_FILE) if disk is None else disk
        try:
            return cls(path, chosen, random)
        except BaseException:
            chosen.close()
            raise

    def transmit(self, apdu: bytes) -> bytes:
        """Carry one command out, whatever its bytes; never truncates an answer. Raises `CardUnavailable` without power.

        After a failure of the memory the answer is 6581 and the card is mute until it is opened anew.
        """
        with self._one_at_a_time:
            if not self._powered:
                raise CardUnavailable("the card has no power")
            try:
                return ResponseApdu(self._run(apdu), StatusWord.OK).encode()
            except Refusal as refusal:
                return ResponseApdu(b"", refusal.status_word).encode()
            except MemoryFailure:
                self._cut_power()
                return ResponseApdu(b"", StatusWord.MEMORY_FAILURE).encode()
            except BaseException:
                self._cut_power()
                raise

    def reset(self) -> None:
        """What a reader's reset does: nothing is selected, no PIN is verified."""
        with self._one_at_a_time:
            self._forget_session(_Applet.NONE)

    def power_off(self) -> None:
        """Take the card out; the file is free for another."""
        with self._one_at_a_time:
            if self._powered:
                self._cut_power()

    def _cut_power(self) -> None:
        self._powered = False
        self._forget_session(_Applet.NONE)
        self._core.memory.close()

    def _forget_session(self, selected: _Applet) -> None:
        self._selected = selected
        self._core.pin_verified = False

    def _run(self, apdu: bytes) -> bytes:
        try:
            command = CommandApdu.parse(apdu)
        except Fault:
            raise Refusal(StatusWord.WRONG_LENGTH) from None
        if command.cla == 0x00 and command.ins == _SELECT:
            return self._select(command)
        if self._selected is _Applet.TAXCORE:
            return run_instruction(self._core, command)
        if self._selected is _Applet.PKI:
            return run_pki_instruction(self._core, self._folder, command)
        raise Refusal(StatusWord.CLASS_UNKNOWN)

    def _select(self, command: CommandApdu) -> bytes:
        if (command.p1, command.p2) != _SELECT_BY_NAME:
            raise Refusal(StatusWord.WRONG_P1_P2)
        found = self._names.get(command.data)
        if found is None:
            raise Refusal(StatusWord.NOT_FOUND)
        self._forget_session(found)
        return b""


def _chip(folder: Path) -> Chip:
    identity = CardIdentity.load(folder)
    try:
        return Chip(identity)
    except (Fault, ValueError) as error:
        raise CardUnavailable(f"{folder}: keys or certificate of the card are damaged") from error
