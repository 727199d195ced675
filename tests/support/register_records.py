"""What the ledger writes of a register's honest documents, for the offline verifier's tests."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Any

from benchmarks.national_documents import Made, Register
from tallystick.wire.record import Record

ORIGIN = "fdo.example/test"
AT = datetime.now(UTC)


@cache
def a_device() -> Register:
    return Register.of("TILL0001", "300000003", ORIGIN, AT)


def fresh() -> Register:
    """A register that has reported itself; all share one key."""
    shared = a_device().device
    shared.seq, shared.link = 0, bytes(32)
    made = Register(shared, AT)
    made.register()
    return made


def record_of(made: Made, **changes: Any) -> Record:
    """The record that the ledger makes of an honest entry."""
    entry, header = made.entry, made.signed.header
    values: dict[str, Any] = {
        "version": "1",
        "act_hash": made.signed.act_hash.hex(),
        "certificate_hash": header.kid.hex(),
        "day": str(entry.day),
        "day_amount": str(entry.day_amount),
        "device": f"{header.device}-{header.device}",
        "device_prev": header.previous.hex(),
        "device_seq": str(header.sequence),
        "issued_at": str(entry.issued_at_ms),
        "refers_to": entry.refers_to,
        "se_total": str(entry.se_total),
        "tax_totals": {key: str(amount) for key, amount in entry.tax_totals.items()},
        "taxpayer": entry.tin,
        "total": str(entry.total),
        "type": str(entry.document_type),
    }
    return Record(**(values | changes))
