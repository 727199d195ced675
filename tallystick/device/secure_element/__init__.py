"""The session with a secure element: one port over APDU bytes, one method an instruction, status words as an enum.

Carries S2-007, 008, 011, 020 to 023, 026 and 078 on the card's side. Owns no state but the open session; PINs pass
through and are never kept or logged.
"""

from __future__ import annotations

from tallystick.device.secure_element.port import CardInUse, CardPort, CardUnavailable
from tallystick.device.secure_element.session import SecureElement
from tallystick.device.secure_element.status import StatusWordError, status_code_for
from tallystick.device.secure_element.token_client import BesideCard, TlsIdentity, TokenClient

__all__ = [
    "BesideCard",
    "CardInUse",
    "CardPort",
    "CardUnavailable",
    "SecureElement",
    "StatusWordError",
    "TlsIdentity",
    "TokenClient",
    "status_code_for",
]
