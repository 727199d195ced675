"""What is done with a document that was sold off line and has a fault: booked with a flag, or kept apart (4.1).

The buyer has it, so it is never thrown away. What contradicts the arithmetic or its references is booked and carries
the code; what lacks standing (the device, its certificate, its build, its place, its memory) waits apart for two
officers.
"""

from __future__ import annotations

from tallystick.authority.intake.national.offline.ports import BuildHistory
from tallystick.authority.intake.national.values import DocumentInHand, NationalFinding
from tallystick.authority.intake.steps import Step
from tallystick.kernel.channel_rules import ChannelRules, LateDocuments
from tallystick.kernel.faults import Fault

_APART = frozenset(
    {
        "TS-1104",
        "TS-1310",
        "TS-1313",
        "TS-1402",
        "TS-1404",
        "TS-1410",
        "TS-2401",
        "TS-2402",
        "TS-2403",
        "TS-2405",
        "TS-2406",
        "TS-2407",
    }
)


def finding(history: BuildHistory, hand: DocumentInHand, step: Step, fault: Fault) -> NationalFinding | None:
    """What a fault means for a document of a batch; none where it means nothing.

    A register whose memory is closed for good makes no documents (S1-033): booked, they would open it again.
    """
    if fault.code == "TS-2406":
        return _of_build(history, hand, step, fault)
    is_over = fault.code == "TS-2408" and hand.standing.state.is_closed
    return NationalFinding(int(step), fault, is_over or fault.code in _APART)


def _of_build(history: BuildHistory, hand: DocumentInHand, step: Step, fault: Fault) -> NationalFinding | None:
    """A build that was withdrawn while its documents lay in the memory.

    What had arrived before is as good as ever. What says that it was made before is booked with a flag, for the buyer
    has it and only the device's clock speaks for it. What was made later waits apart.
    """
    withdrawn_at = history.withdrawn_at(hand.document.build)
    if withdrawn_at is None:
        return NationalFinding(int(step), fault, apart=True)
    if hand.received_at < withdrawn_at:
        return None
    return NationalFinding(int(step), fault, apart=hand.header.time >= withdrawn_at)


def settled_there(one: NationalFinding) -> NationalFinding:
    """What the finding is where nothing is booked in the place: it went back to one that was settled as lost."""
    if one.fault.code != "TS-1404":
        return one
    lost = Fault("TS-1410", detail="its place was settled as lost", expected=one.fault.expected)
    return NationalFinding(one.step, lost, apart=True)


def lateness(rules: ChannelRules) -> NationalFinding:
    """A document beyond the limit (S0-032, S0-093)."""
    fault = Fault("TS-2404", detail="came after the time that a device may be without contact")
    return NationalFinding(int(Step.FRESHNESS), fault, rules.late is LateDocuments.APART)


def times_contradict(rules: ChannelRules, hand: DocumentInHand, before_ms: int) -> NationalFinding | None:
    """The order is the sequence's: a clock that went back, or ahead of ours, is only told."""
    header, window_ms = hand.header, rules.time_window_seconds * 1000
    if header.time_ms >= before_ms - window_ms and header.time <= hand.received_at + rules.time_window:
        return None
    return NationalFinding(
        int(Step.FRESHNESS), Fault("TS-3286", detail="earlier than the one before, or not yet"), False
    )
