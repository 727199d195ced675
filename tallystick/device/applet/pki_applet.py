"""The card side of the PKI applet that the vendor's reader looks at: VERIFY and the certificate (wire: 7.7).

Signing with its key is not published and not here: the key lies beside the card for the TLS client.
"""

from __future__ import annotations

import zlib
from pathlib import Path

from tallystick.crypto.certificates import der_of
from tallystick.device.applet.core import Core, Refusal
from tallystick.device.applet.instructions import Version
from tallystick.device.applet.pin import as_digits, compare_pin
from tallystick.device.secure_element.token_client import CERTIFICATE_FILE
from tallystick.wire.apdu import CommandApdu, StatusWord

VERIFY = 0x20
GET_DATA = 0xCB
_AID_OLD = bytes.fromhex("A000000397425446590201")
_AID = bytes.fromhex("A000000397425446590009")
_AID_SINCE = (3, 1, 1)
_GET_DATA_P1_P2 = ((0xA0, 0x10), (0x3F, 0xFF))
_CERTIFICATE_TAG = bytes.fromhex("5C0002DF02")
_VALUE_TAG = 0x53


def pki_aid(version: Version) -> bytes:
    """The applet's name by the version of the card."""
    return _AID if version >= _AID_SINCE else _AID_OLD


def run_pki_instruction(core: Core, folder: Path, command: CommandApdu) -> bytes:
    """Carry a command of the PKI applet out: the answer's data, or `Refusal`."""
    if command.cla != 0x00:
        raise Refusal(StatusWord.CLASS_UNKNOWN)
    if command.ins == VERIFY:
        return _verify(core, command)
    if command.ins == GET_DATA:
        return _certificate(folder, command)
    raise Refusal(StatusWord.INSTRUCTION_UNKNOWN)


def _verify(core: Core, command: CommandApdu) -> bytes:
    """One PIN, here in ASCII, and one count of tries for both applets; without data it only tells the tries left."""
    if (command.p1, command.p2) != (0x00, 0x80):
        raise Refusal(StatusWord.WRONG_P1_P2)
    if core.state.pin_tries == 0:
        raise Refusal(StatusWord.AUTHENTICATION_BLOCKED)
    if command.data and compare_pin(core, as_digits(command.data)):
        return b""
    if core.state.pin_tries == 0:
        raise Refusal(StatusWord.AUTHENTICATION_BLOCKED)
    raise Refusal(0x63C0 | core.state.pin_tries)


def _certificate(folder: Path, command: CommandApdu) -> bytes:
    """BER-TLV whose value is four bytes of length and a zlib stream of the DER certificate."""
    if (command.p1, command.p2) not in _GET_DATA_P1_P2:
        raise Refusal(StatusWord.WRONG_P1_P2)
    if not command.data.startswith(_CERTIFICATE_TAG):
        raise Refusal(StatusWord.REFERENCED_DATA_NOT_FOUND)
    try:
        der = der_of((folder / CERTIFICATE_FILE).read_bytes())
    except (OSError, ValueError):
        raise Refusal(StatusWord.REFERENCED_DATA_NOT_FOUND) from None
    value = len(der).to_bytes(4, "big") + zlib.compress(der)
    return bytes((_VALUE_TAG, 0x82)) + len(value).to_bytes(2, "big") + value
