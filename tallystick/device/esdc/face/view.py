"""The device as its page shows it: one look, in the device's thread, with everything that the page needs."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import attrs

from tallystick.device.esdc.device import Device
from tallystick.device.esdc.device_clock import ClockStatus, DeviceClock
from tallystick.device.esdc.device_log import Entry
from tallystick.device.esdc.face.notices import Findings, Notice, notices
from tallystick.device.esdc.seen_checkpoint import read_seen
from tallystick.device.esdc.session import Session
from tallystick.device.esdc.settings import TimeSync
from tallystick.device.esdc.status import MakerCode, card_codes, clock_codes
from tallystick.device.esdc.storage import Fullness
from tallystick.device.secure_element import CardUnavailable, StatusWordError
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.status_codes import StatusCode
from tallystick.wire.card import AmountStatus
from tallystick.wire.taxcore_api import CommandType

UPDATE_MARK = "updating"
"""While a file of that name lies in the slot's folder, the page says that the program is being renewed (S2-127)."""

_NEEDED = {
    CommandType.SET_TAX_RATES: "rates",
    CommandType.SET_VERIFICATION_URL: "address",
    CommandType.SET_TAX_CORE_CONFIGURATION: "configuration",
}


@attrs.frozen(slots=True, kw_only=True)
class CardView:
    """The inserted card. `amounts` is none when the card does not tell."""

    uid: str
    shop: str
    environment: str
    not_after: datetime
    amounts: AmountStatus | None
    waiting: int
    left_same: int
    left_other: int
    invoices_left: int
    last_invoice: str
    pin_paused: bool


@attrs.frozen(slots=True, kw_only=True)
class FaceView:
    """One look."""

    now: datetime
    """In the local time of the device."""
    notices: tuple[Notice, ...]
    missing: tuple[str, ...]
    card: CardView | None
    clock: ClockStatus | None
    time_servers: tuple[str, ...]
    last_error: Entry | None
    ledger_size: int | None
    """Entries of the newest head of the authority's ledger that was seen; none before the first."""

    @property
    def wants_pin(self) -> bool:
        """Whether the page offers the PIN's form."""
        return bool({Notice.ENTER_PIN, Notice.PIN_PAUSED} & set(self.notices))


def look(device: Device, home: Path) -> FaceView:
    """Look at the device; runs in its thread."""
    session = device.refresh()
    missing = () if session is None else missing_setup(device, session)
    found = _findings(device, session, missing, updating=(home / UPDATE_MARK).exists())
    sync = device.settings.time_sync or TimeSync()
    seen = read_seen(home)
    return FaceView(
        now=device.clock().astimezone(device.zone),
        notices=notices(found),
        missing=missing,
        card=None if session is None else _card(device, session),
        clock=device.clock.status(sync.overdue) if isinstance(device.clock, DeviceClock) else None,
        time_servers=tuple(device.time_servers()),
        last_error=device.log.last_error,
        ledger_size=None if seen is None else seen[1].size,
    )


def missing_setup(device: Device, session: Session) -> tuple[str, ...]:
    """What of rates, address, configuration and time server is not there (S2-122), or that no language is common."""
    stored = session.store.setup.configuration()
    missing = [name for kind, name in _NEEDED.items() if kind not in stored]
    if not missing and session.setup is None:
        missing.append("no-language")
    if not device.time_servers():
        missing.append("time-server")
    return tuple(missing)


def _findings(device: Device, session: Session | None, missing: tuple[str, ...], *, updating: bool) -> Findings:
    codes: list[StatusCode]
    own: list[MakerCode]
    if session is None:
        codes, own = [device.trouble or StatusCode.SECURE_ELEMENT_UNREACHABLE], []
        if device.trouble is StatusCode.UNDEFINED_WARNING:
            own.append(MakerCode.STORE_TAKEN)
    else:
        codes, own = card_codes(device, session)
    return Findings(
        has_card=session is not None,
        codes=codes,
        maker_codes=[*own, *clock_codes(device)],
        missing=missing,
        doing=device.activity.now(),
        storage_low=session is not None and device.fullness(session) is not Fullness.ROOM,
        updating=updating,
    )


def _card(device: Device, session: Session) -> CardView:
    facts, store = session.facts, session.store
    ordinal = store.newest().ordinal
    same = sum(left.waiting for left in device.left.of(facts.environment))
    return CardView(
        uid=facts.uid,
        shop=f"{facts.seller.location_name}, {facts.seller.address}, {facts.seller.city}",
        environment=facts.environment,
        not_after=facts.not_after.astimezone(device.zone),
        amounts=_amounts(session),
        waiting=store.waiting_count(),
        left_same=same,
        left_other=sum(left.waiting for left in device.left.waiting) - same,
        invoices_left=device.invoices_left(session),
        last_invoice=str(SdcInvoiceNumber(facts.uid, facts.uid, ordinal)) if ordinal else "",
        pin_paused=session.wrong_pins >= device.settings.wrong_pins_in_a_row,
    )


def _amounts(session: Session) -> AmountStatus | None:
    try:
        return session.card.amount_status()
    except (CardUnavailable, StatusWordError):
        return None
