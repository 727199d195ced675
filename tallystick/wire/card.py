"""Every format of the secure element in one place to import from (TaxCore wire, chapters 7 and 15)."""

from __future__ import annotations

from tallystick.wire.card_audit import (
    MAX_CATEGORIES,
    ArpContent,
    CategoryTotal,
    Directive,
    InternalData,
    PoaMessage,
    internal_data_blocks,
)
from tallystick.wire.card_fields import AmountStatus, CertParams, crc32, strip_crc, with_crc
from tallystick.wire.card_signing import SignAnswer, SignRequest, signed_text

__all__ = [
    "MAX_CATEGORIES",
    "AmountStatus",
    "ArpContent",
    "CategoryTotal",
    "CertParams",
    "Directive",
    "InternalData",
    "PoaMessage",
    "SignAnswer",
    "SignRequest",
    "crc32",
    "internal_data_blocks",
    "signed_text",
    "strip_crc",
    "with_crc",
]
