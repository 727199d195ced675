"""Receipts to be sent by e-mail or SMS (S0-033): the wish is kept, durably, until a gateway sends the link.

Whoever asks once more for the same document, way and contact gets the delivery that is there.
"""

from __future__ import annotations

import re
from datetime import datetime

import attrs

from tallystick.authority.channels.ecr import store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault, FieldFault
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin
from tallystick.kernel.instants import unix_ms
from tallystick.wire.document_jws import write_time
from tallystick.wire.ecr_api import CONTACT_CHARACTERS, Delivery
from tallystick.wire.strict_json import parse

MOST_OF_A_DOCUMENT = 5
BODY_BYTES_MAX = 4 * 1024
_EMAIL = re.compile(r"[^\s@<>()\[\]\\,;:\"\x00-\x1f\x7f]{1,64}@[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?", re.ASCII)
_PHONE = re.compile(r"\+[1-9][0-9]{6,14}", re.ASCII)
_FORMS = {"email": _EMAIL, "sms": _PHONE}


@attrs.frozen(slots=True)
class Wish:
    """Where a receipt shall go: ``by`` email or sms."""

    by: str
    to: str


def read_wish(body: bytes) -> Wish:
    """Read ``{"by": "email" or "sms", "to": address or number}``; raises ``TS-121x`` and ``TS-1220``."""
    said = parse(body, max_bytes=BODY_BYTES_MAX)
    if not isinstance(said, dict):
        raise _fault("/", "5", "an object with by and to")
    for name in ("by", "to"):
        if name not in said:
            raise _fault(f"/{name}", "1", "a member is missing")
    if len(said) > 2:
        raise Fault("TS-1215", detail="an unknown member", fields=(FieldFault("/", "5"),))
    by, to = said["by"], said["to"]
    form = _FORMS.get(by) if isinstance(by, str) else None
    if form is None:
        raise _fault("/by", "5", "email or sms")
    if not isinstance(to, str) or len(to) > CONTACT_CHARACTERS or form.fullmatch(to) is None:
        raise _fault("/to", "5", "an address such as ana@example.org, or a number such as +38161234567")
    return Wish(str(by), to)


def ask(conn: Connection, number: SdcInvoiceNumber, tin: Tin, wish: Wish, at: datetime) -> tuple[Delivery, bool]:
    """Keep the wish; the delivery, and whether it is a new one. Raises ``TS-3241`` for too many."""
    store.lock_document(conn, str(number))
    known = store.deliveries_of(conn, number.signed_by, number.ordinal)
    for row in known:
        if (row.by, row.contact) == (wish.by, wish.to):
            return delivery_of(row), False
    if len(known) >= MOST_OF_A_DOCUMENT:
        raise Fault("TS-3241", detail=f"a receipt is sent {MOST_OF_A_DOCUMENT} times at most")
    row = store.add_delivery(conn, number.signed_by, number.ordinal, tin, wish.by, wish.to, at)
    return delivery_of(row), True


def delivery_of(row: store.DeliveryRow) -> Delivery:
    """As the wire tells it."""
    return Delivery(
        asked_at=write_time(unix_ms(row.asked_at)),
        by=row.by,
        id=str(row.delivery_id),
        number=f"{row.uid}-{row.uid}-{row.sequence}",
        state=row.state,
        to=row.contact or "",
    )


def _fault(pointer: str, code: str, detail: str) -> Fault:
    return Fault("TS-1220", detail=detail, fields=(FieldFault(pointer, code),))
