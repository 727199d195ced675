"""Official verification for certificate holders: what the public page says, for programs, as metadata alone."""

from __future__ import annotations

from collections.abc import Mapping

from tallystick.authority.channels.sdc.bodies import check_json_type, small_body
from tallystick.authority.channels.sdc.routes import Handler, Request
from tallystick.authority.channels.sdc.services import SdcServices
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.projections.verification.check import State, Verdict, check
from tallystick.authority.room_queries import Connection
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import from_unix_ms
from tallystick.kernel.limits import LIMITS
from tallystick.kit.asgi import Answer
from tallystick.wire.official_verification import OfficialAnswer, read_official_question, write_official_answer


class OfficialVerification:
    """``POST /api/invoices/verifyInvoice``: the certificate is shown at the call, as in the older interface."""

    def __init__(self, services: SdcServices) -> None:
        self._services = services

    def routes(self) -> Mapping[str, Mapping[str, Handler]]:
        """Rows of the routing table."""
        return {"/api/invoices/verifyinvoice": {"POST": self._verify}}

    async def _verify(self, request: Request) -> Answer:
        """200 with any verdict; raises what ``Gatekeeper.identify`` raises, ``TS-1220`` for a body without a URL.

        A URL carries the card's signature, so nobody can ask for an invoice that he was not shown.
        """
        services = self._services
        services.gatekeeper.identify(request.certificate)
        check_json_type(request.headers)
        url = read_official_question(await small_body(request, LIMITS.control_call_bytes))
        verdict = await services.in_database(lambda conn: self._judge(conn, url))
        return Answer(200, write_official_answer(official_answer(verdict)))

    def _judge(self, conn: Connection, url: str) -> Verdict:
        def find(number: SdcInvoiceNumber) -> LedgerDocument | None:
            return ledger.document_by_number(conn, number.requested_by, number.signed_by, number.ordinal)

        return check(url, self._services.directory.secure_element, find)


def official_answer(verdict: Verdict) -> OfficialAnswer:
    """The metadata of a verdict. A training invoice or a copy is no fiscal one, so it is never valid here."""
    valid = verdict.state is State.VALID
    if verdict.facts is None:
        return OfficialAnswer(status=str(verdict.state), is_valid=valid)
    data, document = verdict.facts.data, verdict.document
    received = document.facts.received_at if document is not None and document.record else ""
    return OfficialAnswer(
        status=str(verdict.state),
        is_valid=valid,
        invoice_number=str(data.number),
        tax_id=verdict.facts.requester.tin,
        invoice_type=data.invoice_type,
        transaction_type=data.transaction_type,
        total_amount=data.amount,
        sdc_time=from_unix_ms(data.time_ms),
        received_at=from_unix_ms(int(received)) if received else None,
        log_index=None if document is None else document.index,
    )
