"""Our own codes in refusals towards a POS: each stands behind a code of the sheet and says it more exactly."""

from __future__ import annotations

from enum import StrEnum

from tallystick.kernel.faults import PosFault, PropertyError


class PosCode(StrEnum):
    """Maker codes of the POS door (`mssc` numbers from 9030 on); docs/guides/pos-maker.md explains each."""

    FOREIGN_WEB_PAGE = "9030"
    """A browser sent this for a page whose origin may not use this device."""
    FOREIGN_HOST_NAME = "9031"
    """The Host header names a host that this device is not."""
    POS_NOT_ACCREDITED = "9032"
    """The country wants an accredited POS, and the request names none (S2-146)."""
    POS_KEY_UNKNOWN = "9033"
    """The key in the Api-Key header is not on the list."""


class BrowserRefused(PosFault):
    """A page in a browser must not do this: HTTP 403, and nothing was looked at."""


def explained(general: str, own: PosCode, property: str) -> tuple[PropertyError, ...]:
    """A code of the sheet with ours behind it, both at one property."""
    return PropertyError(property, general), PropertyError(property, own)
