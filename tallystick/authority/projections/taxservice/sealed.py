"""What leaves the house is what was sealed: record and body are compared with the leaf before a document is sent."""

from __future__ import annotations

from tallystick.authority.ledger.tombstones import erased_hash
from tallystick.authority.projections.taxservice.kinds import kind_of
from tallystick.authority.projections.taxservice.store import SealedRow
from tallystick.authority.projections.taxservice.values import Claimed, Outgoing
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.wire.leaf import read_leaf
from tallystick.wire.record import read_record
from tallystick.wire.tax_service import document_of


def document_to_send(conn: Connection, item: Claimed, row: SealedRow | None, size: int) -> Outgoing:
    """The document of an item, or why it must not be sent: its tables do not hold what the leaf commits to.

    A body that an order in the ledger (below ``size``) had erased is sent as erased; one that somebody removed is not.
    """
    if row is None or row.record is None or row.salt is None:
        return Outgoing(item, None, "the ledger's tables lack the leaf, the record or its salt")
    try:
        if record_commitment(row.salt, row.record) != read_leaf(row.leaf).record_commitment:
            return Outgoing(item, None, "the record is not the one that was sealed")
        record, body = read_record(row.record), row.body
        is_sealed = body is not None and sha256(body).hex() == record.body_hash
        if not is_sealed and erased_hash(conn, row.log_index, row.media_type, body, size) != record.body_hash:
            return Outgoing(item, None, "the body is not the one that was sealed")
        kind = kind_of(int(record.type))
        return Outgoing(item, document_of(record, entry=row.log_index, kind=kind, body=body or b""))
    except (Fault, ValueError) as error:
        return Outgoing(item, None, f"the record cannot be read: {error}")
