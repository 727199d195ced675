"""Certified builds (S0-082 to S0-085, K-02): what a build is for, how it stands, and whether it may fiscalise."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from tallystick.kernel.faults import Fault


class BuildClass(StrEnum):
    """What kind of device a build runs on; offline is for hardware registers only."""

    SOFTWARE_REGISTER = "software-register"
    HARDWARE_REGISTER = "hardware-register"
    ESDC = "esdc"
    HOSTED_SIGNER = "hosted-signer"
    ERP = "erp"


class BuildState(StrEnum):
    """Where a build stands. Refused and revoked are final."""

    SUBMITTED = "submitted"
    CERTIFIED = "certified"
    REFUSED = "refused"
    SUSPENDED = "suspended"
    REVOKED = "revoked"


class Certification(StrEnum):
    """What a country asks of a class: a certified build, or only that a build which is named is not withdrawn."""

    REQUIRED = "required"
    RECORDED = "recorded"


NEXT_STATES: Mapping[BuildState, frozenset[BuildState]] = MappingProxyType(
    {
        BuildState.SUBMITTED: frozenset({BuildState.CERTIFIED, BuildState.REFUSED}),
        BuildState.CERTIFIED: frozenset({BuildState.SUSPENDED, BuildState.REVOKED}),
        BuildState.SUSPENDED: frozenset({BuildState.CERTIFIED, BuildState.REVOKED}),
        BuildState.REFUSED: frozenset(),
        BuildState.REVOKED: frozenset(),
    }
)

# The TaxCore wire names no build, and devices of others must work with us: their certification is the accreditation.
CERTIFICATION: Mapping[BuildClass, Certification] = MappingProxyType(
    {one: Certification.RECORDED if one is BuildClass.ESDC else Certification.REQUIRED for one in BuildClass}
)


def require_fit(
    certification: Certification, wanted: BuildClass, found: BuildClass | None, state: BuildState | None
) -> None:
    """Refuse a device whose build may not fiscalise: ``TS-2406``.

    ``found`` and ``state`` are of the build that the device proves to run, none where it proves none, or one that
    nobody has submitted. A build of another class never fits, and one that was suspended or revoked is refused also
    where a country only records builds.
    """
    if state in (BuildState.SUSPENDED, BuildState.REVOKED, BuildState.REFUSED):
        raise Fault("TS-2406", detail=f"the build is {state}")
    if found is not None and found is not wanted:
        raise Fault("TS-2406", detail=f"the build is for {found}, not for {wanted}")
    if certification is Certification.REQUIRED and state is not BuildState.CERTIFIED:
        raise Fault("TS-2406", detail="a certified build is needed" if state is None else f"the build is {state}")
