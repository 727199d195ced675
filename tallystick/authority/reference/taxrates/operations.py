"""What may be done with tax rates: publish a group, once and for all."""

from __future__ import annotations

from tallystick.authority.reference.taxrates import queries, store
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.tax_rates import TaxRateGroup


def publish_group(conn: Connection, group: TaxRateGroup) -> bool:
    """Publish a group; false when exactly this group is there already.

    Raises ``TS-2004`` when another content stands under the same number, or the group has no category: receipts
    name their group by number, so its content must never change (S2-054).
    """
    if not group.categories:
        raise Fault("TS-2004", detail="a rate group without categories")
    if store.add_group(conn, group):
        return True
    present = next((known for known in queries.current_groups(conn) if known.group_id == group.group_id), None)
    if present != group:
        raise Fault("TS-2004", detail=f"rate group {group.group_id} is published with another content")
    return False
