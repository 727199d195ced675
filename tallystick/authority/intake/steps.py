"""The fifteen steps as data: what each does, on which channels, and what is kept when it refuses (security, 4.1).

The number stands in the code, the log, the metric and the answer. The pipeline of a channel is a list of checks, each
under one of these numbers, in this order.
"""

from __future__ import annotations

from enum import IntEnum, StrEnum

import attrs

from tallystick.authority.ledger.entry import Channel


class Step(IntEnum):
    """The number of a step."""

    GATES = 1
    TRANSPORT_IDENTITY = 2
    OPEN = 3
    READ_STRICTLY = 4
    SAME_BYTES_BEFORE = 5
    SIGNATURE = 6
    BINDING = 7
    DEVICE_STATE = 8
    FRESHNESS = 9
    ORDER = 10
    ARITHMETIC = 11
    REFERENCES = 12
    OUTSIDE_CHECKS = 13
    SEQUENCER = 14
    GATE_AND_ANSWER = 15


class Kept(StrEnum):
    """What stays with us when a document fails at a step."""

    COUNTERS = "counters"
    SOURCE = "source and hour count"
    BODY = "body for a while"
    QUARANTINE = "body until decided"
    FLAG = "booked with a flag"
    NOTHING = "nothing, the sender repeats"


@attrs.frozen(slots=True)
class StepRow:
    """One step: the channels that it applies to, and what is kept of a document that fails here."""

    step: Step
    channels: frozenset[Channel]
    kept: Kept


ALL = frozenset(Channel) - {Channel.NONE}
_WITH_MARKING_CODES = frozenset({Channel.ECR_ONLINE, Channel.ECR_OFFLINE, Channel.ERP})

STEPS = (
    StepRow(Step.GATES, ALL, Kept.COUNTERS),
    StepRow(Step.TRANSPORT_IDENTITY, ALL, Kept.SOURCE),
    StepRow(Step.OPEN, ALL, Kept.BODY),
    StepRow(Step.READ_STRICTLY, ALL, Kept.BODY),
    StepRow(Step.SAME_BYTES_BEFORE, ALL, Kept.NOTHING),
    StepRow(Step.SIGNATURE, ALL, Kept.BODY),
    StepRow(Step.BINDING, ALL, Kept.QUARANTINE),
    StepRow(Step.DEVICE_STATE, ALL, Kept.QUARANTINE),
    StepRow(Step.FRESHNESS, ALL, Kept.FLAG),
    StepRow(Step.ORDER, ALL, Kept.FLAG),
    StepRow(Step.ARITHMETIC, ALL, Kept.FLAG),
    StepRow(Step.REFERENCES, ALL, Kept.FLAG),
    StepRow(Step.OUTSIDE_CHECKS, _WITH_MARKING_CODES, Kept.FLAG),
    StepRow(Step.SEQUENCER, ALL, Kept.NOTHING),
    StepRow(Step.GATE_AND_ANSWER, ALL, Kept.NOTHING),
)


def steps_of(channel: Channel) -> tuple[Step, ...]:
    """The steps that apply to a channel, in order."""
    return tuple(row.step for row in STEPS if channel in row.channels)
