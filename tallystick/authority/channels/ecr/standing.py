"""The answer to *where do I stand*: what a device needs to sign its next document, be it the first."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.channels.ecr.ports import Stands
from tallystick.authority.channels.ecr.services import EcrServices
from tallystick.authority.intake.national.values import Sender
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.reference.registry.values import NationalDevice
from tallystick.authority.room_queries import Connection
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.channel_rules import ChannelRules
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.merkle import leaf_hash
from tallystick.kernel.shifts import RegisterState
from tallystick.kernel.tax_rates import TaxRateGroup
from tallystick.wire.compact_jws import write_base64url
from tallystick.wire.document_jws import write_time
from tallystick.wire.ecr_api import (
    DeviceStands,
    Genesis,
    OfflineLimits,
    Place,
    RatesInForce,
    ShiftStanding,
    labels_of,
)


async def device_stands(services: EcrServices, sender: Sender, now: datetime) -> DeviceStands:
    """Everything about one device; raises ``TS-2401`` for one that the registry does not have (any more)."""
    device = services.devices.device(sender.uid)
    if device is None:
        raise Fault("TS-2401", detail="the device is not registered")
    stands = await _stands(services, sender.uid)
    genesis, registered = None, device.registration_index
    if registered is not None:
        genesis = await services.in_database(lambda conn: _genesis(conn, device, registered))
    group = services.rates.group_at(now)
    return DeviceStands(
        audience=services.audience,
        checkpoint=services.checkpoints.newest,
        device_class=str(int(sender.device_class)),
        genesis=genesis,
        next=None if stands is None else Place(prev=_text(stands.link), seq=str(stands.sequence + 1)),
        offline=offline_limits(services.rules, sender.device_class),
        rates=None if group is None else _rates(group),
        server_time=write_time(unix_ms(now)),
        shift=None if stands is None else shift_standing(stands.state, services.rules.shift_hours),
        state=str(device.state),
        tin=device.tin,
        uid=device.uid,
        window_seconds=str(services.rules.time_window_seconds),
    )


async def _stands(services: EcrServices, uid: str) -> Stands | None:
    """None while the registration is not in the ledger."""
    try:
        return await services.intake.standing(uid)
    except Fault as fault:
        if fault.code != "TS-2401":
            raise
        return None


def offline_limits(rules: ChannelRules, device_class: DeviceClass) -> OfflineLimits:
    """Only the class with write-once memory may be without us (S0-087)."""
    if device_class is not DeviceClass.HARDWARE:
        return OfflineLimits(hours="0")
    if rules.rolling_hours is None:
        return OfflineLimits(hours=str(rules.offline_hours))
    return OfflineLimits(
        hours=str(rules.offline_hours), rolling_days=str(rules.rolling_days), rolling_hours=str(rules.rolling_hours)
    )


def shift_standing(state: RegisterState, hours_most: int) -> ShiftStanding:
    """The register in words and numbers."""
    word = "open" if state.is_open else "closed"
    if state.is_closed:
        word = "ended"
    elif not state.is_registered:
        word = "unregistered"
    closes_by = state.closes_by(hours_most)
    return ShiftStanding(
        closes_by="" if closes_by is None else write_time(unix_ms(closes_by)),
        first=str(state.first) if state.first else "",
        number=str(state.shift),
        opened_at="" if state.opened_at is None else write_time(unix_ms(state.opened_at)),
        state=word,
        turnover=str(state.turnover),
    )


def _genesis(conn: Connection, device: NationalDevice, index: int) -> Genesis | None:
    """From the registration in the ledger, so that a device can make its link 0 itself."""
    entry = ledger.document_by_index(conn, index)
    if entry is None:
        return None
    return Genesis(
        certificate=_text(bytes.fromhex(entry.facts.certificate_hash)) if entry.record else "",
        link=_text(device.genesis),
        pair=f"{device.uid}-{device.uid}",
        registration_index=str(index),
        registration_leaf=_text(leaf_hash(entry.leaf)),
    )


def _rates(group: TaxRateGroup) -> RatesInForce:
    known = [(category, rate) for category in group.categories for rate in category.rates]
    return RatesInForce(
        group=str(group.group_id),
        labels=labels_of((rate.label, _plain(str(rate.rate))) for _, rate in known),
        types=labels_of((rate.label, category.category_type.word) for category, rate in known),
        valid_from=write_time(unix_ms(group.valid_from)),
    )


def _plain(text: str) -> str:
    return text.rstrip("0").rstrip(".") if "." in text else text


def _text(data: bytes) -> str:
    return write_base64url(data).decode("ascii")
