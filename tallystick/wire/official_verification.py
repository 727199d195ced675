"""Bodies of the official verification service for certificate holders (``POST /api/invoices/verifyInvoice``).

That the service exists is public, its body is not (wire: 10.2): both forms here are ours.
"""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire import strict_json
from tallystick.wire.pos_values import KeyNames, encode_json

_KEYS = KeyNames("verificationUrl")


@attrs.frozen(slots=True, kw_only=True)
class OfficialAnswer:
    """What a certificate holder learns: the state of an invoice and its metadata, never items, buyer or journal.

    All but ``status`` and ``is_valid`` is none when the URL could not be verified; ``received_at`` and ``log_index``
    are none until the invoice is booked.
    """

    status: str
    is_valid: bool
    invoice_number: str | None = None
    tax_id: str | None = None
    invoice_type: InvoiceType | None = None
    transaction_type: TransactionType | None = None
    total_amount: Money | None = None
    sdc_time: datetime | None = None
    received_at: datetime | None = None
    log_index: int | None = None


def read_official_question(body: bytes) -> str:
    """The verification URL of ``{"verificationUrl": "…"}``; raises ``TS-1210`` to ``TS-1216`` and ``TS-1220``."""
    value = strict_json.parse(body, taxcore=True)
    url = _KEYS.of(value)[0].get("verificationUrl") if isinstance(value, dict) else None
    if not isinstance(url, str) or not url:
        raise Fault("TS-1220", detail="send the verification URL", fields=(FieldFault("/verificationUrl", "1"),))
    return url


def write_official_answer(answer: OfficialAnswer) -> bytes:
    """The answer; every member is always there, null where there is nothing to say."""
    return encode_json(
        {
            "status": answer.status,
            "isValid": answer.is_valid,
            "invoiceNumber": answer.invoice_number,
            "taxId": answer.tax_id,
            "invoiceType": None if answer.invoice_type is None else int(answer.invoice_type),
            "transactionType": None if answer.transaction_type is None else int(answer.transaction_type),
            "totalAmount": None if answer.total_amount is None else answer.total_amount.rounded(2),
            "sdcTime": _moment(answer.sdc_time),
            "receivedAt": _moment(answer.received_at),
            "logIndex": answer.log_index,
        }
    )


def _moment(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
