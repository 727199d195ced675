"""Audit data: request and result of one signed invoice, the plain text of an audit package (S2-059, S2-065, S2-075).

The writer is ours. The reader takes what foreign devices write: any key order and case, enumerations in every form,
keys that we do not know. A sale that was lawfully signed must not be lost to a careless field, so only what the
signature needs is demanded; everything else that cannot be read is noted and left for the pipeline to judge.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, tzinfo

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.invoice import (
    InvoiceRequest,
    InvoiceResult,
)
from tallystick.kernel.limits import LIMITS, Limits
from tallystick.wire import strict_json
from tallystick.wire.audit_reader import PackageReader, unreadable
from tallystick.wire.plain_audit_data import read_plainly, read_signed_plainly
from tallystick.wire.plain_values import PLAIN_BYTES_MAX
from tallystick.wire.pos_result import invoice_request_json, invoice_result_json
from tallystick.wire.pos_values import (
    KeyNames,
    encode_json,
)
from tallystick.wire.signed_part import SignedPart
from tallystick.wire.strict_json import JsonValue

# A journal of a thousand long items is one string.
_LIMITS: Limits = attrs.evolve(LIMITS, json_string_bytes=LIMITS.audit_package_bytes)
_TOP_KEYS = KeyNames("request", "result")
_BIDI_CONTROL = re.compile(rb"\xd8\x9c|\xe2\x80[\x8e\x8f\xaa-\xae]|\xe2\x81[\xa6-\xa9]")
_BIDI_ESCAPE = re.compile(rb"\\u(?:061[cC]|200[eEfF]|202[a-eA-E]|206[6-9])")
_URL = re.compile(rb'"verificationUrl"\s{0,8}:\s{0,8}("(?:[^"\\]|\\.){1,2048}")', re.IGNORECASE)


@attrs.frozen(slots=True)
class AuditData:
    """What one package says.

    Absent parts are empty: ``result.mrc``, ``result.verification_url``, ``request.payments``, ``result.journal`` None.
    ``plain`` is the text as it was opened, ``raw`` its JSON with every key. ``flags`` name oddities that were
    understood; ``reading_faults`` are the fields (other than those under the signature) that could not be understood
    and hold a neutral value.
    """

    request: InvoiceRequest
    result: InvoiceResult
    plain: bytes
    flags: tuple[str, ...] = ()
    reading_faults: tuple[FieldFault, ...] = ()

    @property
    def raw(self) -> Mapping[str, JsonValue]:
        """The JSON as it stands there, read anew."""
        value = strict_json.parse(self.plain, limits=_LIMITS, taxcore=True)
        assert isinstance(value, dict), "it was read before"
        return value


def write_audit_data(request: InvoiceRequest, result: InvoiceResult) -> bytes:
    """The plain text of a package: times in UTC (S2-075), the journal always (S2-065), never the QR image (S2-082)."""
    return encode_json(
        {
            "request": invoice_request_json(request),
            "result": invoice_result_json(result, offset_minutes=None, include_qr=False, include_journal=True),
        }
    )


def read_audit_data(plain: bytes, *, zone: tzinfo = UTC) -> AuditData:
    """Read the plain text of a package; ``zone`` is for times of the POS without an offset.

    Raises the JSON faults of `strict_json`, and `TS-1202` when something that the signature needs cannot be read.
    """
    if _may_be_plain(plain):
        quickly = read_plainly(plain, zone)
        if quickly is not None:
            return AuditData(*quickly, plain)
    value = strict_json.parse(plain, limits=_LIMITS, taxcore=True)
    if not isinstance(value, dict):
        raise unreadable("/")
    members, twice = _TOP_KEYS.of(value)
    request, result = members.get("request"), members.get("result")
    if twice or not isinstance(request, dict) or not isinstance(result, dict):
        raise unreadable("/request" if isinstance(result, dict) else "/result")
    reader = PackageReader(zone)
    if _has_bidi_control(plain):
        reader.flags.add("bidi-control")
    read_request = reader.request(request)
    read_result = reader.result(result, read_request.total_amount)
    return AuditData(read_request, read_result, plain, tuple(sorted(reader.flags)), tuple(reader.faults))


def read_signed_part(plain: bytes) -> SignedPart:
    """What `read_audit_data` reads, as far as the signature goes and what the buyer got; raises the same faults."""
    quickly = read_signed_plainly(plain) if _may_be_plain(plain) else None
    if quickly is not None:
        return quickly
    data = read_audit_data(plain)
    request, result = data.request, data.result
    return SignedPart(
        invoice_type=request.invoice_type,
        transaction_type=request.transaction_type,
        buyer_id=request.buyer_id or "",
        sdc_time=result.sdc_time,
        type_counter=result.type_counter,
        total_counter=result.total_counter,
        total_amount=result.total_amount,
        encrypted_internal_data=result.encrypted_internal_data,
        signature=result.signature,
        verification_url=result.verification_url,
        journal=result.journal or "",
    )


def _may_be_plain(plain: bytes) -> bool:
    return len(plain) <= PLAIN_BYTES_MAX and not strict_json.is_doubtful(plain) and not _has_bidi_control(plain)


def rescue_verification_url(plain: bytes) -> str | None:
    """The verification URL of a package that `read_audit_data` refuses, so that its signature can still be checked."""
    found = _URL.search(plain)
    try:
        url = None if found is None else strict_json.parse(found[1])
    except Fault:
        return None
    return url if isinstance(url, str) else None


def _has_bidi_control(plain: bytes) -> bool:
    """Whether some text may turn the writing direction, and so look like another one on a screen."""
    if (b"\xe2" in plain or b"\xd8" in plain) and _BIDI_CONTROL.search(plain) is not None:
        return True
    return b"\\" in plain and _BIDI_ESCAPE.search(plain) is not None
