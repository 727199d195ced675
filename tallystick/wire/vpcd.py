"""Messages between the virtual reader `vpcd` and a virtual card: two bytes of length (big endian), then the content.

A content of one byte from the reader is an order (power, reset, answer to reset); anything longer is an APDU. The card
answers an order only where it asks for the answer to reset.
"""

from __future__ import annotations

from enum import IntEnum, unique

from tallystick.kernel.faults import Fault

LENGTH_BYTES = 2
CONTENT_BYTES_MAX = 0xFFFF
DEFAULT_PORT = 35_963
"""0x8C7B, where the driver waits for the card of its first slot."""


@unique
class Order(IntEnum):
    """What the reader asks of the card besides APDUs."""

    POWER_OFF = 0
    POWER_ON = 1
    RESET = 2
    ANSWER_TO_RESET = 4


def frame(content: bytes) -> bytes:
    """The message that carries `content`; raises ``TS-1220`` when it is longer than the length can say."""
    if len(content) > CONTENT_BYTES_MAX:
        raise Fault("TS-1220", detail="vpcd: longer than a message can be")
    return len(content).to_bytes(LENGTH_BYTES, "big") + content


def take_message(received: bytes) -> tuple[bytes, bytes] | None:
    """The first whole message of what was received, and the rest; none while bytes of it are missing."""
    if len(received) < LENGTH_BYTES:
        return None
    end = LENGTH_BYTES + int.from_bytes(received[:LENGTH_BYTES], "big")
    return (received[LENGTH_BYTES:end], received[end:]) if len(received) >= end else None


def order_of(content: bytes) -> Order | None:
    """The order in a message, none for an APDU; an unknown order raises ``TS-1220``."""
    if len(content) > 1:
        return None
    try:
        return Order(content[0])
    except (ValueError, IndexError):
        raise Fault("TS-1220", detail="vpcd: unknown order") from None
