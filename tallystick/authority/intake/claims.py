"""What refunds take from their originals: noted before the booking, counted under the original's lock (S0-059).

One table for every channel. A register of the national channels asks before it gives money back, so its refund is noted
where enough is left. A card has signed by the time its package comes, and an offline register has sold: what these took
is noted whatever is left, and stays noted where a crash came before the booking, for the document will come again.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import Enum, auto

import attrs

from tallystick.authority.room_queries import Connection, RoomQueries
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.given_back import is_instalment
from tallystick.kernel.identifiers import SdcInvoiceNumber

_QUERIES = RoomQueries("tallystick.authority.intake")

IDLE_AFTER = timedelta(minutes=10)
"""When a claim whose refund is not in the ledger counts no more: nothing is in work for so long."""


class Taken(Enum):
    """How a refund stands to its original.

    ``UNJUDGED``: the ledger has no such original yet, or one of whose instalments nobody can tell the sum here.
    ``FOREIGN``: the original is another taxpayer's, and nothing is taken from it.
    """

    ENOUGH = auto()
    BEYOND = auto()
    UNJUDGED = auto()
    FOREIGN = auto()


@attrs.frozen(slots=True, kw_only=True)
class RefundClaim:
    """What a refund takes: from which document, how much of it.

    ``device`` and ``sequence`` are its signer and its own number, ``act_hash`` is its act, ``tin`` whose it is.
    ``limit`` is the original's total where the caller has found it to be of the same taxpayer; else it is looked up.
    """

    original: SdcInvoiceNumber
    amount: Money
    act_hash: bytes
    device: str
    sequence: int
    tin: str
    limit: Money | None = None


def put(conn: Connection, claim: RefundClaim, at: datetime, *, forced: bool) -> Taken:
    """Note a claim, unless it is more than is left; ``forced`` notes it in any case but `Taken.FOREIGN`.

    ``at`` is now, and not when the refund arrived: what lay in a part for an hour is in work from now on. A claim that
    is noted already keeps its place before those that came later. Takes the lock of the original until
    the transaction ends.
    """
    if claim.limit is None and not _is_of_this_log(conn, claim.original):
        return Taken.UNJUDGED
    _QUERIES.run(conn, "lock_original", original=str(claim.original))
    noted = _QUERIES.row(conn, "noted_claim", act_hash=claim.act_hash)
    if noted is not None and noted[0] is not None:
        taken = Taken.BEYOND if noted[0] else Taken.ENOUGH
    else:
        taken = _judge(conn, claim, at)
    if taken is not Taken.FOREIGN and (forced or taken is not Taken.BEYOND):
        beyond = None if taken is Taken.UNJUDGED else taken is Taken.BEYOND
        _put(conn, claim, at, forced=forced, beyond=beyond)
    return taken


def put_booked(conn: Connection, claim: RefundClaim, at: datetime, *, beyond: bool) -> bool:
    """Note what a refund in the ledger takes; false where that is noted."""
    if _QUERIES.row(conn, "noted_claim", act_hash=claim.act_hash) or not _is_of_this_log(conn, claim.original):
        return False
    _QUERIES.run(conn, "lock_original", original=str(claim.original))
    _put(conn, claim, at, forced=True, beyond=beyond or None)
    return True


def let_go(conn: Connection, act_hash: bytes) -> None:
    """A refund was refused and takes nothing; one that is booked keeps its claim."""
    _QUERIES.run(conn, "let_claim_go", act_hash=act_hash)


def _is_of_this_log(conn: Connection, number: SdcInvoiceNumber) -> bool:
    """Whether the ledger knows who made it: placeholders on old paper are not worth a lock."""
    return bool(_QUERIES.value(conn, "maker_is_known", signed_by=number.signed_by, requested_by=number.requested_by))


def _judge(conn: Connection, claim: RefundClaim, at: datetime) -> Taken:
    limit = claim.limit
    if limit is None:
        found = _original(conn, claim.original)
        if found is None:
            return Taken.UNJUDGED
        total, taxpayer, document_type, refers_to = found
        if taxpayer != claim.tin:
            return Taken.FOREIGN
        if is_instalment(int(document_type), refers_to):
            return Taken.UNJUDGED
        limit = Money(int(total))
    if _left(conn, claim, limit) >= claim.amount.scaled:
        return Taken.ENOUGH
    idle = {"original": str(claim.original), "act_hash": claim.act_hash, "before": at - IDLE_AFTER}
    if _QUERIES.run(conn, "let_idle_claims_go", **idle) and _left(conn, claim, limit) >= claim.amount.scaled:
        return Taken.ENOUGH
    return Taken.BEYOND


def _original(conn: Connection, number: SdcInvoiceNumber) -> tuple[str, str, str, str] | None:
    """Total (x 10000), taxpayer, type and reference of a booked document; none where the law had them erased."""
    row = _QUERIES.row(
        conn,
        "original",
        signed_by=number.signed_by,
        requested_by=number.requested_by,
        ordinal=number.ordinal,
    )
    return None if row is None else (row[0], row[1], row[2], row[3])


def _left(conn: Connection, claim: RefundClaim, limit: Money) -> int:
    taken = _QUERIES.value(conn, "claimed", original=str(claim.original), act_hash=claim.act_hash, tin=claim.tin)
    return limit.scaled - int(taken)


def _put(conn: Connection, claim: RefundClaim, at: datetime, *, forced: bool, beyond: bool | None) -> None:
    _QUERIES.run(
        conn,
        "put_claim",
        act_hash=claim.act_hash,
        original=str(claim.original),
        device=claim.device,
        sequence=claim.sequence,
        amount=claim.amount.scaled,
        at=at,
        tin=claim.tin,
        given=forced,
        beyond=beyond,
    )
