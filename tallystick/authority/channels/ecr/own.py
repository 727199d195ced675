"""Documents of the device that asks: an unknown number and one of somebody else get the same answer."""

from __future__ import annotations

import asyncio

from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.document_jws import MEDIA_TYPE

_PAUSES_SECONDS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4)


def own_number(text: str, sender: Sender) -> SdcInvoiceNumber:
    """A fiscal number of the caller; raises ``TS-4003`` for any other text."""
    try:
        number = SdcInvoiceNumber.parse(text)
    except Fault:
        raise _unknown() from None
    if number.requested_by != sender.uid or number.signed_by != sender.uid:
        raise _unknown()
    return number


async def own_entry(services: EcrServices, number: SdcInvoiceNumber) -> LedgerDocument:
    """What the ledger holds under it, once everybody may be shown it; raises ``TS-4003``.

    The answer to a document leaves behind the gate, and the row that shows others how far the gate is open comes a
    moment after it: it is waited for, and ``TS-5003`` is raised where it does not come.
    """
    for pause in _PAUSES_SECONDS:
        entry = await services.in_database(lambda conn: _entry(conn, number))
        if entry.acked:
            return entry
        await asyncio.sleep(pause)
    raise Fault("TS-5003", detail="the document is not confirmed yet", retry_after_seconds=1)


def _entry(conn: Connection, number: SdcInvoiceNumber) -> LedgerDocument:
    entry = ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)
    if entry is None or (entry.body and entry.media_type != MEDIA_TYPE):
        raise _unknown()
    return entry


def _unknown() -> Fault:
    return Fault("TS-4003", detail="no such document of this device")
