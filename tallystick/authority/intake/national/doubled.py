"""Two documents of one device in one place: both are kept, the ledger says so, and the device stops (TS-1403)."""

from __future__ import annotations

import logging

from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand
from tallystick.authority.intake.ports import Sequencer
from tallystick.authority.intake.store import TWO_DOCUMENTS, Evidence
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.kernel.identifiers import SdcInvoiceNumber, canonical_buyer
from tallystick.wire.document_jws import MEDIA_TYPE

log = logging.getLogger(__name__)


async def keep_two_documents(
    rules: NationalRules, sequencer: Sequencer, hand: DocumentInHand, *, is_kept: bool = True
) -> None:
    """Both signatures are good and the place is the same: a cloned key, or worse. Kept, and the device stops.

    Where enough of it ``is_kept`` already, the device stops all the same.
    """
    header = hand.header
    if is_kept:
        await _keep(rules, sequencer, hand)
    await rules.stores.hold(header.device, hand.received_at, TWO_DOCUMENTS)
    log.error("two documents under one number", extra={"uid": header.device, "number": header.number})


async def _keep(rules: NationalRules, sequencer: Sequencer, hand: DocumentInHand) -> None:
    signed, header = hand.signed, hand.header
    first = await rules.stores.document(SdcInvoiceNumber(header.device, header.device, header.sequence))
    evidence = Evidence(
        act_hash=signed.act_hash,
        body_hash=signed.body_hash,
        kind=TWO_DOCUMENTS,
        file_hash=signed.body_hash,
        body=signed.compact,
        first_body_hash=first.body_hash if first else b"",
        signed_by=header.device,
        ordinal=header.sequence,
        token_uid=hand.sender.uid,
        received_at=hand.received_at,
    )
    if await rules.stores.evidence(evidence) is None:
        facts = {"kind": TWO_DOCUMENTS, "first_body_hash": evidence.first_body_hash.hex()}
        booked = await sequencer.append(_entry(hand, facts))
        await rules.stores.number_evidence(signed.act_hash, signed.body_hash, booked.index)


def _entry(hand: DocumentInHand, facts: dict[str, str]) -> NewEntry:
    signed, header = hand.signed, hand.header
    return NewEntry(
        kind=EntryKind.EVIDENCE,
        channel=hand.channel,
        body=signed.compact,
        media_type=MEDIA_TYPE,
        received_at_ms=hand.received_ms,
        act_hash=signed.act_hash,
        device=(header.device, header.device),
        tin=hand.device.tin,
        se_total=header.sequence,
        facts=facts,
        buyer=canonical_buyer(hand.document.sale.buyer_id) if hand.document.sale else "",
    )
