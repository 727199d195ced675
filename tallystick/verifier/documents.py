"""Each document against its signer: a table of kinds, each a function that gives the breaks it sees.

A kind of document is told by the entry's kind and media type. A new kind is a function and a row in ``CHECKS``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from tallystick.crypto.certificates import CardCertificate
from tallystick.crypto.signatures import verify_invoice_signature
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import from_unix_ms
from tallystick.verifier.arithmetic import TOLERANCE, taxes_of
from tallystick.verifier.breaks import BreakCode
from tallystick.verifier.hashes import sha256
from tallystick.verifier.invoices import Said, read_quickly, read_tolerantly, time_in_url
from tallystick.verifier.jws import check_buyer, check_jws
from tallystick.verifier.national import National
from tallystick.verifier.trust import Signer, Trust
from tallystick.wire import document_jws
from tallystick.wire.record import Record

DOCUMENT_KIND = 1
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000
_CARDS = frozenset({CertificateClass.V33, CertificateClass.V38})
_SIGNED_OUTSIDE = "TS-1103"
_TAX_IN_DOUBT = frozenset({"TS-2001", "TS-2002", "TS-2004", "TS-2005"})
_TOTAL_IN_DOUBT = "TS-2003"
_TIME_IN_DOUBT = "TS-2008"

Seen = tuple[BreakCode, str]
Card = Signer[CardCertificate]


class Case(NamedTuple):
    """A document with what belongs to it: its bytes, its record, the log's name, certificates by their SHA-256.

    ``requesters`` are the POS that ask hosted signers, by UID; ``national`` is a national document, read already.
    """

    body: bytes
    record: Record
    origin: str
    certificates: Mapping[bytes, bytes]
    requesters: Mapping[str, Card]
    trust: Trust
    buyer_salt: bytes = b""
    national: National | None = None


def check_document(case: Case, media_type: str) -> Iterator[Seen]:
    """Everything that a document can prove of itself."""
    check = CHECKS.get(media_type)
    if check is None:
        yield BreakCode.SIGNATURE, f"no rule tells how a document of the type {media_type!r} is signed"
    else:
        yield from check(case)


def _check_invoice(case: Case) -> Iterator[Seen]:
    """A TaxCore invoice: RSA-2048 PKCS#1 v1.5 over what the card signed (S2-058)."""
    record = case.record
    signer, trouble = find_signer(case, bytes.fromhex(record.certificate_hash))
    if signer is None:
        yield BreakCode.CERTIFICATE, trouble
        return
    try:
        said, act, stated_ms = _signed(case.body, record.taxpayer, signer)
    except Fault as fault:
        yield BreakCode.SIGNATURE, str(fault)
        return
    try:
        case.trust.check(signer, said.time_ms, lenient=_SIGNED_OUTSIDE in record.flags)
    except Fault as fault:
        yield BreakCode.CERTIFICATE, str(fault)
    if stated_ms != said.time_ms and _TIME_IN_DOUBT not in record.flags:
        yield BreakCode.BINDING, "the document states another time than the signed one, and no flag says so"
    yield from _binding(said, act, signer, case)
    yield from _amounts(said, record)
    yield from check_buyer(said.canonical_buyer, case)


def find_signer(case: Case, certificate_hash: bytes) -> tuple[Card | None, str]:
    """The signer whose certificate has that hash, or why there is none."""
    der = case.certificates.get(certificate_hash)
    if der is None:
        return None, "the certificate is not in the export"
    try:
        return case.trust.card(der), ""
    except Fault as fault:
        return None, str(fault)


def _signed(body: bytes, tin: str, signer: Card) -> tuple[Said, bytes, int]:
    """What is under the signature, the hash of it, and the time that the document states.

    Raises ``TS-1312``, or why the body cannot be read.
    """
    said = read_quickly(body)
    if said is not None:
        text = said.signed_text(tin)
        try:
            _verify(signer, text, said)
            return said, sha256(text), said.time_ms
        except Fault:
            pass
    said = read_tolerantly(body)
    stated_ms = said.time_ms
    text = said.signed_text(tin)
    try:
        _verify(signer, text, said)
    except Fault:
        other = time_in_url(said)
        if other is None:
            raise
        said = said._replace(time_ms=other)
        text = said.signed_text(tin)
        _verify(signer, text, said)
    return said, sha256(text), stated_ms


