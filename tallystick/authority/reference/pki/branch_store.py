"""The SQL of withdrawn authorities, and of who may issue while one is withdrawn."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.pki.values import Withdrawal
from tallystick.authority.room_queries import Connection, RoomQueries

_SQL = RoomQueries("tallystick.authority.reference.pki")


def share_issuing(conn: Connection, authority: str) -> None:
    """Let no withdrawal of an authority begin until the transaction ends; waits for one that has begun."""
    _SQL.rows(conn, "share_issuing", authority=authority)


def stop_issuing(conn: Connection, authority: str) -> None:
    """Wait for certificates that are just being noted, and let none be noted until the transaction ends."""
    _SQL.rows(conn, "stop_issuing", authority=authority)


def add_withdrawal(conn: Connection, authority: str, since: datetime, reason: int, why: str, decided_by: str) -> bool:
    """Withdraw an authority; false when it is withdrawn already."""
    values = {"since": since, "reason": reason, "why": why, "decided_by": decided_by}
    return bool(_SQL.run(conn, "add_withdrawal", authority=authority, **values))


def withdrawals(conn: Connection) -> dict[str, Withdrawal]:
    """Every withdrawn authority, oldest first."""
    names = ("authority", "since", "reason", "why", "decided_by", "ledger_index")
    return {row[0]: Withdrawal(**dict(zip(names, row, strict=True))) for row in _SQL.rows(conn, "withdrawals")}


def set_withdrawal_index(conn: Connection, authority: str, index: int) -> bool:
    """Note where the ledger has it, once."""
    return bool(_SQL.run(conn, "set_withdrawal_index", authority=authority, ledger_index=index))
