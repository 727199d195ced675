"""Steps 8 to 12 for national documents. The rules are the kernel's; here each gets what it needs.

Every function passes silently or raises one fault.
"""

from __future__ import annotations

from collections.abc import Awaitable

import attrs

from tallystick.authority.intake.claims import RefundClaim
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.values import DocumentInHand, NationalFinding
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.reference.registry.values import standing_of
from tallystick.kernel import judgement
from tallystick.kernel.channel_rules import RefundScope
from tallystick.kernel.device_policy import BUILD_CLASS, DeviceChannel, DeviceClass, require_device
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber, canonical_buyer
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.invoice import TransactionType
from tallystick.kernel.national_document import Closure, DocumentKind, DocumentType, Sale, ShiftReport
from tallystick.kernel.unaccounted import unaccounted
from tallystick.wire.compact_jws import write_base64url

_CHANNELS = {
    Channel.ECR_ONLINE: DeviceChannel.ONLINE,
    Channel.ECR_OFFLINE: DeviceChannel.OFFLINE,
    Channel.ERP: DeviceChannel.ERP,
}
_LATER_SECONDS = 600
_OF_THE_SHIFT = frozenset({"TS-2408", "TS-2409"})
_SALES = frozenset({DocumentType.RECEIPT, DocumentType.ACCOUNTABLE_FORM})
_TAXCORE_SALES = frozenset({0x0100, 0x0140})
_REFUNDS = frozenset({DocumentType.RECEIPT_REFUND, DocumentType.ACCOUNTABLE_FORM_REFUND})


def device_is_registered(_: NationalRules, hand: DocumentInHand) -> None:
    """Its registration stands in the ledger."""
    if hand.device.registration_index is None:
        raise Fault("TS-2401", detail="the registration is not in the ledger yet", retry_after_seconds=5)


def device_may_use_the_channel(rules: NationalRules, hand: DocumentInHand) -> None:
    """State, agreement, class, papers and point, by the one table of the country (S0-077 to S0-092, S1-022, S1-025).

    Device and certificate are values, which the registry replaces when they change: the same ones need no second look.
    """
    device, certificate, channel = hand.device, hand.certificate, hand.channel
    admitted = hand.standing.admitted
    if admitted and admitted[0] is device and admitted[1] is certificate and admitted[2] is channel:
        return
    require_device(standing_of(device, certificate), _CHANNELS[channel], rules.pack.devices)
    hand.standing.admitted = device, certificate, channel


def build_is_certified(rules: NationalRules, hand: DocumentInHand) -> None:
    """S0-082: no certified build, no fiscalisation, whatever the form."""
    rules.builds.require(BUILD_CLASS[hand.device.device_class], hand.document.build)


def time_is_now(rules: NationalRules, hand: DocumentInHand) -> None:
    """S0-036: on line the document's time and its arrival lie within the country's window."""
    if abs(hand.at - hand.received_at) > rules.pack.channels.time_window:
        raise Fault("TS-1301", detail="the document's time is too far from its arrival")


def nonce_is_new(_: NationalRules, hand: DocumentInHand) -> None:
    """S0-037: no nonce twice within the window, after a restart as well."""
    if hand.header.nonce in hand.standing.nonces:
        raise Fault("TS-1302", detail="the nonce was seen before")


def place_is_the_next(_: NationalRules, hand: DocumentInHand) -> None:
    """The device signed its next place and the link before it; the sequencer has the last word about that."""
    header, standing = hand.header, hand.standing
    if header.sequence == standing.sequence + 1 and header.previous == standing.link:
        return
    raise Fault(
        "TS-1404" if header.sequence <= standing.sequence else "TS-1402",
        detail=f"the next document is number {standing.sequence + 1}",
        expected={
            "ts-seq": str(standing.sequence + 1),
            "ts-prev": write_base64url(standing.link).decode("ascii"),
        },
    )


