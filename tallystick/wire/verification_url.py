"""The verification URL: every fact of a signed invoice in Base64, laid out byte for byte (S2-056 to S2-059).

The MD5 at the end is a checksum against bad copies, nothing more; trust comes from the signature (K-09).
"""

from __future__ import annotations

import binascii
import re
import struct
from urllib.parse import unquote_to_bytes

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import md5_checksum
from tallystick.kernel.identifiers import SdcInvoiceNumber, Uid
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceRequest, InvoiceResult, InvoiceType, TransactionType
from tallystick.kernel.limits import LIMITS

VERSION = 3
OLD_VERSION = 2  # the same order of fields, without the checksum

_HEAD = struct.Struct("<B8s8sIIQ")  # counters and amount little endian ...
_TAIL = struct.Struct(">QBBB")  # ... the time big endian
_FIXED_BYTES = _HEAD.size + _TAIL.size  # 44
_SIGNATURE_BYTES = 256
_INTERNAL_DATA_BYTES = (256, 512)
_CHECKSUM_BYTES = 16
_BUYER_ID_BYTES_MAX = LIMITS.buyer_id_bytes
_PREFIX_CHARACTERS_MAX = 512
_PREFIX = re.compile(r"https?://[!-~]+[?&]vl=")
_UID = re.compile(rb"[A-Z0-9]{8}")
_ESCAPES = (("%2B", "+"), ("%2F", "/"), ("%3D", "="), ("%2b", "+"), ("%2f", "/"), ("%3d", "="))

MISSING, LONG, SHORT, RANGE, FORMAT = "1", "2", "3", "4", "5"


@attrs.frozen(slots=True, kw_only=True)
class VerificationData:
    """What one verification URL says. The amount counts ten-thousandths, the time milliseconds since 1970 UTC.

    ``buyer_id`` is without padding; ``encrypted_internal_data`` has 256 or 512 bytes, ``signature`` 256.
    """

    requested_by: Uid
    signed_by: Uid
    total_counter: int
    type_counter: int
    amount: Money
    time_ms: int
    invoice_type: InvoiceType
    transaction_type: TransactionType
    buyer_id: bytes
    encrypted_internal_data: bytes
    signature: bytes
    version: int = VERSION

    @property
    def number(self) -> SdcInvoiceNumber:
        """The SDC invoice number."""
        return SdcInvoiceNumber(self.requested_by, self.signed_by, self.total_counter)


def encode(data: VerificationData) -> bytes:
    """The bytes of the URL's parameter; a value that the layout cannot hold is our own bug (`ValueError`)."""
    if len(data.encrypted_internal_data) not in _INTERNAL_DATA_BYTES or len(data.signature) != _SIGNATURE_BYTES:
        raise ValueError("internal data has 256 or 512 bytes, a signature 256")
    if len(data.buyer_id) > _BUYER_ID_BYTES_MAX or data.version not in (VERSION, OLD_VERSION):
        raise ValueError("a buyer id has at most 20 bytes, the version is 3 or 2")
    try:
        head = _HEAD.pack(
            data.version,
            data.requested_by.encode("ascii"),
            data.signed_by.encode("ascii"),
            data.total_counter,
            data.type_counter,
            data.amount.scaled,
        )
        tail = _TAIL.pack(data.time_ms, data.invoice_type, data.transaction_type, len(data.buyer_id))
    except struct.error as error:
        raise ValueError(str(error)) from None
    raw = b"".join((head, tail, data.buyer_id, data.encrypted_internal_data, data.signature))
    return raw + md5_checksum(raw) if data.version == VERSION else raw


