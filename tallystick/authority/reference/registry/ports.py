"""What the connecting of registers asks of other rooms, which the registry does not know; the assembly hands it in."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.authority.room_queries import Connection
from tallystick.kernel.builds import CERTIFICATION, BuildClass, BuildState, Certification
from tallystick.kernel.device_policy import DevicePolicy


class KnownBuild(Protocol):
    """A build that its maker handed in."""

    @property
    def maker(self) -> str:
        """The maker's name in this house."""

    @property
    def product(self) -> str:
        """What the maker calls it."""

    @property
    def build_class(self) -> BuildClass:
        """What it is for."""

    @property
    def state(self) -> BuildState:
        """Where it stands."""


class Agreements(Protocol):
    """Who has an agreement with the operator."""

    def __call__(self, conn: Connection, tin: str, at: datetime, /) -> bool:
        """Whether the taxpayer has one at that moment."""


class Builds(Protocol):
    """The builds that makers handed in."""

    def __call__(self, conn: Connection, build_id: str, /) -> KnownBuild | None:
        """The build of that id."""


class Codes(Protocol):
    """One-time codes of enrolment, of the PKI."""

    def __call__(self, conn: Connection, uid: str, key_hash: bytes, by: str, at: datetime, /) -> str:
        """A code for a registered device, for that key alone where one is named (SHA-256); an earlier one ends."""


@attrs.frozen(slots=True, kw_only=True)
class ConnectingServices:
    """What it takes to connect a register. ``enrol_url`` is where EST is served."""

    agreements: Agreements
    builds: Builds
    codes: Codes
    policy: DevicePolicy
    enrol_url: str
    certification: Mapping[BuildClass, Certification] = CERTIFICATION
