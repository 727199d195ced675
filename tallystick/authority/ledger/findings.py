"""What a self-check may find, as data: a code, the place, and which sequences show it."""

from __future__ import annotations

from enum import StrEnum

import attrs


class Shows(StrEnum):
    """Who can show that something was changed: the five sequences, and what anchors them outside the tables."""

    DEVICE = "device"
    TAXPAYER = "taxpayer"
    TYPE = "type"
    DAY = "day"
    LOG = "log"
    IDENTITY = "identity"
    HOLES = "holes"
    CHECKPOINT = "checkpoint"
    MIRROR = "mirror"
    PUBLISHED = "published"
    SEAL = "seal"


class FindingCode(StrEnum):
    """Kinds of findings; a code retires, it never changes its meaning."""

    LEAF_MISSING = "TSF-01"
    LEAF_DAMAGED = "TSF-02"
    RECORD_MISSING = "TSF-03"
    RECORD_CHANGED = "TSF-04"
    BODY_MISSING = "TSF-05"
    BODY_CHANGED = "TSF-06"
    LINK_MISSING = "TSF-07"
    LINK_CHANGED = "TSF-08"
    LINK_BROKEN = "TSF-09"
    LINK_WITHOUT_ENTRY = "TSF-10"
    HEAD_DIFFERS = "TSF-11"
    TOTAL_DIFFERS = "TSF-12"
    IDENTITY_DIFFERS = "TSF-13"
    HOLES_DIFFER = "TSF-14"
    TILE_DIFFERS = "TSF-15"
    TREE_STATE_DIFFERS = "TSF-16"
    CHECKPOINT_DIFFERS = "TSF-17"
    CHECKPOINT_UNSIGNED = "TSF-18"
    MIRROR_DIFFERS = "TSF-19"
    PUBLISHED_DIFFERS = "TSF-20"
    ROWS_WITHOUT_ENTRY = "TSF-21"
    SEAL_DIFFERS = "TSF-22"
    BUYER_DIFFERS = "TSF-23"


@attrs.frozen(slots=True)
class Finding:
    """One contradiction: where it is, what it is, and which sequences show it."""

    code: FindingCode
    place: str
    detail: str
    shown_by: frozenset[Shows]

    def __str__(self) -> str:
        """One line for people."""
        return f"{self.code} {self.place}: {self.detail} (shown by {', '.join(sorted(self.shown_by))})"


def finding(code: FindingCode, place: str, detail: str, *shown_by: Shows) -> Finding:
    """A finding that these sequences show."""
    return Finding(code, place, detail, frozenset(shown_by))
