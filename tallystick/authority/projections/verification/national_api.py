"""The doors for national receipts: by the code on the paper, and by its number and amount where no code can be read."""

from __future__ import annotations

from tallystick.authority.projections.verification.check import State
from tallystick.authority.projections.verification.claims import NOTHING_CLAIMED
from tallystick.authority.projections.verification.metrics import VERIFICATIONS
from tallystick.authority.projections.verification.national_answers import national_json, number_json
from tallystick.authority.projections.verification.national_check import NationalVerdict, check_national, overdue
from tallystick.authority.projections.verification.national_page import ReceiptView, national_page, number_page
from tallystick.authority.projections.verification.number_check import NumberVerdict, check_number
from tallystick.authority.projections.verification.page import verification_page
from tallystick.authority.projections.verification.services import ANSWER_SECONDS, HTML, PublicServices
from tallystick.authority.projections.verification.visit import (
    is_person,
    language_of,
    query_text,
    receipt_query,
    wants_json,
)
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kit.address_budget import client_address
from tallystick.kit.asgi import Answer, Scope
from tallystick.kit.in_thread import in_thread
from tallystick.wire.receipt_code import ReceiptCode, read_receipt_code

_GUESSES = frozenset({State.NOT_VERIFIABLE, State.FORGED})


async def verify_receipt(services: PublicServices, scope: Scope, letters: str) -> Answer:
    """The answer to ``/r/CODE``; what no device of ours signed counts against its address."""
    try:
        code = read_receipt_code(letters)
    except Fault:
        if not is_person(scope):
            raise
        return _unreadable(services, scope)
    with services.unknown_codes.asking(client_address(scope, services.proxies), services.clock()) as asking:
        verdict = await in_thread(lambda: _judge(services, code), ANSWER_SECONDS)
        asking.was_unknown = verdict.state in _GUESSES or (verdict.state is State.NOT_FOUND and not code.by_register)
    VERIFICATIONS.labels(state=verdict.state).inc()
    return await in_thread(lambda: _answer(services, scope, verdict, receipt_query(letters)), ANSWER_SECONDS)


async def verify_number(services: PublicServices, scope: Scope, number: str, amount: str) -> Answer:
    """The answer to ``/v/?n=NUMBER&a=AMOUNT``; what is not confirmed counts against its address."""
    with services.unknown_codes.asking(client_address(scope, services.proxies), services.clock()) as asking:
        verdict = await in_thread(lambda: check_number(number, amount, services.ledger.document), ANSWER_SECONDS)
        asking.was_unknown = verdict.state is State.UNCONFIRMED
    VERIFICATIONS.labels(state=verdict.state).inc()
    return await in_thread(lambda: _number_answer(services, scope, verdict), ANSWER_SECONDS)


def _judge(services: PublicServices, code: ReceiptCode) -> NationalVerdict:
    verdict = check_national(code, services.registers, services.ledger.document, services.is_kept_apart)
    shown_at = services.sightings.note_receipt(verdict) if verdict.is_alarm else None
    return overdue(verdict, services.find_on_its_way, services.clock(), services.offline_limit, shown_at)


def _unreadable(services: PublicServices, scope: Scope) -> Answer:
    VERIFICATIONS.labels(state=State.NOT_VERIFIABLE).inc()
    language = language_of(scope, services.default_language)
    return Answer(400, verification_page(State.NOT_VERIFIABLE, language, query="").encode(), HTML)


def _answer(services: PublicServices, scope: Scope, verdict: NationalVerdict, query: str) -> Answer:
    document, ledger = verdict.document, services.ledger
    proof = ledger.proof(document) if document is not None else None
    checkpoint = proof.checkpoint if proof is not None else ledger.newest_checkpoint()
    claims = NOTHING_CLAIMED
    if document is not None and verdict.code is not None:
        claims = ledger.claims(SdcInvoiceNumber.parse(verdict.code.number))
    if wants_json(scope):
        return Answer(200, national_json(verdict, claims, proof, checkpoint))
    view = ReceiptView(
        verdict=verdict,
        language=language_of(scope, services.default_language),
        zone=services.zone,
        offline_limit=services.offline_limit,
        claims=claims,
        proof=proof,
    )
    return Answer(200, national_page(view, query=query, checkpoint=checkpoint).encode(), HTML)


def _number_answer(services: PublicServices, scope: Scope, verdict: NumberVerdict) -> Answer:
    document = verdict.document
    proof = services.ledger.proof(document) if document is not None else None
    checkpoint = proof.checkpoint if proof is not None else services.ledger.newest_checkpoint()
    if wants_json(scope):
        return Answer(200, number_json(verdict, proof, checkpoint))
    language = language_of(scope, services.default_language)
    page = number_page(verdict, language, query=query_text(scope), proof=proof, checkpoint=checkpoint)
    return Answer(200, page.encode(), HTML)