def currency_is_ours(rules: NationalRules, hand: DocumentInHand) -> None:
    """Receipts are in the country's currency."""
    sale = hand.sale
    if sale is not None and sale.currency != rules.pack.currency:
        raise Fault("TS-2006", detail=f"the currency is {rules.pack.currency}")


def rate_group_was_valid(rules: NationalRules, hand: DocumentInHand) -> None:
    """The group in force when it was sold; what refers back is judged with its original."""
    sale = hand.sale
    if sale is None:
        return
    hand.group = rules.rates.group(sale.rate_group)
    in_force = hand.group if sale.refers_to is not None else rules.rates.group_at(hand.at)
    judgement.check_group(hand.group, in_force)


def labels_are_known(_: NationalRules, hand: DocumentInHand) -> None:
    """Every tax label is in the group."""
    sale = hand.sale
    if sale is not None and hand.group is not None:
        judgement.check_labels(sale.items, sale.taxes, hand.group)


def amounts_are_in_range(_: NationalRules, hand: DocumentInHand) -> None:
    """Quantities above nought, amounts not negative."""
    sale = hand.sale
    if sale is not None:
        judgement.check_ranges(sale)


def taxes_are_right(_: NationalRules, hand: DocumentInHand) -> None:
    """The stated taxes are ours."""
    sale = hand.sale
    if sale is not None and hand.group is not None:
        judgement.check_taxes(sale.items, sale.taxes, hand.group)


def totals_add_up(_: NationalRules, hand: DocumentInHand) -> None:
    """Items make the total, and payments settle it."""
    sale = hand.sale
    if sale is None:
        return
    judgement.check_totals(sale.items, sale.total)
    paid = sum([payment.amount.scaled for payment in sale.payments])
    if paid != sale.total.scaled:
        raise Fault("TS-2003", detail=f"the payments add up to {Money(paid)}, not {sale.total}")


def buyer_id_is_well_formed(rules: NationalRules, hand: DocumentInHand) -> None:
    """A buyer's identification has the country's form."""
    sale = hand.sale
    if sale is not None:
        judgement.check_buyer_id(canonical_buyer(sale.buyer_id), rules.pack.buyer_id_pattern)


def shift_allows_it(rules: NationalRules, hand: DocumentInHand) -> None:
    """The shift's rules, and the totals of its reports (S1-028 to S1-033).

    Behind a place that was settled as lost nobody can tell what the shift holds: what the rules would refuse, and every
    report, is booked with ``TS-1409`` and the difference, until a closing says the sums anew.
    """
    standing, header = hand.standing, hand.header
    before, hours = standing.state, rules.pack.channels.shift_hours
    fault = None
    try:
        hand.state = before.after(hand.document, header.sequence, hand.at, hours_most=hours)
    except Fault as found:
        fault, hand.state = found, before.in_spite(hand.document, header.sequence, hand.at)
    if before.lacks and not before.is_closed and (fault is None or fault.code in _OF_THE_SHIFT):
        _judge_behind_a_lost_place(hand, fault)
    elif fault is not None and not (standing.unsure and fault.code == "TS-2409"):
        raise fault


def _judge_behind_a_lost_place(hand: DocumentInHand, fault: Fault | None) -> None:
    before, document = hand.standing.state, hand.document
    content = document.content
    if isinstance(content, ShiftReport):
        hand.difference = unaccounted(before, content)
    elif isinstance(content, Closure):
        hand.difference = {"turnover": str(Money(content.turnover.scaled - before.turnover.scaled))}
    elif fault is None:
        return
    detail = "a place before it was settled as lost" if fault is None else fault.detail
    hand.findings.append(NationalFinding(int(Step.ARITHMETIC), Fault("TS-1409", detail=detail), apart=False))


