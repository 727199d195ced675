"""A fiscal memory in a folder, the device's key, and sales to fill it with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tallystick.crypto.keys import generate_p256_key
from tallystick.crypto.signatures import sign_es256
from tallystick.device.worm import RecordKind, WriteOnceMemory
from tallystick.kernel.faults import Fault

UID = "ABCD1234"
NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
DEVICE = generate_p256_key()


def sign(text: bytes) -> bytes:
    """As the device's secure element does: ES256, 64 bytes."""
    return sign_es256(DEVICE, text)


def refused(code: str) -> pytest.RaisesExc[Fault]:
    """Expects a fault of that code."""
    return pytest.RaisesExc(Fault, check=lambda fault: fault.code == code)


def sell(memory: WriteOnceMemory, count: int) -> None:
    """Documents, with seals where they are due."""
    for number in range(count):
        if memory.state.seal_due:
            memory.seal(number, sign, NOW)
        memory.append(RecordKind.DOCUMENT, b"sale %d" % number, NOW + timedelta(seconds=number))
