"""Sign Invoice: the checks of 7.5 in their order, then one signature and one commit (wire: 7.3 to 7.5)."""

from __future__ import annotations

import struct

import msgspec

from tallystick.crypto.envelope import seal_internal_data
from tallystick.crypto.signatures import sign_invoice_text
from tallystick.device.applet.core import Core, Refusal, internal_data
from tallystick.device.applet.identity import Chip
from tallystick.device.applet.state import CardState
from tallystick.kernel.hashing import sha256
from tallystick.kernel.invoice import InvoiceType, TransactionType, counter_index
from tallystick.kernel.limits import LIMITS
from tallystick.wire.apdu import StatusWord
from tallystick.wire.card_fields import UINT32_MAX, UINT56_MAX, UINT64_MAX
from tallystick.wire.card_signing import CATEGORY_BYTES, SIGN_HEAD_BYTES

_TYPE_OFFSET = 48
_AMOUNT_OFFSET = 50
_HEAD_BYTES = 57
_COUNTERS = struct.Struct(">II")


def is_sign_length(data: bytes) -> bool:
    """Whether the command data, without CRC, has the length that its own n demands."""
    return len(data) >= SIGN_HEAD_BYTES and len(data) == SIGN_HEAD_BYTES + CATEGORY_BYTES * data[SIGN_HEAD_BYTES - 1]


def sign_invoice(core: Core, data: bytes) -> bytes:
    """Sign; PIN, length and CRC have been checked. The same bytes as last time get the same answer (security 6.5)."""
    digest = sha256(data)
    state = core.state
    if core.chip.quirks.repeat_returns_last and state.last_answer and digest == state.last_request_digest:
        return state.last_answer
    if state.is_disabled:
        raise Refusal(StatusWord.SIGNING_DISABLED)
    categories = _categories(data, state.max_category)
    kind = _kind(data)
    time_ms = int.from_bytes(data[:8], "big")
    _check_time(core.chip, time_ms)
    counted = _count(state, kind, time_ms, int.from_bytes(data[_AMOUNT_OFFSET:_HEAD_BYTES], "big"), categories)
    if state.unaudited >= state.limit:
        raise Refusal(StatusWord.LIMIT_REACHED)
    answer = _sign(core.chip, counted, kind, data[:_HEAD_BYTES])
    core.commit(msgspec.structs.replace(counted, last_request_digest=digest, last_answer=answer))
    return answer


def _categories(data: bytes, max_category: int) -> tuple[tuple[int, int], ...]:
    """(order id, tax) of each category; 6304 for more than twelve, 6A80 for an order id without a place."""
    if data[SIGN_HEAD_BYTES - 1] > LIMITS.tax_categories_on_card:
        raise Refusal(StatusWord.TOO_MANY_CATEGORIES)
    categories = tuple(
        (data[at], int.from_bytes(data[at + 1 : at + CATEGORY_BYTES], "big"))
        for at in range(SIGN_HEAD_BYTES, len(data), CATEGORY_BYTES)
    )
    if not all(1 <= order_id <= max_category for order_id, _ in categories):
        raise Refusal(StatusWord.WRONG_DATA)
    return categories


Kind = tuple[InvoiceType, TransactionType]


def _kind(data: bytes) -> Kind:
    try:
        return InvoiceType(data[_TYPE_OFFSET]), TransactionType(data[_TYPE_OFFSET + 1])
    except ValueError:
        raise Refusal(StatusWord.WRONG_DATA) from None


def _check_time(chip: Chip, time_ms: int) -> None:
    """6308 from version 3.2.8 on; the end of the validity itself is outside (K-25)."""
    if chip.checks_time and not chip.not_before_ms <= time_ms < chip.not_after_ms:
        raise Refusal(StatusWord.TIME_OUTSIDE_VALIDITY)


def _count(
    state: CardState, kind: Kind, time_ms: int, amount: int, categories: tuple[tuple[int, int], ...]
) -> CardState:
    """The state after this invoice; 63FF when a counter or a sum is at its end."""
    index = counter_index(*kind)
    counters = list(state.type_counters)
    counters[index] += 1
    counted = msgspec.structs.replace(
        state, last_time_ms=time_ms, total_counter=state.total_counter + 1, type_counters=tuple(counters)
    )
    if kind[0].is_fiscal:
        counted = _add_turnover(counted, kind[1], amount, categories)
    if counted.total_counter > UINT32_MAX or counted.unaudited > UINT56_MAX or not _sums_fit(counted):
        raise Refusal(StatusWord.COUNTER_AT_END)
    return counted


def _sums_fit(state: CardState) -> bool:
    return max(state.sales, state.refunds, *state.sale_taxes, *state.refund_taxes) <= UINT64_MAX


def _add_turnover(
    state: CardState, direction: TransactionType, amount: int, categories: tuple[tuple[int, int], ...]
) -> CardState:
    """Fiscal receipts count: both directions add to the unaudited sum in absolute value, taxes to their category."""
    is_sale = direction is TransactionType.SALE
    taxes = list(state.sale_taxes if is_sale else state.refund_taxes)
    for order_id, tax in categories:
        taxes[order_id - 1] += tax
    if is_sale:
        return msgspec.structs.replace(
            state, unaudited=state.unaudited + amount, sales=state.sales + amount, sale_taxes=tuple(taxes)
        )
    return msgspec.structs.replace(
        state, unaudited=state.unaudited + amount, refunds=state.refunds + amount, refund_taxes=tuple(taxes)
    )


def _sign(chip: Chip, counted: CardState, kind: Kind, head: bytes) -> bytes:
    """Offsets 0..56 as sent, the counters, the encrypted internal data, and the signature over all of it."""
    sealed = seal_internal_data(internal_data(chip, counted).encode(), chip.tax_core_key)
    counters = _COUNTERS.pack(counted.type_counters[counter_index(*kind)], counted.total_counter)
    text = head + counters + sealed
    return text + sign_invoice_text(chip.signing_key, text)
