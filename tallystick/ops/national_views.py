"""What a process of the national channels keeps in memory of devices, certificates and agreements."""

from __future__ import annotations

from tallystick.authority.reference.agreements.directory import AgreementDirectory
from tallystick.authority.reference.following import View
from tallystick.authority.reference.registry.national_devices import NationalDirectory
from tallystick.kernel.instants import Clock


def national_views(clock: Clock) -> tuple[NationalDirectory, tuple[View, ...]]:
    """The directory, and the views that a `Follower` must refresh for it: agreements before the devices of them."""
    agreements = AgreementDirectory()
    devices = NationalDirectory(clock, agreements)
    return devices, (agreements, devices)
