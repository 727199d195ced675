"""What the device says about itself: GET status, with the codes that hold now and never those it merely knows."""

from __future__ import annotations

from enum import StrEnum
from typing import Any

from tallystick.device.esdc.device import Device
from tallystick.device.esdc.device_clock import DeviceClock
from tallystick.device.esdc.session import Session
from tallystick.device.esdc.storage import Fullness
from tallystick.device.secure_element import CardUnavailable, StatusWordError
from tallystick.kernel.fiscalisation import CLOCK_NOT_SET_BEFORE
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import from_unix_ms, utc_offset_minutes
from tallystick.kernel.status_codes import StatusCode
from tallystick.kernel.tax_rates import group_at
from tallystick.wire.card import AmountStatus
from tallystick.wire.pos_invoice import SdcStatus, status_answer


class MakerCode(StrEnum):
    """Our own codes, told in `mssc`."""

    CLOCK_WRONG = "9001"
    STORAGE_FULL = "9002"
    PIN_PAUSED = "9003"
    SETUP_PROBLEM = "9004"
    STORE_TAKEN = "9005"
    CARD_NOT_SETTLED = "9006"
    CLOCK_OVERDUE = "9010"
    CLOCK_DIFFERS = "9011"


def near_limit(status: AmountStatus, per_cent: int) -> bool:
    """Whether so many per cent of the limit are used (C-14)."""
    return status.sum.scaled * 100 >= status.limit.scaled * per_cent


def status_body(device: Device, *, online: bool) -> bytes:
    """The body of GET status; runs in the device's thread."""
    session = device.refresh()
    network = StatusCode.INTERNET_AVAILABLE if online else StatusCode.INTERNET_UNAVAILABLE
    settings = device.settings
    now = device.clock().astimezone(device.zone)
    codes, maker_codes = _no_card(device) if session is None else card_codes(device, session)
    audit_required = StatusCode.AUDIT_REQUIRED in codes
    status = SdcStatus(
        is_pin_required=session is None or not session.pin_verified,
        audit_required=audit_required,
        sdc_time=now,
        hardware_version=settings.hardware_version,
        software_version=settings.software_version,
        device_serial_number=settings.serial_number,
        make=settings.make,
        model=settings.model,
        maker_codes=(*maker_codes, *clock_codes(device)),
        status_codes=(*codes, network),
        **({} if session is None else _card_facts(session, device)),
    )
    return status_answer(status, offset_minutes=utc_offset_minutes(now))


def _no_card(device: Device) -> tuple[list[StatusCode], list[MakerCode]]:
    trouble = device.trouble or StatusCode.SECURE_ELEMENT_UNREACHABLE
    own = [MakerCode.STORE_TAKEN] if trouble is StatusCode.UNDEFINED_WARNING else []
    return [trouble, StatusCode.PIN_REQUIRED], own


def card_codes(device: Device, session: Session) -> tuple[list[StatusCode], list[MakerCode]]:
    """What holds for the inserted card: general codes, and our own. Runs in the device's thread."""
    codes: list[StatusCode] = []
    own: list[MakerCode] = []
    now = device.clock()
    if session.locked:
        codes.append(StatusCode.CARD_LOCKED)
    codes.append(StatusCode.PIN_OK if session.pin_verified else StatusCode.PIN_REQUIRED)
    if session.setup is None:
        codes.append(StatusCode.NOT_CONFIGURED)
        own.append(MakerCode.SETUP_PROBLEM)
    if now >= session.facts.not_after:
        codes.append(StatusCode.SECURE_ELEMENT_EXPIRED)
    codes += _amount_codes(device, session)
    if session.position is None:
        codes.append(StatusCode.SECURE_ELEMENT_UNREACHABLE)
        own.append(MakerCode.CARD_NOT_SETTLED)
    elif clock_is_wrong(device):
        own.append(MakerCode.CLOCK_WRONG)
    fill = device.fullness(session)
    if fill is not Fullness.ROOM:
        codes.append(StatusCode.STORAGE_ALMOST_FULL)
    if fill is Fullness.FULL:
        own.append(MakerCode.STORAGE_FULL)
    if session.wrong_pins >= device.settings.wrong_pins_in_a_row:
        own.append(MakerCode.PIN_PAUSED)
    return codes, own


def _amount_codes(device: Device, session: Session) -> list[StatusCode]:
    try:
        amounts = session.card.amount_status()
    except (CardUnavailable, StatusWordError):
        return [StatusCode.SECURE_ELEMENT_UNREACHABLE]
    codes = [StatusCode.SECURE_ELEMENT_LOCKED] if amounts.is_reached else []
    if near_limit(amounts, device.settings.near_limit_per_cent):
        codes.append(StatusCode.AUDIT_REQUIRED)
    return codes


def clock_is_wrong(device: Device) -> bool:
    """Whether the clock certainly shows a wrong time: before 2000, or clearly before the last signed invoice."""
    now, session = device.clock(), device.session
    if session is None or session.position is None:
        return now < CLOCK_NOT_SET_BEFORE
    last = from_unix_ms(session.position.last_signed_ms)
    return now < CLOCK_NOT_SET_BEFORE or now + device.settings.clock_back_tolerance < last


def clock_codes(device: Device) -> list[MakerCode]:
    """What is to be told about a clock that this device keeps itself (S2-018, S2-019)."""
    time_sync = device.settings.time_sync
    if time_sync is None or not isinstance(device.clock, DeviceClock):
        return []
    status = device.clock.status(time_sync.overdue)
    codes = [MakerCode.CLOCK_OVERDUE] if status.overdue else []
    return codes + ([MakerCode.CLOCK_DIFFERS] if status.proposed is not None else [])


def _card_facts(session: Session, device: Device) -> dict[str, Any]:
    facts, setup = session.facts, session.setup
    ordinal = session.store.newest().ordinal
    members: dict[str, Any] = {
        "last_invoice_number": str(SdcInvoiceNumber(facts.uid, facts.uid, ordinal)) if ordinal else "",
        "secure_element_version": ".".join(map(str, facts.version)),
        "uid": facts.uid,
        "tax_core_api": facts.api_url,
    }
    if setup is not None:
        members["supported_languages"] = setup.languages
        members["all_tax_rates"] = setup.rate_groups
        members["current_tax_rates"] = group_at(setup.rate_groups, device.clock())
    return members
