"""The TaxCore applet's instructions as a table: what each needs, since which version it exists, and what it does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType

import attrs

from tallystick.device.applet.auditing import (
    DIRECTIVE_BYTES,
    POA_BYTES,
    end_audit,
    export_audit_data,
    forward_directive,
    start_audit,
)
from tallystick.device.applet.core import Core, Refusal
from tallystick.device.applet.pin import verify_pin
from tallystick.device.applet.signing import is_sign_length, sign_invoice
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.wire.apdu import CommandApdu, StatusWord
from tallystick.wire.card import AmountStatus, CertParams, strip_crc, with_crc
from tallystick.wire.card_fields import CRC_BYTES

CLA = 0x88
_CRC_P1_P2 = (0x01, 0x02)
_ALWAYS = (0, 0, 0)
Version = tuple[int, int, int]


def _is_empty(data: bytes) -> bool:
    return not data


def _is_proof(data: bytes) -> bool:
    return len(data) == POA_BYTES


def _is_directive(data: bytes) -> bool:
    return len(data) == DIRECTIVE_BYTES


def _is_any(_: bytes) -> bool:
    return True


@attrs.frozen(slots=True, kw_only=True)
class Instruction:
    """One row: `fits` judges the length of the command data without CRC."""

    name: str
    run: Callable[[Core, bytes], bytes]
    fits: Callable[[bytes], bool] = _is_empty
    needs_pin: bool = False
    has_crc: bool = False
    since: Version = _ALWAYS


def _export_certificate(core: Core, _: bytes) -> bytes:
    return core.chip.certificate


def _export_tax_core_key(core: Core, _: bytes) -> bytes:
    return core.chip.tax_core_key.card_export


def _version(core: Core, _: bytes) -> bytes:
    return b"".join(part.to_bytes(4, "big") for part in core.chip.version)


def _amount_status(core: Core, _: bytes) -> bytes:
    return AmountStatus(Money(core.state.unaudited), Money(core.state.limit)).encode()


def _last_signed_invoice(core: Core, _: bytes) -> bytes:
    if not core.state.last_answer:
        raise Refusal(StatusWord.CONDITIONS_NOT_SATISFIED)
    return core.state.last_answer


def _pin_tries_left(core: Core, _: bytes) -> bytes:
    return bytes((core.state.pin_tries,))


def _cert_params(core: Core, _: bytes) -> bytes:
    return CertParams(core.chip.uid, core.chip.not_before_ms, core.chip.not_after_ms).encode()


INSTRUCTIONS: Mapping[int, Instruction] = MappingProxyType(
    {
        0x04: Instruction(name="Export Certificate", run=_export_certificate),
        0x07: Instruction(name="Export TaxCore Public Key", run=_export_tax_core_key),
        0x08: Instruction(name="Get Secure Element Version", run=_version, since=(3, 0, 0)),
        0x09: Instruction(name="Get API Version", run=_version),
        0x0A: Instruction(name="Get Audit Version", run=_version),
        0x11: Instruction(name="PIN Verify", run=verify_pin, fits=_is_any),
        0x12: Instruction(name="Export Audit Data", run=export_audit_data, needs_pin=True, has_crc=True),
        0x13: Instruction(name="Sign Invoice", run=sign_invoice, fits=is_sign_length, needs_pin=True, has_crc=True),
        0x14: Instruction(name="Amount Status", run=_amount_status),
        0x15: Instruction(name="Get Last Signed Invoice", run=_last_signed_invoice, has_crc=True),
        0x16: Instruction(name="PIN Tries Left", run=_pin_tries_left, since=(3, 1, 1)),
        0x20: Instruction(name="End Audit", run=end_audit, fits=_is_proof, needs_pin=True, has_crc=True),
        0x21: Instruction(name="Start Audit", run=start_audit, needs_pin=True, has_crc=True),
        0x33: Instruction(name="Get CertParams", run=_cert_params, since=(3, 2, 8)),
        0x40: Instruction(
            name="Forward Directive",
            run=forward_directive,
            fits=_is_directive,
            has_crc=True,
        ),
    }
)


def run_instruction(core: Core, command: CommandApdu) -> bytes:
    """Carry a command of the TaxCore applet out: the answer's data, or `Refusal`; may raise `MemoryFailure`.

    Order: class, instruction, PIN, length, CRC, then what the instruction itself checks (wire: 7.5).
    """
    if command.cla != CLA:
        raise Refusal(StatusWord.CLASS_UNKNOWN)
    instruction = INSTRUCTIONS.get(command.ins)
    if instruction is None or core.chip.version < instruction.since:
        raise Refusal(StatusWord.INSTRUCTION_UNKNOWN)
    if instruction.needs_pin:
        core.require_pin()
    in_crc_mode = instruction.has_crc and core.chip.knows_crc and (command.p1, command.p2) == _CRC_P1_P2
    answer = instruction.run(core, _command_data(instruction, command.data, in_crc_mode))
    return with_crc(answer) if in_crc_mode and answer else answer


def _command_data(instruction: Instruction, data: bytes, in_crc_mode: bool) -> bytes:
    """The data field without its CRC: 6700 for a wrong length, then 6A80 for a wrong CRC."""
    has_crc = in_crc_mode and instruction.fits is not _is_empty
    if not instruction.fits(data[:-CRC_BYTES] if has_crc else data):
        raise Refusal(StatusWord.WRONG_LENGTH)
    if not has_crc:
        return data
    try:
        return strip_crc(data)
    except Fault:
        raise Refusal(StatusWord.WRONG_DATA) from None
