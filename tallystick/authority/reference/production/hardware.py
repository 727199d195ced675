"""What the operator demands of a module's hardware, as data, and the check of what it says of itself (S1-047…056).

A profile names controllers by how they begin: the chip that the contract names, and those that its maker's papers call
compatible successors (S1-048).
"""

from __future__ import annotations

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.fiscal_module import CardProtocol, FormFactor, Hardware, ModuleAlgorithm

_EVERY = frozenset(ModuleAlgorithm)


@attrs.frozen(slots=True, kw_only=True)
class HardwareProfile:
    """What a module must have. ``must_answer`` are algorithms that the station sees at work, not on paper alone."""

    name: str
    controllers: tuple[str, ...]
    form_factors: frozenset[FormFactor]
    protocols: frozenset[CardProtocol]
    algorithms: frozenset[ModuleAlgorithm]
    must_answer: frozenset[ModuleAlgorithm]

    def check(self, hardware: Hardware, wanted: FormFactor) -> None:
        """Raise ``TS-3061`` unless the hardware fits and has the form that was ordered."""
        lacking = [f"protocol {one}" for one in sorted(self.protocols - hardware.protocols)]
        lacking += [f"algorithm {one}" for one in sorted(self.algorithms - hardware.algorithms)]
        if not hardware.controller.startswith(self.controllers):
            lacking.append(f"a controller of the profile; this is {hardware.controller!r}")
        if hardware.form_factor not in self.form_factors or hardware.form_factor is not wanted:
            lacking.append(f"the form {wanted}; this is a {hardware.form_factor}")
        if lacking:
            raise Fault("TS-3061", detail=f"the module lacks {', '.join(lacking)}")


PROFILES = (
    HardwareProfile(
        name="sle77",
        controllers=("Infineon SLE77CLFX2400PM", "Infineon SLE78", "Infineon SLC37", "Infineon SLC38"),
        form_factors=frozenset(FormFactor),
        protocols=frozenset(CardProtocol),
        algorithms=_EVERY,
        must_answer=_EVERY,
    ),
    HardwareProfile(
        name="virtual",
        controllers=("Tallystick virtual SLE77CLFX2400PM",),
        form_factors=frozenset(FormFactor),
        protocols=frozenset(CardProtocol),
        algorithms=_EVERY,
        must_answer=_EVERY,
    ),
)


def profile_of(name: str) -> HardwareProfile:
    """The profile of that name; raises ``TS-4003``."""
    for profile in PROFILES:
        if profile.name == name:
            return profile
    raise Fault("TS-4003", detail=f"no hardware profile {name!r}; there are {', '.join(one.name for one in PROFILES)}")
