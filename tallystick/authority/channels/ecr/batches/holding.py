"""What a hold does to batches: they are taken in, and opened once it ends (S0-030, S0-064).

A hold is a precaution that may be lifted, so nothing is decided during it. A batch that was closed lies where it is,
with all of its parts, until its device is released or closed, or its signer revoked; then it is booked or kept apart by
what is so at that moment, in its order.
"""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.channels.ecr.batches.values import Batch, BatchState
from tallystick.authority.intake.national.ports import NationalDevices
from tallystick.kernel.device_policy import DeviceState


def on_hold(devices: NationalDevices, uid: str) -> bool:
    """Whether a device is on hold by the registry's view."""
    device = devices.device(uid)
    return device is not None and device.state is DeviceState.HOLD


def waits_for_release(devices: NationalDevices, batch: Batch, at: datetime) -> bool:
    """Whether a batch is whole and nobody opens it before its device is released."""
    if batch.state is not BatchState.CLOSED or batch.revoked or not on_hold(devices, batch.uid):
        return False
    signer = devices.certificate(batch.certificate or b"")
    return signer is not None and not signer.was_revoked(at)
