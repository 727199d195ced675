"""A command in the outbox, as a value."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

import attrs

from tallystick.kernel.identifiers import Uid
from tallystick.wire.taxcore_api import Command, CommandType

REPLACING = frozenset(
    {
        CommandType.SET_TAX_RATES,
        CommandType.SET_TIME_SERVER_URL,
        CommandType.SET_VERIFICATION_URL,
        CommandType.FORWARD_PROOF_OF_AUDIT,
        CommandType.SET_TAX_CORE_CONFIGURATION,
    }
)
"""Kinds of which only the newest counts: configuration, and the proof of the newest audit (S2-115)."""


@attrs.frozen(slots=True, kw_only=True)
class QueuedCommand:
    """A command with its life so far; ``success`` is none until the device has reported."""

    command_id: UUID
    uid: Uid
    type: CommandType
    payload: str
    queued_at: datetime
    fetched_at: datetime | None
    superseded_at: datetime | None
    reported_at: datetime | None
    success: bool | None

    @property
    def is_outstanding(self) -> bool:
        """Whether the device still has to fetch or report it."""
        return self.reported_at is None and self.superseded_at is None

    @property
    def wire(self) -> Command:
        """The form of the wire; the id is written as the published examples write it, in capitals."""
        return Command(command_id=str(self.command_id).upper(), type=self.type, payload=self.payload, uid=self.uid)


@attrs.frozen(slots=True)
class CommandsOverview:
    """How many commands wait, succeeded and failed, for the operator's page."""

    outstanding: int
    succeeded: int
    failed: int
