"""The commands by which a factory-fresh module becomes a fiscal one, in the manner of GlobalPlatform (S1-042, S1-058).

``80 E6`` installs the applet, ``80 46`` makes a key pair inside, ``80 E2`` stores data in blocks, ``80 24`` sets the
PIN, ``80 2A`` signs as a test, ``80 2E`` computes as a test, ``00 84`` gives random bytes, ``80 CA`` tells what the
module is, ``80 F0`` ends the factory for good. Numbers of algorithms and data groups are ours; what a module tells of
itself is a row of tags of one byte with lengths of one byte.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import IntEnum, unique

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import CardProtocol, FormFactor, Hardware, KeyUse, ModuleAlgorithm

FACTORY_AID = bytes.fromhex("A000000151000000")
"""The issuer's domain of GlobalPlatform: what answers before there is an applet."""
CLA = 0x80
INSTALL, GENERATE, STORE_DATA, CHANGE_PIN, VERIFY_PIN = 0xE6, 0x46, 0xE2, 0x24, 0x20
SIGN, COMPUTE, TELL, SET_STATUS, CHALLENGE = 0x2A, 0x2E, 0xCA, 0xF0, 0x84
INSTALL_P1, SIGN_P1, STATUS_P1, TELL_P2, PIN_P1 = 0x0C, 0x9E, 0x80, 0x66, 0x01
MAKE_KEY, READ_KEY = 0x80, 0x81
LAST_BLOCK = 0x80
BLOCK_BYTES = 240
"""Short enough for T=0 without envelopes."""
CONTENT_BYTES_MAX = 4_096

_MODULUS_BYTES, _EXPONENT_BYTES = 256, 3
_TEMPLATE_HEAD = bytes.fromhex("7F4982010981820100")
_EXPONENT_HEAD = bytes.fromhex("8203")
TEMPLATE_BYTES = len(_TEMPLATE_HEAD) + _MODULUS_BYTES + len(_EXPONENT_HEAD) + _EXPONENT_BYTES

KEY_REFERENCES = {KeyUse.SIGNING: 0x01, KeyUse.CLIENT: 0x02}
ALGORITHM_NUMBERS = {algorithm: number for number, algorithm in enumerate(ModuleAlgorithm, 1)}
_ALGORITHMS = {number: algorithm for algorithm, number in ALGORITHM_NUMBERS.items()}
_PROTOCOL_BITS = {CardProtocol.T0: 0x01, CardProtocol.T1: 0x02}
_FORM_NUMBERS = {FormFactor.CARD: 0x01, FormFactor.USB_KEY: 0x02}
_FORMS = {number: form for form, number in _FORM_NUMBERS.items()}


@unique
class ModuleStage(IntEnum):
    """How far a module is, in the numbers of GlobalPlatform's life cycle of a card."""

    FRESH = 0x01
    INSTALLED = 0x07
    SECURED = 0x0F


@unique
class DataGroup(IntEnum):
    """What the factory writes, beside keys and PIN."""

    NUMBER = 0x01
    SIGNING_CERTIFICATE = 0x02
    CLIENT_CERTIFICATE = 0x03
    ENCRYPTION_KEY = 0x04
    PROOF_KEY = 0x05
    BOUNDS = 0x06


