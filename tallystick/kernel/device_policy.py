"""Which device may fiscalise on which channel: one table of class × channel × state × certification (S0-077 to S0-092).

What a device looks like decides nothing, only its class does, which is fixed at its registration (K-20). Offline is
for hardware alone, certified by the hardware authority, with a laboratory's report on its write-once memory: software
cannot stand in for that (S0-087).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import IntEnum, StrEnum
from types import MappingProxyType

import attrs

from tallystick.kernel.builds import CERTIFICATION, BuildClass, BuildState, Certification, require_fit
from tallystick.kernel.faults import Fault


class DeviceClass(IntEnum):
    """What kind of device a certificate is for; the number stands in it (``A.1.3``)."""

    SOFTWARE = 1
    HARDWARE = 2
    """With write-once memory: the only one that may work off line."""
    VSDC = 3
    ERP = 4

    @property
    def word(self) -> str:
        """As a person types it: ``software``."""
        return self.name.lower()


class DeviceState(StrEnum):
    """Whether a fiscal device may work; closed is final."""

    ACTIVE = "active"
    HOLD = "hold"
    CLOSED = "closed"


class DeviceChannel(StrEnum):
    """How a device's documents come: each at once, in batches later, through the hosted signer, or from an ERP."""

    ONLINE = "online"
    OFFLINE = "offline"
    HOSTED = "hosted"
    ERP = "erp"


CHANNELS: Mapping[DeviceClass, frozenset[DeviceChannel]] = MappingProxyType(
    {
        DeviceClass.SOFTWARE: frozenset({DeviceChannel.ONLINE}),
        DeviceClass.HARDWARE: frozenset({DeviceChannel.ONLINE, DeviceChannel.OFFLINE}),
        DeviceClass.VSDC: frozenset({DeviceChannel.HOSTED}),
        DeviceClass.ERP: frozenset({DeviceChannel.ERP}),
    }
)
"""The most that any country grants."""

BUILD_CLASS: Mapping[DeviceClass, BuildClass] = MappingProxyType(
    {
        DeviceClass.SOFTWARE: BuildClass.SOFTWARE_REGISTER,
        DeviceClass.HARDWARE: BuildClass.HARDWARE_REGISTER,
        DeviceClass.VSDC: BuildClass.HOSTED_SIGNER,
        DeviceClass.ERP: BuildClass.ERP,
    }
)
"""For which class a build must be certified that runs on a device."""

STATE_FAULTS: Mapping[DeviceState, str] = MappingProxyType(
    {DeviceState.HOLD: "TS-2407", DeviceState.CLOSED: "TS-2401"}
)  # fmt: skip
"""How a device is refused that may not work; an active one is not."""

NEEDS_A_POINT = frozenset({DeviceClass.SOFTWARE, DeviceClass.HARDWARE})
"""Registers stand at a point of the taxpayer (S1-025); a system in a computing centre stands at none."""


@attrs.frozen(slots=True)
class DevicePolicy:
    """The table as one country has it: channels by class, and whether a simulation may stand in for a memory.

    Made by `narrowed`, so that no country can grant more than the house does.
    """

    channels: Mapping[DeviceClass, frozenset[DeviceChannel]] = CHANNELS
    simulated_memory: bool = False
    """Only where nothing is at stake: a test environment (S0-087)."""

    def __attrs_post_init__(self) -> None:
        """A wider table is a mistake of the program; a pack is refused before (`PackError`)."""
        assert all(self.channels[one] <= CHANNELS[one] for one in DeviceClass), "a country only narrows"

    def narrowed(self, one: DeviceClass, channels: frozenset[DeviceChannel]) -> DevicePolicy:
        """With fewer channels for one class; raises ``ValueError`` with the words for whoever wrote more."""
        more = channels - self.channels[one]
        if more:
            raise ValueError(f"{one.word} may never use {', '.join(sorted(more))}")
        return attrs.evolve(self, channels=MappingProxyType({**self.channels, one: channels}))


HOUSE_POLICY = DevicePolicy()


@attrs.frozen(slots=True, kw_only=True)
class DeviceStanding:
    """What is known of a device and of the certificate that it shows."""

    device_class: DeviceClass
    certified_class: DeviceClass
    from_hardware_authority: bool
    state: DeviceState
    has_agreement: bool
    has_point: bool
    has_memory_report: bool


def require_device(standing: DeviceStanding, channel: DeviceChannel, policy: DevicePolicy = HOUSE_POLICY) -> None:
    """Refuse a device that may not fiscalise on this channel, whatever it runs. In this order:

    1. ``TS-2401`` closed, ``TS-2407`` on hold;
    2. ``TS-2402`` no agreement (S1-022);
    3. ``TS-2405`` the certificate is for another class than the one registered;
    4. ``TS-2405`` the class may not use the channel (S0-087 to S0-092);
    5. ``TS-2405`` hardware that another authority certified, or without a report on its memory (S0-084);
    6. ``TS-2401`` a register that is linked to no point (S1-025).
    """
    if (code := STATE_FAULTS.get(standing.state)) is not None:
        raise Fault(code, detail=f"the device is {'on hold' if standing.state is DeviceState.HOLD else 'closed'}")
    if not standing.has_agreement:
        raise Fault("TS-2402", detail="the taxpayer has no agreement in force")
    kind = standing.device_class
    if standing.certified_class is not kind:
        raise Fault("TS-2405", detail=f"the certificate is for {standing.certified_class.word}, not for {kind.word}")
    if channel not in policy.channels[kind]:
        raise Fault("TS-2405", detail=f"{kind.word} may not fiscalise {channel}")
    if kind is DeviceClass.HARDWARE:
        if not standing.from_hardware_authority:
            raise Fault("TS-2405", detail="hardware is certified by the hardware authority")
        if not (standing.has_memory_report or policy.simulated_memory):
            raise Fault("TS-2405", detail="no report on the write-once memory is on file")
    if kind in NEEDS_A_POINT and not standing.has_point:
        raise Fault("TS-2401", detail="the register is linked to no point")


def require_may_fiscalise(
    standing: DeviceStanding,
    channel: DeviceChannel,
    build: tuple[BuildClass, BuildState] | None,
    *,
    policy: DevicePolicy = HOUSE_POLICY,
    certification: Mapping[BuildClass, Certification] = CERTIFICATION,
) -> None:
    """Refuse a device as `require_device` does, and then one without a certified build of its class: ``TS-2406``.

    ``build`` is class and state of the build that it proves to run, none for one that nobody submitted (S0-082).
    """
    require_device(standing, channel, policy)
    wanted = BUILD_CLASS[standing.device_class]
    found, state = build if build is not None else (None, None)
    require_fit(certification[wanted], wanted, found, state)


def require_memory(device_class: DeviceClass, has_memory_report: bool, policy: DevicePolicy = HOUSE_POLICY) -> None:
    """Refuse the registration of hardware without a report on its memory: ``TS-3230`` (S0-084, S0-087)."""
    if device_class is DeviceClass.HARDWARE and not has_memory_report and not policy.simulated_memory:
        raise Fault("TS-3230", detail="write-once memory needs a laboratory's report; a simulation has none")
