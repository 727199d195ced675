"""General status codes of the TaxCore wire (GSC): what an SDC tells a POS."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType


class StatusCode(StrEnum):
    """Four digits; the first is 0 for information, 1 for a warning, 2 for an error."""

    ALL_OK = "0000"
    PIN_OK = "0100"
    INTERNET_AVAILABLE = "0210"
    INTERNET_UNAVAILABLE = "0220"
    STORAGE_ALMOST_FULL = "1100"
    CARD_NOT_PRESENT = "1300"
    AUDIT_REQUIRED = "1400"
    PIN_REQUIRED = "1500"
    UNDEFINED_WARNING = "1999"
    PIN_NOT_OK = "2100"
    CARD_LOCKED = "2110"
    SECURE_ELEMENT_LOCKED = "2210"
    SECURE_ELEMENT_UNREACHABLE = "2220"
    SECURE_ELEMENT_PROTOCOL_MISMATCH = "2230"
    INVALID_TAX_LABELS = "2310"
    NOT_CONFIGURED = "2400"
    FIELD_REQUIRED = "2800"
    VALUE_TOO_LONG = "2801"
    VALUE_TOO_SHORT = "2802"
    INVALID_LENGTH = "2803"
    OUT_OF_RANGE = "2804"
    INVALID_VALUE = "2805"
    INVALID_FORMAT = "2806"
    LIST_TOO_SHORT = "2807"
    LIST_TOO_LONG = "2808"
    SECURE_ELEMENT_EXPIRED = "2809"


PRIORITY = (
    StatusCode.CARD_NOT_PRESENT,
    StatusCode.SECURE_ELEMENT_UNREACHABLE,
    StatusCode.SECURE_ELEMENT_PROTOCOL_MISMATCH,
    StatusCode.CARD_LOCKED,
    StatusCode.PIN_REQUIRED,
    StatusCode.PIN_NOT_OK,
    StatusCode.NOT_CONFIGURED,
    StatusCode.SECURE_ELEMENT_EXPIRED,
    StatusCode.SECURE_ELEMENT_LOCKED,
)
"""Order in which a cashier can clear errors; request errors follow in document order."""

MEANINGS: Mapping[StatusCode, str] = MappingProxyType(
    {
        StatusCode.ALL_OK: "done, nothing to say",
        StatusCode.PIN_OK: "the PIN was accepted",
        StatusCode.INTERNET_AVAILABLE: "the authority is reached",
        StatusCode.INTERNET_UNAVAILABLE: "the authority is not reached",
        StatusCode.STORAGE_ALMOST_FULL: "the store of packages is nearly full, or full",
        StatusCode.CARD_NOT_PRESENT: "no card in the reader",
        StatusCode.AUDIT_REQUIRED: "75 % of the card's limit are used",
        StatusCode.PIN_REQUIRED: "the POS must send the PIN",
        StatusCode.UNDEFINED_WARNING: "one of our own codes says more",
        StatusCode.PIN_NOT_OK: "the PIN was wrong",
        StatusCode.CARD_LOCKED: "too many wrong PINs",
        StatusCode.SECURE_ELEMENT_LOCKED: "the card signs no more until its audit",
        StatusCode.SECURE_ELEMENT_UNREACHABLE: "the card does not answer, or its count cannot be settled",
        StatusCode.SECURE_ELEMENT_PROTOCOL_MISMATCH: "the card speaks another protocol",
        StatusCode.INVALID_TAX_LABELS: "a tax label is not in the group of rates",
        StatusCode.NOT_CONFIGURED: "rates, verification address or environment are missing",
        StatusCode.FIELD_REQUIRED: "a required field is missing",
        StatusCode.VALUE_TOO_LONG: "a value is too long",
        StatusCode.VALUE_TOO_SHORT: "a value is too short",
        StatusCode.INVALID_LENGTH: "a value has a wrong length",
        StatusCode.OUT_OF_RANGE: "a number is out of range or has too many decimals",
        StatusCode.INVALID_VALUE: "a value is not one of those that are known",
        StatusCode.INVALID_FORMAT: "a value, or the whole body, has a wrong form",
        StatusCode.LIST_TOO_SHORT: "a list is empty",
        StatusCode.LIST_TOO_LONG: "a list, or the whole body, is too long",
        StatusCode.SECURE_ELEMENT_EXPIRED: "the card's certificate has ended",
    }
)
"""Each code in a few words."""

RESERVED = frozenset({StatusCode.ALL_OK, StatusCode.SECURE_ELEMENT_PROTOCOL_MISMATCH, StatusCode.VALUE_TOO_SHORT})
"""Codes of the sheet that this device never sends: a ready device says 0100, the sheet itself reserves 2230, and no
field has a least length of its own (an empty one is 2803). All are understood when read."""
