"""What the public listener needs of the rest of the house."""

from __future__ import annotations

from datetime import timedelta, tzinfo

import attrs

from tallystick.authority.projections.verification.check import FindElement
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.authority.projections.verification.national_check import (
    NO_REGISTERS,
    FindOnItsWay,
    IsKeptApart,
    OnItsWay,
    Registers,
)
from tallystick.authority.projections.verification.page_tokens import PageTokens
from tallystick.authority.projections.verification.sightings import NOBODY_TOLD, Sightings
from tallystick.authority.projections.verification.unknown_codes import UnknownCodes
from tallystick.authority.projections.verification.word_table import PageLanguage
from tallystick.kernel.instants import Clock

ANSWER_SECONDS = 8.0
HTML = "text/html; charset=utf-8"


def _nothing_apart(_: bytes) -> bool:
    return False


def _nothing_known(*_: object) -> OnItsWay:
    return OnItsWay()


@attrs.frozen(kw_only=True)
class PublicServices:
    """What the public listener needs. ``secure_cookies`` where it is reached over TLS only; ``proxies`` are our own.

    ``offline_limit`` is how long a device with write-once memory may be without contact.
    """

    find_element: FindElement
    ledger: LedgerView
    page_tokens: PageTokens
    zone: tzinfo
    default_language: PageLanguage
    clock: Clock
    operator: str
    secure_cookies: bool = False
    proxies: frozenset[str] = frozenset()
    unknown_codes: UnknownCodes = attrs.field(factory=UnknownCodes)
    sightings: Sightings = NOBODY_TOLD
    registers: Registers = NO_REGISTERS
    is_kept_apart: IsKeptApart = _nothing_apart
    find_on_its_way: FindOnItsWay = _nothing_known
    offline_limit: timedelta = timedelta(hours=72)
