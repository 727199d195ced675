"""What may be asked of the ledger about many numbers of one device at once."""

from __future__ import annotations

from typing import Any

import attrs
import psycopg

from tallystick.authority.ledger.sequences import Device
from tallystick.kit.named_sql import load_queries
from tallystick.wire.record import read_record

_SQL = load_queries("tallystick.authority.ledger")


@attrs.frozen(slots=True)
class BookedNumber:
    """What the ledger has under a number, in short. ``flags`` are the codes of its booking, none of an erased record;
    ``acked`` is the gate."""

    ordinal: int
    index: int
    act_hash: bytes
    flags: tuple[str, ...]
    acked: bool


def documents_between(connection: psycopg.Connection[Any], device: Device, first: int, last: int) -> list[BookedNumber]:
    """What is booked of a device under the numbers of a span, in order; the caller bounds the span."""
    span = {"requested_by": device[0], "signed_by": device[1], "first": first, "last": last}
    return [
        BookedNumber(ordinal, index, act_hash, tuple(read_record(record).flags) if record else (), acked)
        for ordinal, index, act_hash, record, acked in connection.execute(_SQL["documents_between"], span)
    ]
