"""Documents of the device that asks: an unknown number and one of somebody else get the same answer."""

from __future__ import annotations

from tallystick.authority.intake.national.values import Sender
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.document_jws import MEDIA_TYPE


def own_number(text: str, sender: Sender) -> SdcInvoiceNumber:
    """A fiscal number of the caller; raises ``TS-4003`` for any other text."""
    try:
        number = SdcInvoiceNumber.parse(text)
    except Fault:
        raise _unknown() from None
    if number.requested_by != sender.uid or number.signed_by != sender.uid:
        raise _unknown()
    return number


def own_entry(conn: Connection, number: SdcInvoiceNumber) -> LedgerDocument:
    """What the ledger holds under it; raises ``TS-4003``, and ``TS-5003`` while it is not behind the gate."""
    entry = ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)
    if entry is None or (entry.body and entry.media_type != MEDIA_TYPE):
        raise _unknown()
    if not entry.acked:
        raise Fault("TS-5003", detail="the document is not confirmed yet", retry_after_seconds=1)
    return entry


def _unknown() -> Fault:
    return Fault("TS-4003", detail="no such document of this device")
