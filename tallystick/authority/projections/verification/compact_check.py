"""The check of one compact code. It carries no signature, so everything is asked of the ledger.

1 read the code · 2 look its number up, behind the gate · 3 rebuild what was signed from our record and verify that
signature again · 4 compare the authenticator · 5 compare what the code shows · 6 judge kind and flags.

Up to step 4 every failure is the same answer, *unconfirmed*: a number that nobody sold, one whose package is still on
its way, and a wrong authenticator are told alike, so that trying codes teaches nothing about any of them.
"""

from __future__ import annotations

from collections.abc import Iterator

from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification.check import (
    FindDocument,
    FindElement,
    SignedFacts,
    Source,
    State,
    Verdict,
    behind_gate,
    judge,
    open_data,
)
from tallystick.authority.projections.verification.items import opened_document
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import same_bytes, sha256
from tallystick.wire.compact_proof import CompactProof, compact_proof, read_code
from tallystick.wire.verification_url import VerificationData, from_url, signed_data


def check_compact(code: str, find_element: FindElement, find_document: FindDocument) -> Verdict:
    """Judge a compact code; what cannot be read is *not verifiable*, what the ledger does not confirm *unconfirmed*."""
    try:
        proof = read_code(code)
    except Fault:
        return Verdict(State.NOT_VERIFIABLE, source=Source.LEDGER)
    document = behind_gate(find_document(proof.number))
    signed = _signed(document, find_element) if document is not None else None
    if document is None or signed is None or not same_bytes(signed[1].authenticator, proof.authenticator):
        return Verdict(State.UNCONFIRMED, source=Source.LEDGER)
    facts, ours = signed
    if proof != ours:
        return Verdict(State.MISMATCH, facts, source=Source.LEDGER)
    return Verdict(judge(facts, document), facts, document, Source.LEDGER)


def _signed(document: LedgerDocument, find_element: FindElement) -> tuple[SignedFacts, CompactProof] | None:
    """What the card signed, out of our record; none where the body was erased or nothing in it fits the act."""
    for data in _candidates(document):
        try:
            facts, proof = open_data(data, find_element), compact_proof(data)
        except (Fault, ValueError):
            continue
        if sha256(facts.text) == document.act_hash:
            return facts, proof
    return None


def _candidates(document: LedgerDocument) -> Iterator[VerificationData]:
    """The long code as the device made it, then the fields; they differ only in documents booked with a flag."""
    opened = opened_document(document)
    if opened is None:
        return
    try:
        yield from_url(opened.result.verification_url)
    except Fault:
        pass
    yield signed_data(opened.request, opened.result)
