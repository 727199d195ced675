"""The reason that a person gives for a deed: one rule for every room that asks for one."""

from __future__ import annotations

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.limits import LIMITS


def read_reason(text: str) -> str:
    """The words with one blank between; raises ``TS-1220`` for too few, too many, and what cannot be printed."""
    words = " ".join(text.split())
    if not LIMITS.reason_characters_least <= len(words) <= LIMITS.reason_characters_most or not words.isprintable():
        detail = f"a reason has {LIMITS.reason_characters_least} to {LIMITS.reason_characters_most} characters"
        raise Fault("TS-1220", detail=detail, fields=(FieldFault("/reason", "5"),))
    return words
