"""Reads out of a TaxCore package's text what the card signed and what can be recomputed; the codecs stay in ``wire``.

Most packages are read here by a decoder that takes only the members it needs. Where that does not lead to a good
signature, the tolerant reader of ``wire`` is asked, and it decides.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, NamedTuple

import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Quantity, Rate
from tallystick.kernel.instants import unix_ms
from tallystick.verifier.arithmetic import UNIT, Stated
from tallystick.wire import verification_url
from tallystick.wire.audit_data import AuditData, read_audit_data
from tallystick.wire.pos_values import INVOICE_TYPES, TAX_CATEGORY_TYPES, TRANSACTION_TYPES, EnumerationForms

_HEAD = struct.Struct(">Q20s20sBB7sII")
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_UNIT_PLACES, _MONEY_PLACES = 8, 4
_DIGITS_MAX = 15
_MONEY_SCALES: tuple[int, ...] = tuple(10 ** (_MONEY_PLACES - places) for places in range(_MONEY_PLACES + 1))
_FISCAL = frozenset({0, 4})
REFUND = 1


def _forms(forms: EnumerationForms[Any]) -> dict[int | str, int]:
    """How most write an enumeration: its number or its name; any other form is for the tolerant reader."""
    return {form: int(member) for member, name in forms.names.items() for form in (int(member), name)}


_INVOICE_FORMS = _forms(INVOICE_TYPES)
_TRANSACTION_FORMS = _forms(TRANSACTION_TYPES)
_TAX_FORMS = _forms(TAX_CATEGORY_TYPES)


class Said(NamedTuple):
    """What a package says. Amounts are x 10^4; ``items`` are (total, quantity x 10^8, labels)."""

    requested_by: str
    signed_by: str
    ordinal: int
    type_counter: int
    invoice_type: int
    transaction_type: int
    total: int
    time_ms: int
    buyer: bytes
    internal: bytes
    signature: bytes
    items: Sequence[tuple[int, int, tuple[str, ...]]]
    stated: Stated
    taxes: Sequence[tuple[str, int]]
    url: str = ""

    def signed_text(self, tin: str) -> bytes:
        """The 321 or 577 bytes that the card signs; raises ``TS-1312`` for what it could not have."""
        try:
            head = _HEAD.pack(
                self.time_ms,
                tin.encode("ascii").rjust(20, b"\0"),
                self.buyer.rjust(20, b"\0"),
                self.invoice_type,
                self.transaction_type,
                self.total.to_bytes(7, "big"),
                self.type_counter,
                self.ordinal,
            )
        except (struct.error, OverflowError, UnicodeEncodeError):
            raise Fault("TS-1312", detail="values that no card signs") from None
        return head + self.internal

    @property
    def canonical_buyer(self) -> str:
        """The buyer's identification as the ledger commits to it: no white space, capital letters."""
        return "".join(self.buyer.decode("utf-8", "replace").split()).upper()

    @property
    def document_type(self) -> int:
        """The ledger's number of the type."""
        return 0x0100 + 16 * self.invoice_type + self.transaction_type

    @property
    def turnover(self) -> int:
        """What it adds to its day (K-26)."""
        if self.invoice_type not in _FISCAL:
            return 0
        return -self.total if self.transaction_type == REFUND else self.total


class _NotPlain(Exception):
    """Something that the tolerant reader must look at."""


def _money(text: bytes) -> int:
    """A JSON number without an exponent, x 10^4 exactly; ``ValueError`` or ``_NotPlain`` for any other text."""
    whole, _, fraction = text.partition(b".")
    places = len(fraction)
    if places > _MONEY_PLACES or len(whole) > _DIGITS_MAX:
        raise _NotPlain
    scaled: int = int(whole + fraction) * _MONEY_SCALES[places]
    return scaled


@lru_cache(maxsize=4096)
def _units(text: bytes) -> int:
    """The same x 10^8: quantities and rates come again and again, so their reading is remembered."""
    whole, _, fraction = text.partition(b".")
    if len(fraction) > _UNIT_PLACES or len(whole) > _DIGITS_MAX:
        raise _NotPlain
    return int(whole + fraction.ljust(_UNIT_PLACES, b"0"))


