"""What the local audit shows while it works: one value that a display reads, and listeners that hear of each change.

For whoever builds a face: `board.now` is the newest `MediumState`, `board.listen(callback)` calls with each new one, in
the event loop's thread. A face shows start and end of copying and that commands were carried out (wire: chapter 8).
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from enum import StrEnum

import attrs

log = logging.getLogger(__name__)


class Phase(StrEnum):
    """Where a medium stands."""

    IDLE = "idle"
    COMMANDS = "commands"
    COPYING = "copying"
    DONE = "done"
    FAILED = "failed"


class Trouble(StrEnum):
    """Why an export did not do all that it could; empty for none."""

    NONE = ""
    FULL = "medium-full"
    READ_ONLY = "medium-read-only"
    GONE = "medium-gone"
    UNREADABLE = "file-unreadable"
    PIN = "pin-needed"
    NO_CARD = "card-needed"


@attrs.frozen(slots=True, kw_only=True)
class MediumState:
    """One medium at one moment; counts grow while it is served and stay until the next one begins.

    ``copied`` packages were written, ``there`` lay there already, of ``total``. ``commands`` were carried out now,
    ``commands_failed`` of them without success; ``commands_waiting`` wait for PIN or card. ``request`` says whether the
    card's request for a proof of audit lies beside its packages.
    """

    phase: Phase = Phase.IDLE
    medium: str = ""
    uid: str = ""
    copied: int = 0
    there: int = 0
    total: int = 0
    request: bool = False
    commands: int = 0
    commands_failed: int = 0
    commands_waiting: int = 0
    trouble: Trouble = Trouble.NONE

    @property
    def is_at_its_end(self) -> bool:
        """Whether the medium may be taken out."""
        return self.phase in (Phase.IDLE, Phase.DONE, Phase.FAILED)


Listener = Callable[[MediumState], None]


class LocalAuditBoard:
    """The state of one slot's local audit."""

    def __init__(self) -> None:
        self.now = MediumState()
        self._listeners: list[Listener] = []

    def listen(self, listener: Listener) -> None:
        """Hear of each change from now on."""
        self._listeners.append(listener)

    def leave(self, listener: Listener) -> None:
        """Hear no more."""
        self._listeners.remove(listener)

    def show(self, state: MediumState) -> None:
        """A new state; a listener's failure is its own."""
        before, self.now = self.now, state
        if before.phase is not state.phase:
            log.info("medium %s: %s", state.medium, state.phase, extra={"medium": attrs.asdict(state)})
        for listener in tuple(self._listeners):
            try:
                listener(state)
            except Exception:
                log.exception("a listener of the local audit failed")
