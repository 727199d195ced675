"""What the public page says of a national receipt, for programs that ask at another door."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

from tallystick.authority.projections.verification.claims import NOTHING_CLAIMED
from tallystick.authority.projections.verification.ledger_view import LedgerView
from tallystick.authority.projections.verification.national_answers import national_json
from tallystick.authority.projections.verification.national_check import check_national, overdue
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import Clock
from tallystick.ops.national_receipts import NationalRecords
from tallystick.wire.receipt_code import read_receipt_code


def receipt_check(
    ledger: LedgerView, records: NationalRecords, clock: Clock, offline_limit: timedelta
) -> Callable[[str], bytes]:
    """A function from the letters of a code to the answer (JSON); it raises ``TS-1220`` for letters that are none.

    Who asks here is no buyer, so that nothing is kept of it.
    """

    def check(letters: str) -> bytes:
        code = read_receipt_code(letters)
        judged = check_national(code, records, ledger.document, records.is_kept_apart)
        verdict = overdue(judged, records.on_its_way, clock(), offline_limit, None)
        if verdict.document is None:
            return national_json(verdict, NOTHING_CLAIMED, None, ledger.newest_checkpoint())
        proof = ledger.proof(verdict.document)
        claims = ledger.claims(SdcInvoiceNumber.parse(code.number))
        return national_json(verdict, claims, proof, proof.checkpoint if proof else ledger.newest_checkpoint())

    return check