@attrs.frozen(slots=True, kw_only=True)
class ModuleTells:
    """The answer of ``80 CA``: what the module is, how far it is, and its number once it has one."""

    hardware: Hardware
    stage: ModuleStage
    number: str = ""

    def encode(self) -> bytes:
        """The row of tags."""
        told = self.hardware
        protocols = sum(_PROTOCOL_BITS[one] for one in told.protocols)
        parts = (
            (0x81, told.controller.encode("ascii")),
            (0x82, bytes((protocols,))),
            (0x83, bytes((_FORM_NUMBERS[told.form_factor],))),
            (0x84, bytes(sorted(ALGORITHM_NUMBERS[one] for one in told.algorithms))),
            (0x85, bytes((self.stage,))),
            (0x86, self.number.encode("ascii")),
        )
        return b"".join(bytes((tag, len(value))) + value for tag, value in parts)

    @classmethod
    def decode(cls, data: bytes) -> ModuleTells:
        """Read it; unknown tags are passed over, unknown algorithms too. Raises ``TS-1220``."""
        try:
            told = dict(_tags(data))
            hardware = Hardware(
                controller=told[0x81].decode("ascii"),
                form_factor=_FORMS[_one(told[0x83])],
                protocols=frozenset(one for one, bit in _PROTOCOL_BITS.items() if _one(told[0x82]) & bit),
                algorithms=frozenset(_ALGORITHMS[number] for number in told[0x84] if number in _ALGORITHMS),
            )
            return cls(
                hardware=hardware, stage=ModuleStage(_one(told[0x85])), number=told.get(0x86, b"").decode("ascii")
            )
        except (KeyError, IndexError, ValueError, UnicodeDecodeError):
            raise Fault("TS-1220", detail="not what a module tells of itself") from None


def _one(value: bytes) -> int:
    if len(value) != 1:
        raise ValueError("one byte is meant")
    return value[0]


def _tags(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        end = at + 2 + data[at + 1]
        if end > len(data):
            raise ValueError("cut short")
        yield data[at], data[at + 2 : end]
        at = end


def write_public_key(modulus: int, exponent: int) -> bytes:
    """A public key of RSA-2048 as ISO 7816-8 gives it (``7F49``), 270 bytes."""
    return (
        _TEMPLATE_HEAD
        + modulus.to_bytes(_MODULUS_BYTES, "big")
        + _EXPONENT_HEAD
        + exponent.to_bytes(_EXPONENT_BYTES, "big")
    )


def read_public_key(data: bytes) -> tuple[int, int]:
    """Modulus and exponent of such a template; raises ``TS-1220``."""
    end = len(_TEMPLATE_HEAD) + _MODULUS_BYTES
    if len(data) != TEMPLATE_BYTES or not data.startswith(_TEMPLATE_HEAD) or data[end : end + 2] != _EXPONENT_HEAD:
        raise Fault("TS-1220", detail="not a public key of RSA-2048")
    return int.from_bytes(data[len(_TEMPLATE_HEAD) : end], "big"), int.from_bytes(data[end + 2 :], "big")


def blocks_of(group: DataGroup, value: bytes) -> Iterator[tuple[int, int, bytes]]:
    """P1, P2 and data of the commands that store one data group."""
    content = bytes((group,)) + value
    if len(content) > CONTENT_BYTES_MAX:
        raise Fault("TS-1220", detail="more than a module keeps in one data group")
    parts = [content[at : at + BLOCK_BYTES] for at in range(0, len(content), BLOCK_BYTES)]
    for number, part in enumerate(parts):
        yield (LAST_BLOCK if number == len(parts) - 1 else 0), number, part


def write_bounds(limit_scaled: int, categories: int) -> bytes:
    """The limit (x 10000, 8 bytes) and the number of tax categories (1 byte)."""
    return limit_scaled.to_bytes(8, "big") + bytes((categories,))


def read_bounds(data: bytes) -> tuple[int, int]:
    """Limit and categories; raises ``TS-1220``."""
    if len(data) != 9:
        raise Fault("TS-1220", detail="bounds have 9 bytes")
    return int.from_bytes(data[:8], "big"), data[8]


def write_question(key: bytes, text: bytes) -> bytes:
    """What ``80 2E`` shall compute on: the length of the key, the key, the text."""
    return bytes((len(key),)) + key + text


def read_question(data: bytes) -> tuple[bytes, bytes]:
    """Key and text; raises ``TS-1220``."""
    if not data or len(data) < 1 + data[0]:
        raise Fault("TS-1220", detail="not a question of the self-test")
    return data[1 : 1 + data[0]], data[1 + data[0] :]
