"""What the device writes into its log about sales and commands: codes and places, never a value of a request."""

from __future__ import annotations

import re

from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.kernel.faults import PosFault
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.pos_languages import LanguageNotOffered
from tallystick.wire.taxcore_api import Command

_PATH = re.compile(r"[A-Za-z0-9_.\[\]]{1,80}", re.ASCII)
_CARD_CODES = frozenset(
    {
        StatusCode.CARD_LOCKED,
        StatusCode.SECURE_ELEMENT_UNREACHABLE,
        StatusCode.SECURE_ELEMENT_LOCKED,
        StatusCode.SECURE_ELEMENT_EXPIRED,
    }
)
_ID_CHARACTERS = 36


class StorageFull(Exception):
    """No room for another sale: refused before anything is written or signed; HTTP 503."""


def note_failed_sale(log: DeviceLog, error: Exception) -> None:
    """An invoice request that could not be processed (S2-136), why the card would not sign (S2-141), or our own bug."""
    if isinstance(error, PosFault):
        codes = {one.code for one in error.errors}
        for code in sorted(codes & _CARD_CODES):
            log.error(Kind.FISCALIZATION, f"the card does not sign: {code}")
        log.error(Kind.REQUEST, f"invoice request refused: {named_properties(error)}")
    elif isinstance(error, StorageFull):
        log.error(Kind.FISCALIZATION, "invoice request refused: the store is full")
    elif isinstance(error, LanguageNotOffered):
        log.error(Kind.REQUEST, "invoice request refused: no language that is spoken here")
    else:
        log.failure(Kind.INTERNAL, "an invoice request failed", error)


def named_properties(refusal: PosFault) -> str:
    """Where and with which codes a request was refused; a path that is none of the contract's is not repeated."""
    paths = (one.property if _PATH.fullmatch(one.property) else "request" for one in refusal.errors)
    return ", ".join(f"{path} {one.code}" for path, one in zip(paths, refusal.errors, strict=True))


def note_command(log: DeviceLog, command: Command, success: bool | None) -> None:
    """A line for each command (S2-140): carried out, not possible, or not for this card."""
    name = f"command {command.command_id[:_ID_CHARACTERS]} of type {command.type}"
    if success is None:
        log.event(Kind.INITIALIZATION, f"{name} is for another card")
    elif success:
        log.event(Kind.INITIALIZATION, f"{name} carried out")
    else:
        log.error(Kind.INITIALIZATION, f"{name} cannot be carried out")
