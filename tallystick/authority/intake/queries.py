"""What may be asked of the intake's stores."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

import attrs

from tallystick.authority.intake import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.identifiers import SdcInvoiceNumber


@attrs.frozen(slots=True)
class IntakeOverview:
    """Counts for the operator's page; ``refused_lately`` is of the last 24 hours."""

    refused: int
    refused_lately: int
    quarantined: int
    evidence: int


def overview(conn: Connection, now: datetime) -> IntakeOverview:
    """How much lies in the three stores."""
    return IntakeOverview(*store.overview(conn, now - timedelta(days=1)))


def kept_ordinals(conn: Connection, signed_by: str, first: int, last: int) -> set[int]:
    """Ordinals of a signer that no document leaf has, but a quarantine or evidence entry (I-10)."""
    return store.kept_ordinals(conn, signed_by, first, last)


def kept_turnover(conn: Connection, signed_by: str, first: int, last: int) -> int:
    """What the quarantined fiscal receipts of a signer add to its unaudited sum, in ten-thousandths."""
    return store.kept_turnover(conn, signed_by, first, last)


@attrs.frozen(slots=True, kw_only=True)
class BookedRefund:
    """A document of the ledger, at ``index``, that gives back ``amount`` (x 10000) of another one; its record too."""

    original: SdcInvoiceNumber
    index: int
    amount: int
    record: bytes


def booked_refunds(conn: Connection, originals: Collection[SdcInvoiceNumber]) -> list[BookedRefund]:
    """What refunds behind the ledger's gate took of these documents, in the ledger's order."""
    return [
        BookedRefund(
            original=SdcInvoiceNumber.parse(original),
            index=index,
            amount=amount,
            record=bytes(record),
        )
        for original, index, amount, record in store.booked_refunds(conn, originals)
    ]


def is_kept_apart(conn: Connection, act_hash: bytes) -> bool:
    """Whether the document of an act lies in quarantine, waiting or rejected; one that was re-admitted does not."""
    return store.is_kept_apart(conn, act_hash)
