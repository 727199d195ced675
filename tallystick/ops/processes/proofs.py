"""Proofs of audit, wired: what the device API hands in, and what the worker decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from tallystick.kernel.fixed_point import Money
from tallystick.ops.processes.context import Context, DatabaseConnection


class ProofOfAuditPort:
    """The device API's door to proofs of audit; both calls run in the caller's transaction."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def receive_request(
        self, conn: DatabaseConnection, uid: str, payload: bytes, sum: Money, limit: Money, at: datetime
    ) -> Sequence[tuple[int, int]]:
        """Take a card's request; returns the ranges of ordinals that are missing."""
        raise AssertionError

    def command_reported(
        self, conn: DatabaseConnection, uid: str, command_id: UUID, success: bool, at: datetime
    ) -> None:
        """A card executed a proof, or refused it."""
        raise AssertionError


def decide_proofs(context: Context, conn: DatabaseConnection, now: datetime) -> None:
    """Issue what can be issued."""
