"""Reads out of a national document what can be recomputed; signed form and header stay in ``wire``.

The payload is read here by a decoder of its own that takes only the members it needs. Amounts are integers of 10^-4,
quantities of 10^-8.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import NamedTuple

import msgspec

from tallystick.kernel.faults import Fault
from tallystick.wire.document_jws import SignedDocument, read_signed

SALES = {"receipt": 0x0200, "accountable-form": 0x0210, "correction": 0x0220}
_OTHERS = {
    "shift-opening": 0x0230,
    "shift-closing": 0x0240,
    "settlement-status": 0x0250,
    "registration": 0x0260,
    "re-registration": 0x0270,
    "memory-closure": 0x0280,
}
_KINDS = SALES | _OTHERS
_PLACES_MONEY, _PLACES_UNIT = 4, 8
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,8})?", re.ASCII)


class _Item(msgspec.Struct, gc=False):
    total: str
    quantity: str
    labels: tuple[str, ...]


class _Payment(msgspec.Struct, gc=False):
    kind: str
    amount: str


class _Tax(msgspec.Struct, gc=False):
    label: str
    rate: str
    amount: str


class _Counted(msgspec.Struct, gc=False):
    count: str
    total: str


class _Totals(msgspec.Struct, gc=False):
    sales: _Counted
    refunds: _Counted
    corrections_up: _Counted
    corrections_down: _Counted
    taxes: dict[str, str]
    payments: dict[str, str]


class Payload(msgspec.Struct, gc=False):
    """The members that something is recomputed from, as text; what a kind does not have is empty."""

    kind: str
    shift: str = "0"
    operation: str = ""
    rate_group: str = ""
    items: tuple[_Item, ...] = ()
    payments: tuple[_Payment, ...] = ()
    taxes: tuple[_Tax, ...] = ()
    total: str = "0"
    buyer: str = ""
    refers_to: str = ""
    first: str = "0"
    last: str = "0"
    cash: str = "0"
    turnover: str = "0"
    totals: _Totals | None = None
    documents: str = "0"

    @property
    def is_sale(self) -> bool:
        """Whether it moves money."""
        return self.kind in SALES

    @property
    def is_down(self) -> bool:
        """Whether it gives back."""
        return self.operation == "refund"

    @property
    def document_type(self) -> int:
        """The ledger's number of the type."""
        return _KINDS.get(self.kind, 0) + (self.is_sale and self.is_down)

    @property
    def canonical_buyer(self) -> str:
        """The buyer as the ledger commits to him: no white space, capital letters."""
        return "".join(self.buyer.split()).upper()


class National(NamedTuple):
    """A document as far as it could be read: ``fault`` says why not, then the rest may lack."""

    signed: SignedDocument | None
    said: Payload | None
    fault: Fault | None = None


_decode = msgspec.json.Decoder(Payload).decode


def read_national(body: bytes) -> National:
    """Read a booked document; never raises."""
    try:
        signed = read_signed(body, bytes_max=len(body))
    except Fault as fault:
        return National(None, None, fault)
    try:
        return National(signed, _decode(signed.payload))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        return National(signed, None, Fault("TS-1220", detail=f"the payload cannot be read: {error}"))


@lru_cache(maxsize=8_192)
def money(text: str) -> int:
    """A decimal text x 10^4; ``ValueError`` for what is none."""
    return _scaled(text, _PLACES_MONEY)


@lru_cache(maxsize=4_096)
def units(text: str) -> int:
    """A decimal text x 10^8."""
    return _scaled(text, _PLACES_UNIT)


def _scaled(text: str, places: int) -> int:
    whole, _, fraction = text.partition(".")
    if _DECIMAL.fullmatch(text) is None or len(fraction) > places:
        raise ValueError(text)
    return int(whole + fraction.ljust(places, "0"))


def moneys(amounts: Mapping[str, str]) -> dict[str, int]:
    """Amounts by key, without those that are nought."""
    return {key: scaled for key, text in amounts.items() if (scaled := money(text))}
