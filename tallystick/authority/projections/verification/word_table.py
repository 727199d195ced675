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
    national: Mapping[str, str]
    """What the page of a national receipt says beside the words above; places for values stand in braces."""
    kinds: Mapping[str, str]


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
_STATES = (
    "valid",
    "pending",
    "mismatch",
    "not-fiscal",
    "invalid",
    "not-verifiable",
    "unconfirmed",
    "overdue",
    "not-found",
    "forged",
    "quarantined",
)
_NATIONAL = (
    "pendingNote",
    "arrivedNote",
    "codeDiffers",
    "otherAct",
    "total",
    "time",
    "type",
    "refundedFully",
    "refundedPartly",
    "corrected",
    "erased",
    "premises",
    "seller",
    "device",
    "number",
    "shown",
    "taxes",
    "label",
    "rate",
    "amount",
    "refersTo",
    "reason",
    "form",
    "numberUnknown",
)
_KINDS = ("receipt", "accountable-form", "correction")


def fields_of(*words: str) -> Mapping[str, str]:
    """The words of the fields in the order in which the page knows them."""
    return dict(zip(_FIELD_IDS + _PRINT_IDS, words, strict=True))


def states_of(*words: str) -> Mapping[str, str]:
    """The words of the answers in their order."""
    return dict(zip(_STATES, words, strict=True))


def national_of(*words: str) -> Mapping[str, str]:
    """The words of national receipts in their order."""
    return dict(zip(_NATIONAL, words, strict=True))


def kinds_of(*words: str) -> Mapping[str, str]:
    """The names of the kinds of national receipts in their order."""
    return dict(zip(_KINDS, words, strict=True))
