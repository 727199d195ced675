"""A request for a deed that needs a second person."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum

import attrs

PORTAL = "portal"
"""Where a person came from who signed in on the pages; a shell is ``shell:account``."""
SHELL = "shell:"
OFFICER = "officer"


class State(StrEnum):
    """Where a request stands; approved is not done yet."""

    PENDING = "pending"
    APPROVED = "approved"
    REFUSED = "refused"
    EXPIRED = "expired"
    DONE = "done"


def account_of(came_from: str) -> str:
    """The account of a shell; empty for who came in elsewhere."""
    return came_from.removeprefix(SHELL) if came_from.startswith(SHELL) else ""


def actor_of(role: str, username: str) -> str:
    """As the activity log names somebody."""
    return f"{role}:{username}"


@attrs.frozen(slots=True)
class Person:
    """Who acts, where from, and in which role: an officer's, unless said.

    One person is known by his user name and by the account in whose shell he works. Whoever shares one of these names
    with another is the same person, so two users at one account are one, and ``ann`` on the pages is ``shell:ann``.
    """

    username: str
    came_from: str
    role: str = OFFICER

    @property
    def actor(self) -> str:
        """As the activity log names him."""
        return actor_of(self.role, self.username)

    def is_same_as(self, username: str, came_from: str) -> bool:
        """Whether this is the person who came in under that name from there."""
        if self.came_from != PORTAL and self.came_from == came_from:
            return True
        return not _names(self.username, self.came_from).isdisjoint(_names(username, came_from))


def _names(username: str, came_from: str) -> frozenset[str]:
    return frozenset(name.casefold() for name in (username, account_of(came_from)) if name)


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
    decided_as: str | None = None

    @property
    def decider(self) -> str:
        """Who decided, as the activity log names him."""
        return actor_of(self.decided_as or OFFICER, self.decided_by or "")
