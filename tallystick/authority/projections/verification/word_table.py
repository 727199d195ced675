"""What a language of the verification page must say: one value that lacks nothing."""

from __future__ import annotations

from collections.abc import Mapping

import attrs


@attrs.frozen(slots=True, kw_only=True)
class PageLanguage:
    """All texts of one language, its number signs and its time pattern."""

    tag: str
    own_name: str
    decimal_sign: str
    thousands_sign: str
    time_pattern: str
    fields: Mapping[str, str]
    sections: Mapping[str, str]
    states: Mapping[str, str]
    explanations: Mapping[str, str]
    compact_note: str
    compact_mismatch: str
    columns: tuple[str, ...]
    proof: Mapping[str, str]
    troubles: Mapping[str, tuple[str, str]]
    invoice_types: tuple[str, ...]
    transaction_types: tuple[str, ...]
    payment_types: tuple[str, ...]


_FIELD_IDS = (
    "tinLabel",
    "shopFullNameLabel",
    "addressLabel",
    "cityLabel",
    "administrativeUnitLabel",
    "buyerIdLabel",
    "requestedByLabel",
    "invoiceTypeId",
    "transactionTypeId",
    "totalAmountLabel",
    "transactionTypeCounterLabel",
    "totalCounterLabel",
    "invoiceCounterExtensionLabel",
    "invoiceNumberLabel",
    "signedByLabel",
    "sdcDateTimeLabel",
)
_PRINT_IDS = (
    "company",
    "store",
    "cashier",
    "costCenter",
    "posNumber",
    "posTime",
    "number",
    "total",
    "tax",
    "payment",
    "kind",
)
_STATES = ("valid", "pending", "mismatch", "not-fiscal", "invalid", "not-verifiable", "unconfirmed")


def fields_of(*words: str) -> Mapping[str, str]:
    """The words of the fields in the order in which the page knows them."""
    return dict(zip(_FIELD_IDS + _PRINT_IDS, words, strict=True))


def states_of(*words: str) -> Mapping[str, str]:
    """The words of the answers in their order."""
    return dict(zip(_STATES, words, strict=True))
