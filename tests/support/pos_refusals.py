"""Reads POS requests as an E-SDC in one time zone does, and tells refusals as paths and codes."""

from __future__ import annotations

from zoneinfo import ZoneInfo

from tallystick.kernel.faults import PosFault
from tallystick.kernel.invoice import InvoiceRequest
from tallystick.wire.pos_request import parse_invoice_request

ZONE = ZoneInfo("Europe/Belgrade")
REFERENCE = "AB12CD34-AB12CD34-9"


def parsed(data: bytes) -> InvoiceRequest:
    """The request of a body that must be accepted."""
    return parse_invoice_request(data, zone=ZONE)


def refusal(data: bytes) -> list[tuple[str, str]] | None:
    """Paths and codes of the refusal, None when the request is accepted."""
    try:
        parsed(data)
    except PosFault as fault:
        return [(error.property, str(error.code)) for error in fault.errors]
    return None


def errors(data: bytes) -> list[tuple[str, str]]:
    """Paths and codes of the refusal that must come."""
    found = refusal(data)
    assert found is not None, "the request was accepted"
    return found
