"""Judges a national document anew that two officers want to have booked after all (K-05).

In its device's order: what stands before it comes first, for the sequencer gives it no other place than the signed one.
"""

from __future__ import annotations

import attrs

from tallystick.authority.intake.held import Held
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.offline.findings import finding, lateness
from tallystick.authority.intake.national.offline.ports import BuildHistory
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand, Sender
from tallystick.authority.ledger.entry import Channel, NewEntry
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber, Tin
from tallystick.wire.document_jws import read_signed
from tallystick.wire.national_document import read_document

_EXCUSED_BY_AGE = frozenset({"TS-1104"})
"""What an anchor excuses; the caller has looked for one."""


@attrs.frozen(slots=True, kw_only=True)
class ReadmissionRules:
    """What it consults."""

    national: NationalRules
    history: BuildHistory


async def entry_anew(rules: ReadmissionRules, held: Held, channel: Channel) -> NewEntry:
    """The entry of a document as it would be booked now, by today's registry and the time of its first arrival.

    Raises ``TS-3041`` with the code of what still hinders it, ``TS-50xx`` when nobody can tell now.
    """
    try:
        hand = await _hand(rules, held, channel)
        for check in NATIONAL_CHECKS[channel].proof:
            check.function(rules.national, hand)
    except Fault as fault:
        raise _hindered(fault) from None
    if await _is_booked(rules, hand):
        return document_entry(rules.national, hand)
    await _examine(rules, hand)
    if "TS-2404" in held.codes:
        hand.findings.append(lateness(rules.national.pack.channels))
    if hand.signed.act_hash != held.act_hash:
        raise Fault("TS-3041", detail="the kept bytes are of another act")
    return document_entry(rules.national, hand)


async def _hand(rules: ReadmissionRules, held: Held, channel: Channel) -> DocumentInHand:
    signed = read_signed(held.body, bytes_max=len(held.body))
    header = signed.header
    standing = await rules.national.stores.standing(header.device)
    if standing is None:
        raise Fault("TS-2401", detail="the device is not registered in the ledger")
    certificate = rules.national.devices.certificate(header.kid)
    sender = Sender(
        certificate_hash=header.kid,
        uid=header.device,
        device_class=DeviceClass.HARDWARE if certificate is None else DeviceClass(certificate.device_class),
        tin=Tin(held.tin),
    )
    return DocumentInHand(
        signed=signed,
        document=read_document(signed.payload),
        sender=sender,
        received_at=held.received_at,
        channel=channel,
        standing=standing,
    )


async def _is_booked(rules: ReadmissionRules, hand: DocumentInHand) -> bool:
    """Whether this very act is in the ledger: a crash kept that from being noted, and the sequencer will say so."""
    header = hand.header
    if header.sequence > hand.standing.sequence:
        return False
    first = await rules.national.stores.document(SdcInvoiceNumber(header.device, header.device, header.sequence))
    return first is not None and first.act_hash == hand.signed.act_hash


async def _examine(rules: ReadmissionRules, hand: DocumentInHand) -> None:
    for check in NATIONAL_CHECKS[hand.channel].kept:
        try:
            waiting = check.function(rules.national, hand)
            if waiting is not None:
                await waiting
        except Fault as fault:
            if fault.code.startswith("TS-50"):
                raise
            found = finding(rules.history, hand, check.step, fault)
            if found is None:
                continue
            if found.apart and fault.code not in _EXCUSED_BY_AGE:
                raise _hindered(fault) from None
            hand.findings.append(found)


def _hindered(fault: Fault) -> Fault:
    """Our own doubt stays one; everything else hinders."""
    if fault.code.startswith("TS-50"):
        return fault
    return Fault("TS-3041", detail=f"{fault.code} {fault.detail}".strip())
