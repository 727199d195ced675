"""Who may fiscalise on which channel: the whole table, cell by cell, against the words of S0-077 to S0-092."""

from __future__ import annotations

from itertools import product
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tallystick.kernel.builds import BuildClass, BuildState
from tallystick.kernel.device_policy import (
    BUILD_CLASS,
    CHANNELS,
    HOUSE_POLICY,
    DeviceChannel,
    DeviceClass,
    DevicePolicy,
    DeviceStanding,
    DeviceState,
    require_device,
    require_may_fiscalise,
    require_memory,
)
from tallystick.kernel.faults import Fault

SOFTWARE, HARDWARE, VSDC, ERP = DeviceClass
ONLINE, OFFLINE, HOSTED, DIRECT = DeviceChannel
TEST_ENVIRONMENT = DevicePolicy(simulated_memory=True)
# As the sources say it, written down a second time.
ALLOWED = {
    (SOFTWARE, ONLINE),  # S0-078, S0-079, S0-081, and on line only: S0-088, S0-089
    (HARDWARE, ONLINE),  # S0-077
    (HARDWARE, OFFLINE),  # S0-087, and nobody else: S0-092
    (VSDC, HOSTED),
    (ERP, DIRECT),  # S0-080, and on line only: S0-090
}
REFUSED_BUILDS = [state for state in BuildState if state is not BuildState.CERTIFIED]


def standing(kind: DeviceClass, **changes: Any) -> DeviceStanding:
    """A device that nothing speaks against."""
    good = DeviceStanding(
        device_class=kind,
        certified_class=kind,
        from_hardware_authority=kind is HARDWARE,
        state=DeviceState.ACTIVE,
        has_agreement=True,
        has_point=True,
        has_memory_report=kind is HARDWARE,
    )
    return attrs.evolve(good, **changes)


def verdict(
    one: DeviceStanding,
    channel: DeviceChannel,
    build: tuple[BuildClass, BuildState] | None,
    policy: DevicePolicy = HOUSE_POLICY,
) -> str:
    """The code of the refusal; empty for a device that may."""
    try:
        require_may_fiscalise(one, channel, build, policy=policy)
    except Fault as fault:
        return fault.code
    return ""


def certified(kind: DeviceClass) -> tuple[BuildClass, BuildState]:
    return BUILD_CLASS[kind], BuildState.CERTIFIED


def expected(
    one: DeviceStanding, channel: DeviceChannel, build: tuple[BuildClass, BuildState] | None, policy: DevicePolicy
) -> str:
    """The table read aloud, without the code that it tests."""
    kind = one.device_class
    is_real = kind is not HARDWARE or (
        one.from_hardware_authority and (one.has_memory_report or policy.simulated_memory)
    )
    reasons = [
        (one.state is DeviceState.CLOSED, "TS-2401"),
        (one.state is DeviceState.HOLD, "TS-2407"),
        (not one.has_agreement, "TS-2402"),
        (one.certified_class is not kind or (kind, channel) not in ALLOWED or not is_real, "TS-2405"),
        (kind in (SOFTWARE, HARDWARE) and not one.has_point, "TS-2401"),
        (build != certified(kind), "TS-2406"),
    ]
    return next((code for holds, code in reasons if holds), "")


def test_s0_082_s0_092_every_cell_of_the_table() -> None:
    """All classes, channels, states and papers: 4 x 4 x 3 with everything that may be missing."""
    builds = [None, *((BUILD_CLASS[kind], state) for kind in DeviceClass for state in BuildState)]
    yes_no = (False, True)
    count = 0
    for kind, channel, state in product(DeviceClass, DeviceChannel, DeviceState):
        for agreement, point, report, branch, policy in product(
            yes_no, yes_no, yes_no, yes_no, (HOUSE_POLICY, TEST_ENVIRONMENT)
        ):
            one = standing(
                kind,
                state=state,
                has_agreement=agreement,
                has_point=point,
                has_memory_report=report,
                from_hardware_authority=branch,
            )
            few = builds if agreement and point and state is DeviceState.ACTIVE else builds[:2]
            for build in few:
                count += 1
                assert verdict(one, channel, build, policy) == expected(one, channel, build, policy), (one, channel)
    assert count > 3_000


