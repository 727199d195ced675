"""Detectors, wired: what audit, intake and registry know, as inspections ask for it; and buyers' sightings."""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager, suppress
from datetime import datetime
from functools import lru_cache
from typing import Any

import attrs
import psycopg
from psycopg_pool import PoolTimeout

from tallystick.authority.channels.ecr.batches import operations as batches
from tallystick.authority.intake import queries as intake
from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.projections.audit import queries as audit
from tallystick.authority.projections.audit.values import OpenAudit
from tallystick.authority.projections.inspections import operations
from tallystick.authority.projections.inspections.detector import Detector
from tallystick.authority.projections.inspections.detectors.deletion import Deletion
from tallystick.authority.projections.inspections.detectors.manipulation import Manipulation
from tallystick.authority.projections.inspections.detectors.under_reporting import UnderReporting
from tallystick.authority.projections.inspections.ports import DeviceKey, DeviceNumbers, Refund, Signer, WaitingAudit
from tallystick.authority.projections.inspections.values import CaseKind, DetectorName, Evidence, Sighting
from tallystick.authority.projections.verification.check import SignedFacts, State
from tallystick.authority.projections.verification.national_check import NationalVerdict
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.reference.registry.values import SecureElementEntry, SecureElementState
from tallystick.crypto.certificates import read_card_certificate, read_device_certificate
from tallystick.crypto.keys import PublicKey
from tallystick.kernel.country_pack import CountryPack
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import Clock, from_unix_ms
from tallystick.ops.settings import Settings, SettingsError
from tallystick.wire.record import read_record

log = logging.getLogger(__name__)
Connection = psycopg.Connection[Any]
_AUDITS_MOST = 500


class OpenAudits:
    """The audit room, as inspections ask it."""

    def waiting(self, conn: Connection) -> Sequence[WaitingAudit]:
        """Audits that are incomplete or contradict."""
        return [_waiting(one) for one in audit.open_audits(conn, _AUDITS_MOST) if one.missing or one.held is not None]


def _waiting(one: OpenAudit) -> WaitingAudit:
    return WaitingAudit(
        uid=one.uid,
        total_counter=one.total_counter,
        missing=tuple(one.missing),
        difference=0 if one.held is None else one.held.scaled - one.unaudited.scaled,
        received_at=one.received_at,
    )


class RegisteredSigners:
    """The registry, as inspections ask it: straight from the database."""

    def find(self, conn: Connection, uids: Collection[str]) -> dict[str, Signer]:
        """The elements of these UIDs; a certificate is parsed once."""
        return {uid: _signer(entry) for uid, entry in registry.secure_elements(conn, uids).items()}

    def device_keys(self, conn: Connection, certificates: Collection[bytes]) -> dict[bytes, DeviceKey]:
        """The keys of national devices."""
        found = registry.device_certificates(conn, certificates)
        return {digest: DeviceKey(one.uid, one.tin, _key_in(one.certificate)) for digest, one in found.items()}

    def device_numbers(self, conn: Connection, uid: str) -> DeviceNumbers | None:
        """Serial number and number of the memory of a national device."""
        device = registry.national_device(conn, uid)
        return None if device is None else DeviceNumbers(device.serial_number, device.memory_number)

    def sells(self, conn: Connection, uid: str) -> bool:
        """Whether it is active, card or device."""
        element = registry.secure_element(conn, uid)
        if element is not None:
            return element.state is SecureElementState.ACTIVE
        device = registry.fiscal_device(conn, uid)
        return device is not None and device.state is DeviceState.ACTIVE


class Offline:
    """The offline channel, as inspections ask it."""

    def take(self, conn: Connection, limit: int) -> list[Evidence]:
        """What it has seen since the last time."""
        found = []
        for matter in batches.tell_matters(conn, limit):
            device = f"{matter.uid}-{matter.uid}"
            found.append(
                Evidence(
                    kind=CaseKind(matter.kind.value),
                    matter=device,
                    item=matter.item,
                    tin=matter.tin,
                    device=device,
                    amount=matter.amount,
                    facts=matter.facts,
                )
            )
        return found


