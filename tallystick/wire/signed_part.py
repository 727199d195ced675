"""What the card signed of an invoice, and what the buyer got beside it; without its lines, payments and taxes."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.kernel.fixed_point import Money
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire import verification_url
from tallystick.wire.card import signed_text


@attrs.frozen(slots=True, kw_only=True)
class SignedPart:
    """Absent texts are empty. ``signature`` has 256 bytes, ``encrypted_internal_data`` 256 or 512."""

    invoice_type: InvoiceType
    transaction_type: TransactionType
    buyer_id: str
    sdc_time: datetime
    type_counter: int
    total_counter: int
    total_amount: Money
    encrypted_internal_data: bytes
    signature: bytes
    verification_url: str
    journal: str

    def text(self, tin: str, act_hash: bytes) -> bytes:
        """The signed text (S2-063), with the requester's ``tin``.

        With the time of the result, or where that was careless with the time in the URL, as at intake: it is the
        one that has the SHA-256 ``act_hash``. Raises ``TS-12xx`` for what does not fit the card's fields.
        """
        text = self._text(tin, unix_ms(self.sdc_time))
        if sha256(text) == act_hash or not self.verification_url:
            return text
        return self._text(tin, verification_url.from_url(self.verification_url).time_ms)

    def _text(self, tin: str, time_ms: int) -> bytes:
        return signed_text(
            time_ms,
            tin,
            self.buyer_id.encode(),
            self.invoice_type,
            self.transaction_type,
            self.total_amount,
            self.type_counter,
            self.total_counter,
            self.encrypted_internal_data,
        )
