"""Step 14 for national documents: the entry that the sequencer gets."""

from __future__ import annotations

from tallystick.authority.intake.booking import category_of_label, leaf_flags
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand
from tallystick.authority.intake.verdicts import AuditStatus
from tallystick.authority.ledger.entry import EntryKind, NewEntry
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.kernel.instants import epoch_day
from tallystick.kernel.national_document import Sale
from tallystick.wire.document_jws import MEDIA_TYPE

UNACCOUNTED = "unaccounted "
"""How facts of a report begin that say what stood in lost places."""


def document_entry(rules: NationalRules, hand: DocumentInHand) -> NewEntry:
    """The entry of a document, plainly or with flags; its place is the one that the device signed."""
    signed, header, document, sale = hand.signed, hand.header, hand.document, hand.sale
    codes = hand.codes
    return NewEntry(
        kind=EntryKind.DOCUMENT,
        channel=hand.channel,
        body=signed.compact,
        media_type=MEDIA_TYPE,
        received_at_ms=hand.received_ms,
        act_hash=signed.act_hash,
        device=(header.device, header.device),
        tin=hand.device.tin,
        premises=str(hand.device.premises_id or ""),
        document_type=document.type_code,
        day=epoch_day(hand.at.astimezone(rules.zone)),
        issued_at_ms=header.time_ms,
        utc_offset_minutes=document.utc_offset_minutes,
        currency=rules.pack.currency,
        total=sale.total.scaled if sale else 0,
        day_amount=document.turnover.scaled,
        tax_totals=_tax_totals(hand, sale) if sale else {},
        se_total=header.sequence,
        certificate_hash=header.kid,
        refers_to=str(sale.refers_to or "") if sale else "",
        flags=codes,
        leaf_flags=leaf_flags(codes),
        verdict=int(AuditStatus.VERIFIED),
        facts={"build": document.build, **_unaccounted(hand)},
        buyer=canonical_buyer(sale.buyer_id) if sale else "",
        device_seq=header.sequence,
        device_prev=header.previous,
    )


def _unaccounted(hand: DocumentInHand) -> dict[str, str]:
    """What a report says beyond the documents that are known, where a place of its shift is lost."""
    return {f"{UNACCOUNTED}{name}": amount for name, amount in hand.difference.items()}


def _tax_totals(hand: DocumentInHand, sale: Sale) -> dict[str, int]:
    """The stated tax by category order id; by its label where the rate group does not have it."""
    known = {} if hand.group is None else category_of_label(hand.group)
    totals: dict[str, int] = {}
    for tax in sale.taxes:
        label = tax.label.upper()
        key = known.get(label, label)
        totals[key] = totals.get(key, 0) + tax.amount.scaled
    return totals
