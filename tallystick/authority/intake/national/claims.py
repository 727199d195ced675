"""What refunds take from their originals, in SQL: noted before the booking, counted under the original's lock."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.authority.intake.national.values import RefundClaim
from tallystick.authority.room_queries import Connection, RoomQueries

_QUERIES = RoomQueries("tallystick.authority.intake")

IDLE_AFTER = timedelta(minutes=10)
"""When a claim whose refund is not in the ledger counts no more: nothing is in work for so long."""


def put(conn: Connection, claim: RefundClaim, at: datetime, *, forced: bool) -> bool:
    """Note a claim unless it is more than is left; false then. ``forced`` notes it in any case, and says the same.

    ``at`` is now, and not when the refund arrived: what lay in a part for an hour is in work from now on.
    """
    _QUERIES.run(conn, "lock_original", original=claim.original)
    is_enough = _left(conn, claim) >= claim.amount.scaled
    if not is_enough:
        idle = {"original": claim.original, "act_hash": claim.act_hash, "before": at - IDLE_AFTER}
        if _QUERIES.run(conn, "let_idle_claims_go", **idle):
            is_enough = _left(conn, claim) >= claim.amount.scaled
    if is_enough or forced:
        _QUERIES.run(
            conn,
            "put_claim",
            act_hash=claim.act_hash,
            original=claim.original,
            device=claim.device,
            sequence=claim.sequence,
            amount=claim.amount.scaled,
            at=at,
        )
    return is_enough


def let_go(conn: Connection, act_hash: bytes) -> None:
    """A refund was refused and takes nothing; one that is booked keeps its claim."""
    _QUERIES.run(conn, "let_claim_go", act_hash=act_hash)


def _left(conn: Connection, claim: RefundClaim) -> int:
    taken = _QUERIES.value(conn, "claimed", original=claim.original, act_hash=claim.act_hash)
    return claim.limit.scaled - int(taken)