class _Item(msgspec.Struct, gc=False):
    quantity: msgspec.Raw
    labels: tuple[str, ...]
    totalAmount: msgspec.Raw  # noqa: N815


class _Tax(msgspec.Struct, gc=False):
    categoryType: int | str  # noqa: N815
    label: str
    amount: msgspec.Raw
    rate: msgspec.Raw


class _Request(msgspec.Struct, gc=False):
    invoiceType: int | str  # noqa: N815
    transactionType: int | str  # noqa: N815
    items: list[_Item]
    buyerId: str | None = None  # noqa: N815


class _Result(msgspec.Struct, gc=False):
    requestedBy: str  # noqa: N815
    signedBy: str  # noqa: N815
    sdcDateTime: str  # noqa: N815
    totalCounter: int  # noqa: N815
    transactionTypeCounter: int  # noqa: N815
    totalAmount: msgspec.Raw  # noqa: N815
    encryptedInternalData: bytes  # noqa: N815
    signature: bytes
    taxItems: list[_Tax]  # noqa: N815


class _Package(msgspec.Struct, gc=False):
    request: _Request
    result: _Result


_decode = msgspec.json.Decoder(_Package).decode


def read_quickly(body: bytes) -> Said | None:
    """What a package says that is written as most are; none when the tolerant reader must look at it."""
    try:
        package = _decode(body)
        request, result = package.request, package.result
        moment = datetime.fromisoformat(result.sdcDateTime)
        if moment.tzinfo is None:
            return None
        since = moment - _EPOCH
        taxes = result.taxItems
        return Said(
            result.requestedBy,
            result.signedBy,
            result.totalCounter,
            result.transactionTypeCounter,
            _INVOICE_FORMS[request.invoiceType],
            _TRANSACTION_FORMS[request.transactionType],
            _money(bytes(result.totalAmount)),
            (since.days * 86_400 + since.seconds) * 1000 + since.microseconds // 1000,
            (request.buyerId or "").encode(),
            result.encryptedInternalData,
            result.signature,
            [(_money(bytes(one.totalAmount)), _units(bytes(one.quantity)), one.labels) for one in request.items],
            tuple([(tax.label, _TAX_FORMS[tax.categoryType], _units(bytes(tax.rate))) for tax in taxes]),
            [(tax.label, _money(bytes(tax.amount))) for tax in taxes],
        )
    except (msgspec.DecodeError, UnicodeError, RecursionError, _NotPlain, ArithmeticError, ValueError, KeyError):
        return None


def read_tolerantly(body: bytes) -> Said:
    """The same by the reader that takes every dialect; raises its faults."""
    return _from_audit_data(read_audit_data(body))


def _from_audit_data(data: AuditData) -> Said:
    request, result = data.request, data.result
    rate_unit, quantity_unit = UNIT // 10**Rate.places, UNIT // 10**Quantity.places
    return Said(
        result.requested_by,
        result.signed_by,
        result.total_counter,
        result.type_counter,
        int(request.invoice_type),
        int(request.transaction_type),
        result.total_amount.scaled,
        unix_ms(result.sdc_time),
        (request.buyer_id or "").encode(),
        result.encrypted_internal_data,
        result.signature,
        tuple((one.total_amount.scaled, one.quantity.scaled * quantity_unit, one.labels) for one in request.items),
        tuple((tax.label, int(tax.category_type), tax.rate.scaled * rate_unit) for tax in result.tax_items),
        tuple((tax.label, tax.amount.scaled) for tax in result.tax_items),
        result.verification_url or "",
    )


def time_in_url(said: Said) -> int | None:
    """The time in the verification URL, where it is another one; the signature may cover that."""
    try:
        time_ms = verification_url.from_url(said.url).time_ms
    except Fault:
        return None
    return time_ms if time_ms != said.time_ms else None