def decode(raw: bytes) -> VerificationData:
    """Read the bytes of the URL's parameter; raises `TS-1220` that says which part is wrong."""
    if len(raw) < _FIXED_BYTES:
        raise _fault("/", SHORT, f"{len(raw)} bytes are too few")
    version, requested_by, signed_by, total_counter, type_counter, amount = _HEAD.unpack_from(raw)
    time_ms, invoice_type, transaction_type, buyer_bytes = _TAIL.unpack_from(raw, _HEAD.size)
    if version not in (VERSION, OLD_VERSION):
        raise _fault("/version", RANGE, f"version {version}")
    if buyer_bytes > _BUYER_ID_BYTES_MAX:
        raise _fault("/buyerId", LONG, f"a buyer id of {buyer_bytes} bytes")
    checksum_bytes = _CHECKSUM_BYTES if version == VERSION else 0
    internal_at = _FIXED_BYTES + buyer_bytes
    signature_at = len(raw) - checksum_bytes - _SIGNATURE_BYTES
    if signature_at - internal_at not in _INTERNAL_DATA_BYTES:
        raise _fault("/", FORMAT, f"{len(raw)} bytes are no possible length")
    if checksum_bytes and md5_checksum(raw[:-checksum_bytes]) != raw[-checksum_bytes:]:
        raise _fault("/checksum", FORMAT, "the checksum does not fit")
    return VerificationData(
        version=version,
        requested_by=_uid(requested_by, "/requestedBy"),
        signed_by=_uid(signed_by, "/signedBy"),
        total_counter=total_counter,
        type_counter=type_counter,
        amount=Money(amount),
        time_ms=time_ms,
        invoice_type=_invoice_type(invoice_type),
        transaction_type=_transaction_type(transaction_type),
        buyer_id=raw[_FIXED_BYTES:internal_at].lstrip(b"\0"),
        encrypted_internal_data=raw[internal_at:signature_at],
        signature=raw[signature_at : signature_at + _SIGNATURE_BYTES],
    )


def signed_data(request: InvoiceRequest, result: InvoiceResult) -> VerificationData:
    """What the verification URL of an invoice must say (S2-059)."""
    return VerificationData(
        requested_by=result.requested_by,
        signed_by=result.signed_by,
        total_counter=result.total_counter,
        type_counter=result.type_counter,
        amount=result.total_amount,
        time_ms=unix_ms(result.sdc_time),
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        buyer_id=(request.buyer_id or "").encode(),
        encrypted_internal_data=result.encrypted_internal_data,
        signature=result.signature,
    )


def to_url(prefix: str, data: VerificationData) -> str:
    """The prefix of command 2 and the percent-encoded Base64 (S2-058); escapes in upper case."""
    text = binascii.b2a_base64(encode(data), newline=False).decode("ascii")
    return prefix + text.replace("+", "%2B").replace("/", "%2F").replace("=", "%3D")


def is_prefix(text: str) -> bool:
    """Whether command 2 may set this: an ASCII web address that ends in ``vl=`` and leaves the data enough room."""
    return len(text) <= _PREFIX_CHARACTERS_MAX and _PREFIX.fullmatch(text) is not None


def from_url(url_or_query: str) -> VerificationData:
    """Read a whole URL or its query in any encoding seen in the field; raises `TS-1220`.

    Taken in this order: what follows ``vl=`` up to ``&`` or ``#``; percent escapes; blanks back to ``+``; the URL-safe
    alphabet; missing ``=``.
    """
    if len(url_or_query) > LIMITS.verification_url_bytes:
        raise _fault("/vl", LONG, f"a URL of more than {LIMITS.verification_url_bytes} bytes")
    text = _parameter(url_or_query)
    if not text:
        raise _fault("/vl", MISSING, "no parameter vl")
    return decode(_base64(text))


def _parameter(url_or_query: str) -> str:
    if url_or_query.startswith("vl="):
        text = url_or_query[3:]
    else:
        text = url_or_query.partition("?vl=")[2] or url_or_query.partition("&vl=")[2]
    return text.partition("&")[0].partition("#")[0]


def _base64(text: str) -> bytes:
    try:
        for escape, character in _ESCAPES:
            text = text.replace(escape, character)
        if "%" in text:  # nobody needs to escape anything else
            text = unquote_to_bytes(text).decode("ascii")
        text = text.replace(" ", "+").replace("-", "+").replace("_", "/").rstrip("=")
        return binascii.a2b_base64(text + "=" * (-len(text) % 4), strict_mode=True)
    except ValueError:
        raise _fault("/vl", FORMAT, "not Base64") from None


def _uid(raw: bytes, pointer: str) -> Uid:
    if _UID.fullmatch(raw) is None:
        raise _fault(pointer, FORMAT, "a UID is eight upper-case letters or digits")
    return Uid(raw.decode("ascii"))


def _invoice_type(number: int) -> InvoiceType:
    if number >= len(InvoiceType):
        raise _fault("/invoiceType", RANGE, f"invoice type {number}")
    return InvoiceType(number)


def _transaction_type(number: int) -> TransactionType:
    if number >= len(TransactionType):
        raise _fault("/transactionType", RANGE, f"transaction type {number}")
    return TransactionType(number)


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, code),))
