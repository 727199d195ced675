"""The factory's commands inside a virtual module, as a table (wire: `module_factory`; S1-042 to S1-044, S1-058).

What can be done again is the same again: a number, a key and a data group that are there stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

import msgspec

from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.keys import PrivateKey, PublicKey
from tallystick.crypto.module_controller import COMPUTED
from tallystick.crypto.signatures import sign_invoice_text
from tallystick.device.applet.blank import BLANK_FILE, Blank
from tallystick.device.applet.core import Random, Refusal
from tallystick.device.applet.factory import CardContents, burn_in
from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import KeyUse, ModuleAlgorithm
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import same_bytes
from tallystick.kernel.identifiers import parse_uid
from tallystick.kernel.limits import LIMITS
from tallystick.kit.atomic_file import remove_durably
from tallystick.wire import module_factory as wire
from tallystick.wire.apdu import CommandApdu, StatusWord
from tallystick.wire.module_factory import DataGroup, ModuleStage, ModuleTells

_SIGNED_BYTES_MAX = 255
_RANDOM_BYTES_MAX = 256
_KEY_USES = {reference: use for use, reference in wire.KEY_REFERENCES.items()}
_ALGORITHMS = {number: algorithm for algorithm, number in wire.ALGORITHM_NUMBERS.items()}
_NEVER_SUPPORTED = 0x6A81


class FactoryFloor:
    """The inside of a module that is not finished. Keys and number are durable at once, the rest at the end."""

    def __init__(self, folder: Path, blank: Blank, random: Random, make_key: Callable[[], PrivateKey]) -> None:
        self._folder = folder
        self._blank = blank
        self._random = random
        self._make_key = make_key
        self._keys: dict[KeyUse, PrivateKey] = {}
        self._groups: dict[DataGroup, bytes] = {}
        self._incoming = b""
        self._expected_block = 0
        self._pin = b""
        self._pin_shown = False
        self.has_ended = False

    def run(self, command: CommandApdu) -> bytes:
        """Carry a command out: the answer's data, or `Refusal`; may raise `OSError`."""
        if command.ins == wire.CHALLENGE and command.cla == 0x00:
            return self._challenge(command)
        if command.cla != wire.CLA:
            raise Refusal(StatusWord.CLASS_UNKNOWN)
        run = _COMMANDS.get(command.ins)
        if run is None or self.has_ended:
            raise Refusal(StatusWord.INSTRUCTION_UNKNOWN)
        if command.ins not in (wire.INSTALL, wire.TELL, wire.COMPUTE) and not self._blank.is_installed:
            raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
        return run(self, command)

    def _keep(self, **changes: object) -> None:
        blank = msgspec.structs.replace(self._blank, **changes)
        blank.store(self._folder)
        self._blank = blank

    def _challenge(self, command: CommandApdu) -> bytes:
        return self._random(min(command.le or _RANDOM_BYTES_MAX, _RANDOM_BYTES_MAX))

    def _tell(self, command: CommandApdu) -> bytes:
        if command.p2 != wire.TELL_P2:
            raise Refusal(StatusWord.WRONG_P1_P2)
        stage = ModuleStage.INSTALLED if self._blank.is_installed else ModuleStage.FRESH
        return ModuleTells(hardware=self._blank.hardware, stage=stage, number=self._blank.number).encode()

    def _install(self, command: CommandApdu) -> bytes:
        if command.p1 != wire.INSTALL_P1:
            raise Refusal(StatusWord.WRONG_P1_P2)
        if not self._blank.is_installed:
            self._keep(is_installed=True)
        return b""

    def _compute(self, command: CommandApdu) -> bytes:
        """6A81 for an algorithm that the controller does not lay open."""
        algorithm = _ALGORITHMS.get(command.p1)
        if algorithm is None or algorithm not in self._blank.algorithms or algorithm not in COMPUTED:
            raise Refusal(_NEVER_SUPPORTED)
        return _computed(algorithm, command.data)

    def _generate(self, command: CommandApdu) -> bytes:
        use = _key_use(command.p2)
        key = self._key(use)
        if command.p1 == wire.MAKE_KEY:
            if key is not None:
                raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
            key = self._make_key()
            self._keep(**{_FIELDS[use]: key.pkcs8})
            self._keys[use] = key
        elif command.p1 != wire.READ_KEY:
            raise Refusal(StatusWord.WRONG_P1_P2)
        elif key is None:
            raise Refusal(StatusWord.REFERENCED_DATA_NOT_FOUND)
        modulus, exponent = key.public.modulus, int.from_bytes(key.public.card_export[-3:], "big")
        return wire.write_public_key(modulus, exponent)

    def _key(self, use: KeyUse) -> PrivateKey | None:
        stored: bytes = getattr(self._blank, _FIELDS[use])
        if stored and use not in self._keys:
            self._keys[use] = PrivateKey.from_pkcs8(stored, is_ours=True)
        return self._keys.get(use)

    def _sign(self, command: CommandApdu) -> bytes:
        if command.p1 != wire.SIGN_P1:
            raise Refusal(StatusWord.WRONG_P1_P2)
        key = self._key(_key_use(command.p2))
        if key is None:
            raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
        if not 1 <= len(command.data) <= _SIGNED_BYTES_MAX:
            raise Refusal(StatusWord.WRONG_LENGTH)
        return sign_invoice_text(key, command.data)

    def _store(self, command: CommandApdu) -> bytes:
        """Blocks in order; the first byte of the first one names the group. A wrong order begins anew."""
        if command.p2 == 0:
            self._incoming, self._expected_block = b"", 0
        if command.p2 != self._expected_block:
            self._incoming, self._expected_block = b"", 0
            raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
        self._incoming += command.data
        self._expected_block += 1
        if len(self._incoming) > wire.CONTENT_BYTES_MAX:
            self._incoming, self._expected_block = b"", 0
            raise Refusal(StatusWord.WRONG_LENGTH)
        if command.p1 == wire.LAST_BLOCK:
            content, self._incoming, self._expected_block = self._incoming, b"", 0
            self._take(content)
        return b""

    def _take(self, content: bytes) -> None:
        try:
            group, value = DataGroup(content[0]), content[1:]
        except (IndexError, ValueError):
            raise Refusal(StatusWord.REFERENCED_DATA_NOT_FOUND) from None
        if group is not DataGroup.NUMBER:
            self._groups[group] = value
            return
        try:
            number = str(parse_uid(value.decode("ascii")))
        except (Fault, UnicodeDecodeError):
            raise Refusal(StatusWord.WRONG_DATA) from None
        if self._blank.number not in ("", number):
            raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
        if not self._blank.number:
            self._keep(number=number)

    def _change_pin(self, command: CommandApdu) -> bytes:
        if len(command.data) != LIMITS.pin_digits or max(command.data) > 9:
            raise Refusal(StatusWord.PIN_SIZE_WRONG)
        self._pin, self._pin_shown = command.data, False
        return b""

    def _verify_pin(self, command: CommandApdu) -> bytes:
        if not self._pin or not same_bytes(command.data, self._pin):
            raise Refusal(StatusWord.PIN_WRONG)
        self._pin_shown = True
        return b""

    def _end(self, command: CommandApdu) -> bytes:
        """Become a card: everything must be there, and the certificates of these keys and this number."""
        if (command.p1, command.p2) != (wire.STATUS_P1, ModuleStage.SECURED):
            raise Refusal(StatusWord.WRONG_P1_P2)
        if set(self._groups) != set(DataGroup) - {DataGroup.NUMBER} or not (self._blank.number and self._pin_shown):
            raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
        try:
            contents = self._contents()
            contents.check()
        except (Fault, ValueError):
            raise Refusal(StatusWord.WRONG_DATA) from None
        burn_in(self._folder, contents)
        remove_durably(self._folder / BLANK_FILE)  # the keys lie in the card now
        self.has_ended = True
        return b""

    def _contents(self) -> CardContents:
        signing, client = self._key(KeyUse.SIGNING), self._key(KeyUse.CLIENT)
        if signing is None or client is None:
            raise ValueError("no key was made")
        pairs = (
            (DataGroup.SIGNING_CERTIFICATE, signing),
            (DataGroup.CLIENT_CERTIFICATE, client),
        )
        for group, key in pairs:
            found = read_card_certificate(self._groups[group])
            if found.uid != self._blank.number or found.public_key != key.public:
                raise ValueError("the certificate is not of this module")
        limit, categories = wire.read_bounds(self._groups[DataGroup.BOUNDS])
        return CardContents(
            uid=self._blank.number,
            pin="".join(map(str, self._pin)),
            limit=Money(limit),
            categories=categories,
            signing_key=signing,
            client_key=client,
            certificate=self._groups[DataGroup.SIGNING_CERTIFICATE],
            client_certificate=self._groups[DataGroup.CLIENT_CERTIFICATE],
            tax_core_public_key=PublicKey.from_card_export(self._groups[DataGroup.ENCRYPTION_KEY]),
            poa_public_key=PublicKey.from_card_export(self._groups[DataGroup.PROOF_KEY]),
        )


_FIELDS = {KeyUse.SIGNING: "signing_key", KeyUse.CLIENT: "client_key"}


def _key_use(reference: int) -> KeyUse:
    use = _KEY_USES.get(reference)
    if use is None:
        raise Refusal(StatusWord.REFERENCED_DATA_NOT_FOUND)
    return use


def _computed(algorithm: ModuleAlgorithm, data: bytes) -> bytes:
    try:
        return COMPUTED[algorithm](*wire.read_question(data))
    except (Fault, ValueError):
        raise Refusal(StatusWord.WRONG_DATA) from None


_COMMANDS: Mapping[int, Callable[[FactoryFloor, CommandApdu], bytes]] = MappingProxyType(
    {
        wire.INSTALL: FactoryFloor._install,
        wire.GENERATE: FactoryFloor._generate,
        wire.STORE_DATA: FactoryFloor._store,
        wire.CHANGE_PIN: FactoryFloor._change_pin,
        wire.VERIFY_PIN: FactoryFloor._verify_pin,
        wire.SIGN: FactoryFloor._sign,
        wire.COMPUTE: FactoryFloor._compute,
        wire.TELL: FactoryFloor._tell,
        wire.SET_STATUS: FactoryFloor._end,
    }
)
