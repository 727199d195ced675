"""The fifteen steps as data: what each does, on which channels, and what is kept when it refuses (security, 4.1).

The number stands in the code, the log, the metric and the answer. The pipeline of a channel is a list of checks
(`CHECKS` of the channel's module), each under one of these numbers, in this order.
"""

from __future__ import annotations

from enum import StrEnum

import attrs

from tallystick.authority.ledger.entry import Channel


class Kept(StrEnum):
    """What stays with us when a document fails at a step."""

    COUNTERS = "counters"
    SOURCE = "source and hour count"
    BODY = "body for a while"
    QUARANTINE = "body until decided"
    FLAG = "booked with a flag"
    NOTHING = "nothing, the sender repeats"


@attrs.frozen(slots=True)
class Step:
    """One step: number, name, the channels that it applies to, and what is kept of a document that fails here."""

    number: int
    name: str
    channels: frozenset[Channel]
    kept: Kept


ALL = frozenset(Channel) - {Channel.NONE}

STEPS = (
    Step(1, "gates", ALL, Kept.COUNTERS),
    Step(2, "transport identity", ALL, Kept.SOURCE),
    Step(3, "open", ALL, Kept.BODY),
    Step(4, "read strictly", ALL, Kept.BODY),
    Step(5, "same bytes before", ALL, Kept.NOTHING),
    Step(6, "signature", ALL, Kept.BODY),
    Step(7, "binding", ALL, Kept.QUARANTINE),
    Step(8, "device state", ALL, Kept.QUARANTINE),
    Step(9, "freshness", ALL, Kept.FLAG),
    Step(10, "order", ALL, Kept.FLAG),
    Step(11, "arithmetic", ALL, Kept.FLAG),
    Step(12, "references", ALL, Kept.FLAG),
    Step(13, "outside checks", frozenset({Channel.ECR_ONLINE, Channel.ECR_OFFLINE, Channel.ERP}), Kept.FLAG),
    Step(14, "sequencer", ALL, Kept.NOTHING),
    Step(15, "gate and answer", ALL, Kept.NOTHING),
)


def step(number: int) -> Step:
    """The step of a number."""
    return STEPS[number - 1]


def steps_of(channel: Channel) -> tuple[int, ...]:
    """The numbers that apply to a channel, in order."""
    return tuple(one.number for one in STEPS if channel in one.channels)
