"""General status codes of the TaxCore wire (GSC): what an SDC tells a POS."""

from __future__ import annotations

from enum import StrEnum


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
