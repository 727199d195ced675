"""The queue to the tax service, as devices of the national online channel may ask it about their own documents."""

from __future__ import annotations

from collections.abc import Sequence

from tallystick.authority.projections.taxservice import queries
from tallystick.authority.projections.taxservice.values import OwnDocument
from tallystick.authority.room_queries import Connection


class TaxQueue:
    """`channels.ecr.ports.QueueStatus` over the room of the queue. A national device signs for itself."""

    def own(self, conn: Connection, uid: str, *, after: int, limit: int) -> Sequence[OwnDocument]:
        """See the port."""
        return queries.own_documents(conn, (uid, uid), after=after, limit=limit)

    def one(self, conn: Connection, uid: str, ordinal: int) -> OwnDocument | None:
        """See the port."""
        return queries.own_document(conn, (uid, uid), ordinal)
