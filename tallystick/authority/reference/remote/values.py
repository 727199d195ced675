"""A command in the room, with its life so far, and what became of a result that came in."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

import attrs

from tallystick.kernel.device_commands import CommandKind, DeviceCommand, Wanted
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import unix_ms


@attrs.frozen(slots=True, kw_only=True)
class GivenCommand:
    """A command; ``compact`` is none until it is signed, ``superseded_by`` the number of what took its place."""

    uid: Uid
    number: int
    wanted: Wanted
    issued_at: datetime
    expires_at: datetime
    kid: bytes | None = None
    digest: bytes | None = None
    compact: bytes | None = attrs.field(default=None, repr=False)
    fetched_at: datetime | None = None
    superseded_by: int | None = None
    answered_at: datetime | None = None

    @property
    def kind(self) -> CommandKind:
        """What it wants, in one word."""
        return self.wanted.kind

    def in_environment(self, audience: str) -> DeviceCommand:
        """As it is signed for the devices of an environment."""
        return DeviceCommand(
            audience=audience,
            device=self.uid,
            number=self.number,
            issued_ms=unix_ms(self.issued_at),
            expires_ms=unix_ms(self.expires_at),
            wanted=self.wanted,
        )


class Sort(StrEnum):
    """What a result is beside the others of its command."""

    ACCEPTED = "accepted"
    FINAL = "final"
    CONTRADICTION = "contradiction"


@attrs.frozen(slots=True)
class Taken:
    """What became of a result: as what it is kept, whether it is new, and what speaks against it, if anything."""

    sort: Sort
    is_new: bool
    received_at: datetime
    contradicts: str = ""
