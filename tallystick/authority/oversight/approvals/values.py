"""A request for a deed that needs a second person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

PORTAL = "portal"
"""Where a person came from who signed in on the pages; a shell is ``shell:account``."""


class State(StrEnum):
    """Where a request stands; approved is not done yet."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    DONE = "done"


@attrs.frozen(slots=True)
class Person:
    """Who acts, and where from. Two names used from one shell are one person."""

    username: str
    came_from: str

    @property
    def actor(self) -> str:
        """As the activity log names him."""
        return f"officer:{self.username}"

    def is_same_as(self, username: str, came_from: str) -> bool:
        """Whether this is the person who came in under that name from there."""
        return self.username == username or (self.came_from != PORTAL and self.came_from == came_from)


@attrs.frozen(slots=True, kw_only=True)
class Request:
    """One request; ``deed`` is ``room.deed``, ``content`` what shall be done, all values text."""

    request_id: int
    deed: str
    object: str
    content: Mapping[str, str]
    reason: str
    asked_by: str
    asked_from: str
    asked_at: datetime
    expires_at: datetime
    state: State
    decided_by: str | None
    decided_at: datetime | None
    done_at: datetime | None
