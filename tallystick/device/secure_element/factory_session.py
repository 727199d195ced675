"""A session with a module that is being made: one method a command of the factory (wire: `module_factory`)."""

from __future__ import annotations

from tallystick.crypto.keys import PublicKey, public_from_modulus
from tallystick.device.secure_element.exchange import exchange
from tallystick.device.secure_element.port import CardAnswerUnreadable, CardPort
from tallystick.device.secure_element.status import StatusWordError
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import KeyUse, ModuleAlgorithm
from tallystick.wire import module_factory as wire
from tallystick.wire.apdu import SHORT_ANSWER_BYTES, CommandApdu, StatusWord
from tallystick.wire.module_factory import DataGroup, ModuleTells

NOT_LAID_OPEN = frozenset({0x6A81, StatusWord.INSTRUCTION_UNKNOWN})
"""What a module answers that claims an algorithm and cannot be asked for it."""
_NOT_THERE = frozenset({StatusWord.NOT_FOUND, StatusWord.CLASS_UNKNOWN, StatusWord.INSTRUCTION_UNKNOWN})


class FactorySession:
    """Talks to the factory inside a module. Every method may raise `CardUnavailable` and `StatusWordError`."""

    def __init__(self, port: CardPort) -> None:
        self._port = port

    def is_open(self) -> bool:
        """Select the factory; false when it has ended and the module is a card."""
        try:
            self._call(CommandApdu(0x00, 0xA4, 0x04, 0x00, wire.FACTORY_AID, SHORT_ANSWER_BYTES))
        except StatusWordError as error:
            if error.status_word in _NOT_THERE:
                return False
            raise
        return True

    def tells(self) -> ModuleTells:
        """What the module is, how far it is, and its number."""
        data = self._own(wire.TELL, p2=wire.TELL_P2)
        try:
            return ModuleTells.decode(data)
        except Fault as error:
            raise CardAnswerUnreadable(f"the module's answer cannot be read: {error}") from error

    def install(self) -> None:
        """Install the applet and make it selectable; again, nothing changes."""
        self._own(wire.INSTALL, wire.INSTALL_P1, data=wire.FACTORY_AID, le=None)

    def key(self, use: KeyUse) -> PublicKey:
        """The public half of a key pair of RSA-2048, which the module makes unless it has it already.

        Raises ``TS-1310`` for what is no such key.
        """
        reference = wire.KEY_REFERENCES[use]
        try:
            data = self._own(wire.GENERATE, wire.READ_KEY, reference, le=SHORT_ANSWER_BYTES)
        except StatusWordError as error:
            if error.status_word != StatusWord.REFERENCED_DATA_NOT_FOUND:
                raise
            data = self._own(wire.GENERATE, wire.MAKE_KEY, reference, le=SHORT_ANSWER_BYTES)
        try:
            modulus, exponent = wire.read_public_key(data)
        except Fault as error:
            raise CardAnswerUnreadable(f"the module's key cannot be read: {error}") from error
        return public_from_modulus(modulus, exponent)

    def store(self, group: DataGroup, value: bytes) -> None:
        """Write a data group."""
        for p1, p2, data in wire.blocks_of(group, value):
            self._own(wire.STORE_DATA, p1, p2, data, le=None)

    def sign(self, use: KeyUse, text: bytes) -> bytes:
        """A test signature over 1 to 255 bytes."""
        return self._own(wire.SIGN, wire.SIGN_P1, wire.KEY_REFERENCES[use], text)

    def compute(self, algorithm: ModuleAlgorithm, key: bytes, text: bytes) -> bytes | None:
        """The module's answer to a question of the self-test; none when it does not lay the algorithm open."""
        try:
            return self._own(wire.COMPUTE, wire.ALGORITHM_NUMBERS[algorithm], data=wire.write_question(key, text))
        except StatusWordError as error:
            if error.status_word in NOT_LAID_OPEN:
                return None
            raise

    def challenge(self, length: int) -> bytes:
        """Random bytes of the module, 1 to 256."""
        return self._call(CommandApdu(0x00, wire.CHALLENGE, le=length))

    def set_pin(self, pin: str) -> None:
        """Write the PIN and present it: four digits."""
        digits = bytes(map(int, pin))
        self._own(wire.CHANGE_PIN, wire.PIN_P1, data=digits, le=None)
        self._own(wire.VERIFY_PIN, data=digits, le=None)

    def end(self) -> None:
        """End the factory for good: from here on the module is a card."""
        self._own(wire.SET_STATUS, wire.STATUS_P1, wire.ModuleStage.SECURED, le=None)

    def _own(
        self, instruction: int, p1: int = 0, p2: int = 0, data: bytes = b"", le: int | None = SHORT_ANSWER_BYTES
    ) -> bytes:
        return self._call(CommandApdu(wire.CLA, instruction, p1, p2, data, le))

    def _call(self, command: CommandApdu) -> bytes:
        answer = exchange(self._port, command)
        if answer.status_word != StatusWord.OK:
            raise StatusWordError(command.ins, answer.status_word)
        return answer.data
