"""Asks the kernel's registry of algorithms before a primitive is used; the answer is kept for a day (K-01)."""

from __future__ import annotations

from datetime import datetime
from enum import Enum, auto


class Use(Enum):
    """What this package does with a primitive."""

    SIGN_INVOICE = auto()
    VERIFY_INVOICE = auto()
    SEAL_PACKAGE = auto()
    OPEN_PACKAGE = auto()
    SIGN_PROOF = auto()
    VERIFY_PROOF = auto()
    SIGN_CHECKPOINT = auto()
    VERIFY_CHECKPOINT = auto()


def require(use: Use, moment: datetime | None) -> None:
    """Raise ``TS-1310`` unless the registry allows ``use`` at ``moment`` (default: now)."""
