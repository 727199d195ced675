"""A person sets the device's clock (S2-019): by hand, or by agreeing to what a time server says."""

from __future__ import annotations

from datetime import datetime, timedelta

from tallystick.device.esdc.device import Device
from tallystick.device.esdc.device_clock import DeviceClock
from tallystick.device.esdc.device_log import Kind
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms


def set_clock(device: Device, moment: datetime) -> None:
    """Take a person's word; raises `TS-3132` for a time before the last invoice or out of bounds."""
    clock = _clock_of(device)
    _check_not_before_last(device, moment)
    before = clock()
    clock.set_by_person(moment)
    device.log.event(Kind.TIME, f"the clock was set by a person, {(moment - before).total_seconds():+.0f} s")


def take_proposed_time(device: Device) -> bool:
    """Take the large step that a server proposed; false when there is none. Raises `TS-3132`."""
    clock = _clock_of(device)
    step = clock.record.proposed_ms
    if step is None:
        return False
    _check_not_before_last(device, clock() + timedelta(milliseconds=step))
    device.log.event(Kind.TIME, f"a person took the server's time over, {step / 1000:+.0f} s")
    return clock.take_proposal()


def _clock_of(device: Device) -> DeviceClock:
    assert isinstance(device.clock, DeviceClock)
    return device.clock


def _check_not_before_last(device: Device, moment: datetime) -> None:
    """No invoice may be older than the one before it, whatever a person says."""
    session = device.refresh()
    if session is None or session.position is None:
        return
    if moment + device.settings.clock_back_tolerance < from_unix_ms(session.position.last_signed_ms):
        raise Fault("TS-3132", detail="before the last invoice")
