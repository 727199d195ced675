"""Which acts a taxpayer sees of those that concern him: what was decided or done about his devices and documents.

An act that is not named here stays with the authority, so that a new one is kept back until somebody has thought
about it. Kept back are inspections and whatever would betray one: cases listed, read and closed, a search of this log
for him, and exports of his documents, which a court or an inspector may have asked for.
"""

from __future__ import annotations

_CERTIFICATES = ("code", "enter", "issue", "release", "revoke", "revoke-many", "sign", "void")
_MODULES = (
    "record",
    "ship",
    "come-back",
    "hand-over",
    "lose",
    "find",
    "damage",
    "recall",
    "take-back",
    "close",
    "destroy",
    "spoil",
    "store",
)
_DOCUMENTS = ("readmit", "reject")
_COMMANDS = ("result", "contradiction")

SHOWN_TO_SUBJECT = frozenset(
    f"{room}.{deed}"
    for room, deeds in (
        ("pki", _CERTIFICATES),
        ("production", _MODULES),
        ("quarantine", _DOCUMENTS),
        ("remote", _COMMANDS),
    )
    for deed in deeds
)