@given(
    st.sampled_from(DeviceClass),
    st.sampled_from(DeviceClass),
    st.sampled_from(DeviceChannel),
    st.sampled_from(DeviceState),
    st.tuples(*[st.booleans()] * 5),
    st.none() | st.tuples(st.sampled_from(BuildClass), st.sampled_from(BuildState)),
)
def test_any_device_is_judged_as_the_table_says(
    kind: DeviceClass,
    shown: DeviceClass,
    channel: DeviceChannel,
    state: DeviceState,
    papers: tuple[bool, bool, bool, bool, bool],
    build: tuple[BuildClass, BuildState] | None,
) -> None:
    agreement, point, report, branch, simulated = papers
    one = DeviceStanding(
        device_class=kind,
        certified_class=shown,
        from_hardware_authority=branch,
        state=state,
        has_agreement=agreement,
        has_point=point,
        has_memory_report=report,
    )
    policy = DevicePolicy(simulated_memory=simulated)
    assert verdict(one, channel, build, policy) == expected(one, channel, build, policy)


@pytest.mark.parametrize(("kind", "channel"), sorted(ALLOWED))
def test_each_cell_switched_off_refuses_and_back_on_lets_in(kind: DeviceClass, channel: DeviceChannel) -> None:
    narrow = HOUSE_POLICY.narrowed(kind, CHANNELS[kind] - {channel})
    assert verdict(standing(kind), channel, certified(kind)) == ""
    assert verdict(standing(kind), channel, certified(kind), narrow) == "TS-2405"
    for other, theirs in ALLOWED - {(kind, channel)}:
        assert verdict(standing(other), theirs, certified(other), narrow) == "", "nothing else changes"


@pytest.mark.parametrize(
    ("paper", "without", "code"),
    [
        ("state", DeviceState.HOLD, "TS-2407"),
        ("state", DeviceState.CLOSED, "TS-2401"),
        ("has_agreement", False, "TS-2402"),
        ("has_point", False, "TS-2401"),
        ("certified_class", SOFTWARE, "TS-2405"),
        ("from_hardware_authority", False, "TS-2405"),
        ("has_memory_report", False, "TS-2405"),
    ],
)
def test_s0_084_each_paper_that_is_missing_refuses_alone(paper: str, without: object, code: str) -> None:
    """Hardware off line needs all of them."""
    assert verdict(standing(HARDWARE), OFFLINE, certified(HARDWARE)) == ""
    assert verdict(standing(HARDWARE, **{paper: without}), OFFLINE, certified(HARDWARE)) == code


@pytest.mark.parametrize("state", REFUSED_BUILDS)
def test_s0_082_no_certified_build_no_fiscalisation_whatever_the_form(state: BuildState) -> None:
    for kind, channel in ALLOWED:
        assert verdict(standing(kind), channel, (BUILD_CLASS[kind], state)) == "TS-2406"
        assert verdict(standing(kind), channel, None) == "TS-2406"
        for other in set(DeviceClass) - {kind}:
            assert verdict(standing(kind), channel, certified(other)) == "TS-2406", "a build of another class"


@pytest.mark.parametrize(("kind", "channel"), sorted(set(product(DeviceClass, DeviceChannel)) - ALLOWED))
def test_s0_092_no_country_widens_the_table(kind: DeviceClass, channel: DeviceChannel) -> None:
    """Not even for a class that lost a channel before; and the table cannot be built wider by hand."""
    with pytest.raises(ValueError, match=f"{kind.word} may never use {channel}"):
        HOUSE_POLICY.narrowed(kind, CHANNELS[kind] | {channel})
    with pytest.raises(AssertionError):
        DevicePolicy({**CHANNELS, kind: frozenset({channel})})


def test_an_erp_stands_at_no_point() -> None:
    assert verdict(standing(ERP, has_point=False), DIRECT, certified(ERP)) == ""


def test_s0_087_a_simulated_memory_is_for_test_environments() -> None:
    """At the registration already."""
    with pytest.raises(Fault, match="TS-3230"):
        require_memory(HARDWARE, False)
    require_memory(HARDWARE, True)
    require_memory(HARDWARE, False, TEST_ENVIRONMENT)
    for kind in (SOFTWARE, VSDC, ERP):
        require_memory(kind, False)


def test_a_device_alone_is_judged_at_a_door_that_sees_no_build() -> None:
    require_device(standing(SOFTWARE), ONLINE)
    with pytest.raises(Fault, match="TS-2405"):
        require_device(standing(SOFTWARE), OFFLINE)
