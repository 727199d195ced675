"""What goes to the tax authority's own system and comes back: one JSON a document, one JSON an answer.

The interface is ours to define (S1-034); it is described in docs/guides/tax-service.md and as OpenAPI. Amounts are text
with four decimals, never numbers; times are ISO 8601 in UTC; hashes hex; the body base64.
"""

from __future__ import annotations

import base64
import binascii
from typing import Literal

import attrs
import msgspec

from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import from_unix_ms
from tallystick.wire.pos_values import write_time
from tallystick.wire.record import Record

DOCUMENT_TYPE = "application/vnd.tallystick.fiscal-document+json"
ANSWER_TYPE = "application/json"
KEY_HEADER = "Idempotency-Key"
VERSION = "1"
ANSWER_BYTES_MAX = 16 * 1024
RECEIPT_CHARACTERS, CODE_CHARACTERS, REASON_CHARACTERS = 100, 40, 500
_WAIT_SECONDS_MAX = 3_600


class TaxDocument(msgspec.Struct, frozen=True, kw_only=True, rename="camel", forbid_unknown_fields=True, gc=False):
    """One document: what the ledger's record says of it, and its exact body.

    Where the law had the body erased, ``body`` is empty, ``erased`` true, and ``body_hash`` that of the signed one.
    """

    version: str = VERSION
    act: str
    entry: int
    type: str
    type_code: int
    fiscal_number: str
    sequence: int
    channel: int
    tin: str
    taxpayer_sequence: int
    premises: str
    issued_at: str
    received_at: str
    currency: str
    total: str
    taxes: dict[str, str]
    refers_to: str
    flags: tuple[str, ...]
    media_type: str
    body_hash: str
    erased: bool
    body: str


def document_of(record: Record, *, entry: int, kind: str, body: bytes) -> TaxDocument:
    """The document of a ledger entry; ``kind`` is the type for people. Raises ``TS-1220`` for what is no document."""
    try:
        issued = record.issued_at or record.received_at
        return TaxDocument(
            act=record.act_hash,
            entry=entry,
            type=kind,
            type_code=int(record.type),
            fiscal_number=f"{record.device}-{record.se_total}",
            sequence=int(record.device_seq),
            channel=int(record.channel or "0"),
            tin=record.taxpayer,
            taxpayer_sequence=int(record.taxpayer_seq or "0"),
            premises=record.premises,
            issued_at=_time(issued),
            received_at=_time(record.received_at),
            currency=record.currency,
            total=_amount(record.total),
            taxes={label: _amount(amount) for label, amount in record.tax_totals.items()},
            refers_to=record.refers_to,
            flags=tuple(record.flags),
            media_type=record.media_type,
            body_hash=record.body_hash,
            erased=not body,
            body=base64.b64encode(body).decode("ascii"),
        )
    except ValueError as error:
        raise Fault("TS-1220", detail=f"no record of a document: {error}") from None


def _time(ms: str) -> str:
    return write_time(from_unix_ms(int(ms)), None)


def _amount(scaled: str) -> str:
    return f"{Money(int(scaled or '0')).decimal:.4f}"


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(TaxDocument).decode


def write_document(document: TaxDocument) -> bytes:
    """The request's body; the same document is the same bytes."""
    return _encode(document)


def read_document(data: bytes) -> tuple[TaxDocument, bytes]:
    """What the tax service reads: the document and the bytes that were signed; raises ``TS-1220``."""
    try:
        document = _decode(data)
        return document, base64.b64decode(document.body, validate=True)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, binascii.Error) as error:
        raise Fault("TS-1220", detail=f"not a document for the tax service: {error}") from None


class _Answer(msgspec.Struct, frozen=True, kw_only=True, rename="camel"):
    """Further members are passed over: a service may say more than we ask."""

    act: str
    status: Literal["accepted", "duplicate", "rejected", "later"]
    receipt: str = ""
    code: str = ""
    reason: str = ""
    retry_after_seconds: int = 0


@attrs.frozen(slots=True)
class TaxAnswer:
    """What the service said of a document, cut and cleaned; ``wait_seconds`` at most an hour."""

    status: Literal["accepted", "duplicate", "rejected", "later"]
    receipt: str = ""
    code: str = ""
    reason: str = ""
    wait_seconds: int = 0


STATUS_OF_ANSWER = {"accepted": (200,), "duplicate": (200,), "rejected": (200, 422), "later": (200, 429, 503)}
"""With which HTTP status each answer may come. Anything else is no answer: the document is sent again."""

_read_answer = msgspec.json.Decoder(_Answer).decode


def read_answer(status: int, content_type: str, body: bytes, act: str) -> TaxAnswer:
    """Read the answer to the document ``act``; raises ``TS-3211`` for all that is not one as agreed.

    An answer names the act, so that one which was meant for another document is never taken for this one's.
    """
    if content_type.partition(";")[0].strip().lower() != ANSWER_TYPE:
        raise Fault("TS-3211", detail=f"{status} with content of another type than {ANSWER_TYPE}")
    try:
        answer = _read_answer(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise Fault("TS-3211", detail=f"{status} with a body that is no answer") from None
    if status not in STATUS_OF_ANSWER[answer.status]:
        raise Fault("TS-3211", detail=f"{answer.status} with the HTTP status {status}")
    if answer.act != act:
        raise Fault("TS-3211", detail="the answer is about another document")
    if answer.status == "rejected" and not (answer.code and answer.reason):
        raise Fault("TS-3211", detail="rejected without code and reason")
    return TaxAnswer(
        status=answer.status,
        receipt=_words(answer.receipt, RECEIPT_CHARACTERS),
        code=_words(answer.code, CODE_CHARACTERS),
        reason=_words(answer.reason, REASON_CHARACTERS),
        wait_seconds=min(max(answer.retry_after_seconds, 0), _WAIT_SECONDS_MAX),
    )


def _words(text: str, most: int) -> str:
    """What is kept of words that somebody else wrote: no text of the database can hold a NUL."""
    return "".join(letter if letter.isprintable() else " " for letter in text[:most])


def write_answer(act: str, answer: TaxAnswer) -> bytes:
    """The answer's body, as the counterpart writes it."""
    said = _Answer(
        act=act,
        status=answer.status,
        receipt=answer.receipt,
        code=answer.code,
        reason=answer.reason,
        retry_after_seconds=answer.wait_seconds,
    )
    return _encode(said)