class ClaimedRefunds:
    """The intake's claims on originals, as inspections ask for them."""

    def of(self, conn: Connection, originals: Collection[SdcInvoiceNumber]) -> list[Refund]:
        """Booked refunds of these documents whose records can be read."""
        found = []
        for one in intake.booked_refunds(conn, originals):
            with suppress(Fault):  # a record that cannot be read is another detector's question
                record = read_record(one.record)
                found.append(Refund(original=one.original, index=one.index, amount=one.amount, record=record))
        return found


@lru_cache(maxsize=4_096)
def _key_in(certificate: bytes) -> PublicKey:
    return read_device_certificate(certificate).public_key


def _signer(entry: SecureElementEntry) -> Signer:
    return Signer(entry.tin, _public_key(entry.certificate), entry.state is SecureElementState.ACTIVE)


@lru_cache(maxsize=4_096)
def _public_key(certificate: bytes) -> PublicKey:
    return read_card_certificate(certificate).public_key


def detectors(settings: Settings, pack: CountryPack) -> list[Detector]:
    """The detectors that are switched on, in their order; raises ``SettingsError`` for a name that is none."""
    named = settings.detectors.split()
    known: dict[str, Callable[[], Detector]] = {
        DetectorName.MANIPULATION: lambda: Manipulation(RegisteredSigners()),
        DetectorName.DELETION: lambda: Deletion(OpenAudits(), QuarantineAndEvidence(), pack.inspections),
        DetectorName.UNDER_REPORTING: lambda: UnderReporting(
            OpenAudits(),
            QuarantineAndEvidence(),
            RegisteredSigners(),
            pack.inspections,
            pack.card_limit.scaled,
            Offline(),
            ClaimedRefunds(),
        ),
    }
    unknown = sorted(set(named) - set(known))
    if unknown:
        raise SettingsError(f"detectors: there is no detector {', '.join(unknown)}")
    return [make() for name, make in known.items() if name in named]


@attrs.frozen(slots=True)
class BuyersSightings:
    """Keeps what buyers show and the ledger has not. The buyer's answer never waits for it, nor fails with it."""

    connect: Callable[[], AbstractContextManager[Connection]]
    clock: Clock

    def note(self, facts: SignedFacts) -> None:
        """Keep the sighting of a code whose signature is good."""
        data = facts.data
        seen = Sighting(
            act_hash=sha256(facts.text),
            requested_by=data.requested_by,
            signed_by=data.signed_by,
            ordinal=data.total_counter,
            tin=facts.requester.tin,
            amount=data.amount.scaled,
            issued_at=from_unix_ms(data.time_ms),
        )
        self._note(seen, self.clock())

    def note_receipt(self, verdict: NationalVerdict) -> datetime | None:
        """Keep the sighting of a national receipt; when it was shown first, none where that cannot be known now."""
        code, register = verdict.code, verdict.register
        if code is None or register is None:
            return None
        seen = Sighting(
            act_hash=code.act_hash,
            requested_by=code.device,
            signed_by=code.device,
            ordinal=code.sequence,
            tin=register.seller.tin,
            amount=code.total.scaled,
            issued_at=from_unix_ms(code.time_ms),
            at_once=verdict.state is not State.PENDING,
        )
        if verdict.differs:
            digest = sha256(code.signed_text)
            seen = attrs.evolve(seen, act_hash=digest, booked_act=code.act_hash, differs=" ".join(verdict.differs))
        return self._note(seen, self.clock())

    def _note(self, seen: Sighting, at: datetime) -> datetime | None:
        try:
            with self.connect() as conn:
                return operations.note_sighting(conn, seen, at)
        except (psycopg.Error, PoolTimeout, OSError) as error:
            log.warning("a buyer's sighting could not be kept: %s", error)
            return None