def original_allows_it(rules: NationalRules, hand: DocumentInHand) -> Awaitable[None] | None:
    """S0-056 to S0-059, S1-027: a refund or a correction names a document that it may follow."""
    sale = hand.sale
    if sale is None:
        return None
    is_correction = hand.document.kind is DocumentKind.CORRECTION
    if sale.refers_to is None:
        if is_correction or sale.operation is TransactionType.REFUND:
            raise Fault("TS-2101", detail="a refund and a correction name their original")
        return None
    if is_correction and not sale.reason:
        raise Fault("TS-2101", detail="a correction says why")
    return _original_allows(rules, hand, sale, sale.refers_to)


async def _original_allows(rules: NationalRules, hand: DocumentInHand, sale: Sale, refers_to: SdcInvoiceNumber) -> None:
    original = hand.original = await rules.stores.document(refers_to)
    if hand.channel is Channel.ECR_OFFLINE and _gives_back(sale):
        hand.claim = _claim(hand, sale, refers_to)  # it was given back, whatever is wrong with it
    if original is None or not original.record:
        raise await _not_found(rules, refers_to)
    _check_kind(original, hand.document.kind)
    _check_scope(rules, hand, original)
    facts = original.facts
    issued = from_unix_ms(int(facts.issued_at))
    judgement.check_group(hand.group, rules.rates.group_at(issued if _gives_back(sale) else hand.at))
    if _gives_back(sale):
        hand.claim = attrs.evolve(_claim(hand, sale, refers_to), limit=Money(int(facts.total)))


def _claim(hand: DocumentInHand, sale: Sale, refers_to: SdcInvoiceNumber) -> RefundClaim:
    return RefundClaim(
        original=refers_to,
        amount=sale.total,
        act_hash=hand.signed.act_hash,
        device=hand.header.device,
        sequence=hand.header.sequence,
        tin=hand.device.tin,
    )


def _gives_back(sale: Sale) -> bool:
    return sale.operation is TransactionType.REFUND


async def _not_found(rules: NationalRules, number: SdcInvoiceNumber) -> Fault:
    """Later, not no, where the original may lie in a register's memory, or in an E-SDC that is off line (K-21)."""
    device = rules.devices.device(number.signed_by)
    if device is None:
        may_come = await rules.stores.is_card(number.signed_by)
    else:
        may_come = device.device_class is DeviceClass.HARDWARE
    if may_come:
        return Fault(
            "TS-2102", detail="the original may still lie in its device's memory", retry_after_seconds=_LATER_SECONDS
        )
    return Fault("TS-2102", detail="the ledger has no such document")


def _check_kind(original: LedgerDocument, kind: DocumentKind) -> None:
    of_type = int(original.facts.type)
    allowed = _SALES | _TAXCORE_SALES
    if kind is DocumentKind.CORRECTION:
        allowed |= _REFUNDS
    if of_type not in allowed:
        raise Fault("TS-2105", detail="the original is no document that this one may follow")


def _check_scope(rules: NationalRules, hand: DocumentInHand, original: LedgerDocument) -> None:
    facts, device = original.facts, hand.device
    scope = rules.pack.channels.refund_scope
    same = facts.taxpayer == device.tin
    if scope is RefundScope.DEVICE:
        same = facts.device == f"{device.uid}-{device.uid}"
    elif scope is RefundScope.PREMISES:
        same = same and facts.premises == str(device.premises_id or "")
    if not same:
        raise Fault("TS-2103", detail=f"the original is not of the same {scope}")


def rest_is_enough(rules: NationalRules, hand: DocumentInHand) -> Awaitable[None] | None:
    """S0-059: all that was given back of an original never passes it, under any interleaving.

    The claim is noted before the booking and counts from then on; whoever is refused lets go of it.
    """
    return None if hand.claim is None else _claim_rest(rules, hand, hand.claim)


async def _claim_rest(rules: NationalRules, hand: DocumentInHand, claim: RefundClaim) -> None:
    forced = hand.channel is Channel.ECR_OFFLINE
    enough = await rules.stores.claim(claim, forced=forced)
    if not enough:
        if not forced:
            hand.claim = None
        raise Fault("TS-2104", detail="more than is left of the original")