def _verify(signer: Card, text: bytes, said: Said) -> None:
    key, moment = signer.certificate.public_key, from_unix_ms(said.time_ms)
    verify_invoice_signature(key, text, said.signature, moment=moment)


def _binding(said: Said, act: bytes, signer: Card, case: Case) -> Iterator[Seen]:
    record, one = case.record, signer.certificate
    if record.act_hash != act.hex():
        yield BreakCode.BINDING, "the record names another act than the one that was signed"
    if record.device != f"{said.requested_by}-{said.signed_by}" or one.uid != said.signed_by:
        yield BreakCode.BINDING, f"signed by {one.uid}, said of {said.requested_by}-{said.signed_by}"
    if one.certificate_class in _CARDS:
        if one.tin != record.taxpayer or said.requested_by != said.signed_by:
            yield BreakCode.BINDING, f"the card of {one.tin} cannot sign for {record.taxpayer}"
    elif one.certificate_class is not CertificateClass.V35:
        yield BreakCode.BINDING, "the certificate is none that signs invoices"
    elif not _is_pos(said.requested_by, record.taxpayer, said.time_ms, case):
        yield BreakCode.BINDING, f"no POS {said.requested_by} of {record.taxpayer} stands behind the hosted signer"
    if record.issued_at != str(said.time_ms):
        yield BreakCode.BINDING, "the record's time is not the signed one"
    elif int(record.day) != (said.time_ms + int(record.utc_offset_minutes) * _MINUTE_MS) // _DAY_MS:
        yield BreakCode.BINDING, "the record's day is not that of its time"


def _is_pos(uid: str, tin: str, signed_ms: int, case: Case) -> bool:
    """Whether a POS of that name and taxpayer is known whose certificate led to a root then."""
    signer = case.requesters.get(uid)
    try:
        if signer is None or signer.certificate.tin != tin:
            return False
        case.trust.check(signer, signed_ms, lenient=_SIGNED_OUTSIDE in case.record.flags)
    except Fault:
        return False
    return True


def _amounts(said: Said, record: Record) -> Iterator[Seen]:
    if record.type != str(said.document_type):
        yield BreakCode.AMOUNT, f"recorded as type {record.type}, signed as {said.document_type}"
    if record.total != str(said.total):
        yield BreakCode.AMOUNT, f"recorded total {record.total}, signed {said.total} (x 10^-4)"
    if record.day_amount != str(said.turnover):
        yield BreakCode.AMOUNT, f"counted {record.day_amount} to its day, should be {said.turnover} (x 10^-4)"
    if record.se_total != str(said.ordinal) or (record.se_type or "0") != str(said.type_counter):
        yield BreakCode.COUNTER, "the record's counters are not the signed ones"
    flags = record.flags
    if _TOTAL_IN_DOUBT not in flags and said.total != sum([total for total, _, _ in said.items]):
        yield BreakCode.AMOUNT, "the items do not add up to the signed total, and no flag says so"
    stated = sum([amount for _, amount in said.taxes])
    if sum(map(int, record.tax_totals.values())) != stated:
        yield BreakCode.TAX, f"recorded taxes are not the stated ones, {stated} (x 10^-4)"
    if not flags or _TAX_IN_DOUBT.isdisjoint(flags):
        yield from _taxes(said)


def _taxes(said: Said) -> Iterator[Seen]:
    ours = taxes_of(said.items, said.stated)
    if ours is None:
        yield BreakCode.TAX, "an item has a label whose rate is not stated, and no flag says so"
        return
    left = dict(ours)
    for label, amount in said.taxes:
        key = label.upper()
        left[key] = left.get(key, 0) - amount
    wrong = [label for label, rest in left.items() if not -TOLERANCE <= rest <= TOLERANCE]
    if wrong:
        yield BreakCode.TAX, f"the tax of {', '.join(wrong[:5])} is not that of the items, and no flag says so"


CHECKS: Mapping[str, Callable[[Case], Iterator[Seen]]] = {
    "application/json": _check_invoice,
    document_jws.MEDIA_TYPE: check_jws,
}
"""How a document of each media type is signed."""
