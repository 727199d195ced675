"""How a channel's checks are written down: one function each, under its step, in the order of the steps."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

import attrs

from tallystick.authority.intake.steps import Step, steps_of
from tallystick.authority.ledger.entry import Channel

Rules = TypeVar("Rules")
"""What the checks of a kind of document consult."""
Document = TypeVar("Document")
"""A kind of document on its way."""


@attrs.frozen(slots=True)
class Check(Generic[Rules, Document]):
    """One check: its step, and the function, which passes silently or raises one fault."""

    step: Step
    function: Callable[[Rules, Document], Awaitable[None] | None]

    @property
    def name(self) -> str:
        """What it says."""
        return self.function.__name__


def in_order(channel: Channel, *checks: Check[Rules, Document]) -> tuple[Check[Rules, Document], ...]:
    """The checks of a channel, which must stand in the order of their steps; ``ValueError`` for a step out of place."""
    steps = [check.step for check in checks]
    if steps != sorted(steps) or not set(steps) <= set(steps_of(channel)):
        raise ValueError(f"checks of {channel.name} out of order, or under a step that does not apply: {steps}")
    return checks


@attrs.frozen(slots=True)
class ChannelChecks(Generic[Rules, Document]):
    """The checks of one channel: who fails ``proof`` is refused, who fails ``kept`` was lawfully signed."""

    proof: tuple[Check[Rules, Document], ...]
    kept: tuple[Check[Rules, Document], ...]
