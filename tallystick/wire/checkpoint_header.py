"""The header ``Ts-Checkpoint``: a signed head of the ledger that travels beside calls of the TaxCore wire.

An answer carries the newest one, a request may bring one back that the device was shown before. Who does not know the
header ignores it.
"""

from __future__ import annotations

import base64
import binascii

from tallystick.kernel.faults import Fault
from tallystick.wire.signed_note import Checkpoint, parse_checkpoint, parse_note

CHECKPOINT_HEADER = "Ts-Checkpoint"
HEADER_BYTES_MAX = 4 * 1024


def write_checkpoint_header(note: bytes) -> str:
    """The header's value; empty for a note that is too long for a header."""
    value = base64.b64encode(note).decode("ascii")
    return value if len(value) <= HEADER_BYTES_MAX else ""


def read_checkpoint_header(value: str) -> tuple[bytes, Checkpoint]:
    """The note's bytes and what it says; raises ``TS-1220``. Nothing in it is trusted yet."""
    try:
        note = base64.b64decode(value.encode("ascii"), validate=True) if len(value) <= HEADER_BYTES_MAX else b""
    except (binascii.Error, ValueError):
        raise Fault("TS-1220", detail="not base64") from None
    return note, parse_checkpoint(parse_note(note).text)
