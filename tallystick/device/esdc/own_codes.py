"""All codes of this make in one list, for the description of the POS API and for the guides."""

from __future__ import annotations

from tallystick.device.esdc.pos_codes import PosCode
from tallystick.device.esdc.status import MakerCode


def own_codes() -> dict[str, str]:
    """Each code with its name in words; the name says what it means."""
    return {str(code): code.name.lower().replace("_", " ") for code in (*MakerCode, *PosCode)}
