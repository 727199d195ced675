"""What the memory of a virtual card says, read from its file beside whoever works with the card, and never changed."""

from __future__ import annotations

from pathlib import Path

import msgspec

from tallystick.device.applet.identity import STATE_FILE, CardIdentity
from tallystick.device.applet.memory import newest_in
from tallystick.device.applet.state import CardState
from tallystick.device.secure_element.port import CardUnavailable


def read_state(folder: Path) -> CardState:
    """Counters and sums of a card that still answers; raises `CardUnavailable` for one that is dead or half made.

    A write in between is no harm: the memory keeps the content before it until the new one is whole.
    """
    CardIdentity.load(folder)
    try:
        _, content = newest_in((folder / STATE_FILE).read_bytes())
        return CardState.decode(content)
    except (OSError, msgspec.DecodeError) as error:
        raise CardUnavailable(f"card memory cannot be read: {error}") from error
