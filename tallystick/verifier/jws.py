"""Documents of the national channels: a compact JWS with exactly the protected header that the wire allows, ES256.

What is checked is what form and payload promise: header, signature over the received bytes, device, place in the
device's sequence and the link before it; type, total, turnover, payments, items and taxes.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from tallystick.crypto.signatures import verify_es256
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.verifier.arithmetic import TOLERANCE, taxes_of
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.hashes import buyer_commitment, sha256
from tallystick.verifier.national import Payload, money, read_national, units
from tallystick.wire.document_jws import DocumentHeader
from tallystick.wire.record import BUYER_FACT, Record

if TYPE_CHECKING:
    from tallystick.verifier.documents import Case

_DAY_MS = 86_400_000
_TAX_IN_DOUBT = frozenset({"TS-2001", "TS-2002", "TS-2004", "TS-2005", "TS-2007"})
_TOTAL_IN_DOUBT = "TS-2003"
_SIGNED_OUTSIDE = "TS-1103"
Seen = tuple[BreakCode, str]


def check_jws(case: Case) -> Iterator[Seen]:
    """A document under ES256 (P-256)."""
    record, national = case.record, case.national or read_national(case.body)
    signed = national.signed
    if signed is None:
        yield BreakCode.SIGNATURE, str(national.fault)
        return
    header = signed.header
    der = case.certificates.get(header.kid)
    if der is None:
        yield BreakCode.CERTIFICATE, "the certificate is not in the export"
        return
    try:
        signer = case.trust.device(der)
        case.trust.check(signer, header.time_ms, lenient=_SIGNED_OUTSIDE in record.flags)
    except Fault as fault:
        yield BreakCode.CERTIFICATE, str(fault)
        return
    try:
        moment = from_unix_ms(header.time_ms)
        verify_es256(signer.certificate.public_key, signed.signing_input, signed.signature, moment=moment)
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    yield from _binding(header, case, signer.certificate.uid)
    if record.act_hash != sha256(signed.signing_input).hex():
        yield BreakCode.BINDING, "the record names another act than the one that was signed"
    if national.said is None:
        yield BreakCode.AMOUNT, str(national.fault)
        return
    try:
        yield from _amounts(national.said, case)
    except ValueError:
        yield BreakCode.AMOUNT, "an amount of the document or its record is none"
    yield from check_buyer(national.said.canonical_buyer, case)


def _binding(header: DocumentHeader, case: Case, uid: str) -> Iterator[Seen]:
    record = case.record
    if header.kid.hex() != record.certificate_hash or header.device != uid:
        yield BreakCode.BINDING, "the key is not that of the device in the record"
    if record.device != f"{header.device}-{header.device}" or record.issued_at != str(header.time_ms):
        yield BreakCode.BINDING, "device or time of the record are not the signed ones"
    elif abs(int(record.day) - header.time_ms // _DAY_MS) > 1:
        yield BreakCode.BINDING, "the record's day is not that of its time"
    if header.audience != case.origin:
        yield BreakCode.BINDING, f"signed for the log {header.audience}"
    if record.device_seq != str(header.sequence) or record.device_prev != header.previous.hex():
        yield BreakCode.DEVICE_LINK, "the device signed another place in its sequence, or another link before it"
    if record.se_total != str(header.sequence):
        yield BreakCode.COUNTER, "the record's number is not the signed place"


def _amounts(said: Payload, case: Case) -> Iterator[Seen]:
    record, total = case.record, money(said.total)
    turnover = (-total if said.is_down else total) if said.is_sale else 0
    if record.type != str(said.document_type):
        yield BreakCode.AMOUNT, f"recorded as type {record.type}, signed as {said.document_type}"
    if int(record.total or "0") != total:
        yield BreakCode.AMOUNT, f"recorded total {record.total}, signed {total} (x 10^-4)"
    if int(record.day_amount or "0") != turnover:
        yield BreakCode.AMOUNT, f"counted {record.day_amount} to its day, should be {turnover} (x 10^-4)"
    if record.refers_to != said.refers_to:
        yield BreakCode.BINDING, "the record refers to another document than the signed one does"
    if not said.is_sale:
        return
    if _TOTAL_IN_DOUBT not in record.flags:
        if total != sum([money(item.total) for item in said.items]):
            yield BreakCode.AMOUNT, "the items do not add up to the signed total, and no flag says so"
        if total != sum([money(payment.amount) for payment in said.payments]):
            yield BreakCode.AMOUNT, "the payments do not add up to the signed total, and no flag says so"
    yield from _taxes(said, record, case)


def _taxes(said: Payload, record: Record, case: Case) -> Iterator[Seen]:
    stated = [(tax.label.upper(), units(tax.rate), money(tax.amount)) for tax in said.taxes]
    if sum(map(int, record.tax_totals.values())) != sum([amount for _, _, amount in stated]):
        yield BreakCode.TAX, "recorded taxes are not the stated ones"
    if not case.trust.has_rates or (record.flags and not _TAX_IN_DOUBT.isdisjoint(record.flags)):
        return
    rates = case.trust.rates_of(said.rate_group)
    if rates is None:
        yield BreakCode.TAX, f"the country's pack has no rate group {said.rate_group}, and no flag says so"
        return
    items = [(money(one.total), units(one.quantity), one.labels) for one in said.items]
    ours = taxes_of(items, rates)
    if ours is None:
        yield BreakCode.TAX, "an item has a label that its rate group does not have, and no flag says so"
        return
    known = {label: rate for label, _, rate in rates}
    left = dict(ours)
    for label, rate, amount in stated:
        left[label] = left.get(label, 0) - amount
        if known.get(label) != rate:
            yield BreakCode.TAX, f"label {label} has another rate in the country's pack, and no flag says so"
    wrong = [label for label, rest in left.items() if not -TOLERANCE <= rest <= TOLERANCE]
    if wrong:
        yield BreakCode.TAX, f"the tax of {', '.join(wrong[:5])} is not that of the items, and no flag says so"


def check_buyer(canonical: str, case: Case) -> Iterator[Seen]:
    """The record's commitment is to the buyer that the document names, as far as the export opens it."""
    if not case.buyer_salt:
        return
    commitment = case.record.facts.get(BUYER_FACT)
    if commitment is None:
        yield BreakCode.BUYER, "a salt for a commitment that the record does not hold"
    elif buyer_commitment(case.buyer_salt, canonical).hex() != commitment:
        yield BreakCode.BUYER, "the record commits to another buyer than the document names"
