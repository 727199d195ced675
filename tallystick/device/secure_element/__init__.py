"""The session with a secure element: one port over APDU bytes, one method an instruction, status words as an enum.

Carries S2-007, 008, 011, 020 to 023, 026 and 078 on the card's side. Owns no state but the open session; PINs pass
through and are never kept or logged.
"""

from __future__ import annotations

from tallystick.device.secure_element.port import (
    CardAnswerUnreadable,
    CardExchanged,
    CardInUse,
    CardLate,
    CardPort,
    CardUnavailable,
    NoSuchReader,
    TokenUnusable,
)
from tallystick.device.secure_element.session import SecureElement
from tallystick.device.secure_element.status import StatusWordError, is_not_our_applet, status_code_for
from tallystick.device.secure_element.token_client import BesideCard, OnToken, TlsIdentity, TokenClient, TokenIdentity

__all__ = [
    "BesideCard",
    "CardAnswerUnreadable",
    "CardExchanged",
    "CardInUse",
    "CardLate",
    "CardPort",
    "CardUnavailable",
    "NoSuchReader",
    "OnToken",
    "SecureElement",
    "StatusWordError",
    "TlsIdentity",
    "TokenClient",
    "TokenIdentity",
    "TokenUnusable",
    "is_not_our_applet",
    "status_code_for",
]
