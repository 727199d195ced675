"""Where a judged package goes: into the ledger, into quarantine, into evidence, or among the refused.

Whatever is answered with a final number is durable before: booked behind the gate, or stored with an entry behind it.
"""

from __future__ import annotations

import logging

import attrs

from tallystick.authority.intake import booking, metrics
from tallystick.authority.intake.package import Package, PackageAnswer
from tallystick.authority.intake.ports import PackageRules, Sequencer, Stores
from tallystick.authority.intake.rescue import Rescued, rescue
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.store import TWO_DOCUMENTS, UNSIGNED_PART_DIFFERS, Evidence, Quarantined, Refused
from tallystick.authority.intake.verdicts import AuditStatus, Outcome
from tallystick.authority.ledger.entry import Booked, EntryKind
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.kernel.invoice import InvoiceOptions
from tallystick.wire.audit_package import AuditData, read_audit_data

log = logging.getLogger(__name__)


class Keeping:
    """Steps 14 and 15, and the stores."""

    def __init__(self, rules: PackageRules, sequencer: Sequencer, stores: Stores) -> None:
        self._rules = rules
        self._sequencer = sequencer
        self._stores = stores

    async def keep(self, package: Package) -> PackageAnswer:
        """Book a package, or put it apart where something hinders its booking."""
        for finding in package.findings:
            if finding.outcome is Outcome.QUARANTINED:
                return await self._put_apart(package)
        return await self._book(package)

    async def _book(self, package: Package) -> PackageAnswer:
        try:
            booked = await self._sequencer.append(booking.document_entry(self._rules, package))
        except Fault as fault:
            fault.step = Step.SEQUENCER
            if fault.code == "TS-1403":
                return await self._two_documents(package)
            if fault.code == "TS-2401":
                return PackageAnswer(AuditStatus.NOT_STORED, step=Step.SEQUENCER, code=fault.code)
            raise
        if booked.duplicate:
            return await self._replayed(package, booked)
        if not package.findings:
            return PackageAnswer(booked.verdict, index=booked.index)
        first = min(package.findings, key=lambda finding: finding.step)
        return PackageAnswer(booked.verdict, index=booked.index, step=first.step, code=first.fault.code)

    async def _replayed(self, package: Package, booked: Booked) -> PackageAnswer:
        metrics.REPLAYS.inc()
        answer = PackageAnswer(booked.verdict, replayed=True, index=booked.index)
        if booked.body_hash == package.body_hash:
            return answer
        first = await self._first_document(package)
        if first is None:
            return answer
        answer = attrs.evolve(answer, index=first.index)
        if not self._differs(first.body, package.data):
            return answer
        await self._keep_evidence(package, UNSIGNED_PART_DIFFERS, booked.body_hash)
        log.warning("a signed act came with another unsigned part", extra=_who(package))
        return answer

    def _differs(self, first_body: bytes, data: AuditData) -> bool:
        return unsigned_part_differs(read_audit_data(first_body, zone=self._rules.zone), data)

    async def _first_document(self, package: Package) -> LedgerDocument | None:
        number = package.result.number
        return await self._stores.document(number.requested_by, number.signed_by, number.ordinal)

    async def _two_documents(self, package: Package) -> PackageAnswer:
        """Both signatures are good and the number is the same: a cloned card, or worse.

        The device may delete it, and is on hold from now on: what it sends is kept apart.
        """
        metrics.fault(Step.ORDER, "TS-1403")
        first = await self._first_document(package)
        await self._keep_evidence(package, TWO_DOCUMENTS, first.body_hash if first else b"")
        await self._stores.hold(package.owner.uid, package.received_at)
        log.error("two documents under one number", extra=_who(package))
        return PackageAnswer(AuditStatus.VERIFIED, step=Step.ORDER, code="TS-1403")

    async def _keep_evidence(self, package: Package, kind: str, first_body_hash: bytes) -> None:
        evidence = Evidence(
            act_hash=package.act_hash,
            body_hash=package.body_hash,
            kind=kind,
            file_hash=package.file_hash,
            body=package.opened.plain,
            first_body_hash=first_body_hash,
            signed_by=package.signed_by,
            ordinal=package.result.total_counter,
            token_uid=package.token_uid,
            received_at=package.received_at,
        )
        if await self._stores.evidence(evidence) is not None:
            return
        facts = {"kind": kind, "first_body_hash": first_body_hash.hex()}
        booked = await self._sequencer.append(booking.event_entry(EntryKind.EVIDENCE, package, facts))
        await self._stores.number_evidence(package.act_hash, package.body_hash, booked.index)

    async def _put_apart(self, package: Package) -> PackageAnswer:
        before = await self._booked_before(package)
        if before is not None:
            return before
        result = package.result
        first = next(finding for finding in package.findings if finding.outcome is Outcome.QUARANTINED)
        return await self._quarantine(
            package,
            Quarantined(
                act_hash=package.act_hash,
                body_hash=package.body_hash,
                file_hash=package.file_hash,
                body=package.opened.plain,
                requested_by=result.requested_by,
                signed_by=package.signed_by,
                ordinal=result.total_counter,
                tin=package.owner.tin,
                turnover=booking.turnover(package),
                step=int(first.step),
                codes=list(package.codes),
                verdict=int(package.verdict),
                received_at=package.received_at,
                channel=package.channel,
                buyer=canonical_buyer(package.request.buyer_id),
            ),
        )

    async def _quarantine(self, package: Package, row: Quarantined) -> PackageAnswer:
        """Store, enter, answer, in this order: an answer is never given for what is not in the ledger."""
        kept = await self._stores.quarantine(row)
        if kept.entry_index is None:
            booked = await self._sequencer.append(booking.quarantine_entry(row))
            await self._stores.number_quarantined(row.act_hash, booked.index)
        elif kept.body and kept.body_hash != row.body_hash and package.read and self._differs(kept.body, package.read):
            await self._keep_evidence(package, UNSIGNED_PART_DIFFERS, kept.body_hash)
        log.warning("a package is kept apart", extra=_who(package) | {"step": row.step, "codes": row.codes})
        return PackageAnswer(row.verdict, step=row.step, code=row.codes[0], replayed=kept.entry_index is not None)

    async def _booked_before(self, package: Package) -> PackageAnswer | None:
        """Step 5 for a package that would not be booked now: the first verdict stands."""
        first = await self._first_document(package)
        if first is None or sha256(first.body) != package.body_hash:
            return None
        if not first.acked:
            fault = Fault("TS-5003", detail="the first copy waits for its second", retry_after_seconds=2)
            fault.step = Step.GATE_AND_ANSWER
            raise fault
        metrics.REPLAYS.inc()
        return PackageAnswer(first.verdict, replayed=True, index=first.index)

    async def kept_before(self, package: Package, fault: Fault) -> PackageAnswer | None:
        """For a package about to be refused: what was answered before, or a place in quarantine where it can be shown
        that a card signed it although it cannot be read."""
        if package.read is not None:
            return await self._booked_before(package)
        if fault.step == Step.READ_STRICTLY:
            rescued = rescue(self._rules, package)
            if rescued is not None:
                return await self._quarantine(package, _rescued_row(package, rescued, fault))
        return None

    async def refuse(self, package: Package, fault: Fault, step: int, answered: AuditStatus) -> None:
        """Keep the file for some months, as the country decides."""
        refused = Refused(
            file_hash=package.file_hash,
            token_uid=package.token_uid,
            token_tin=package.token_tin,
            body=package.body,
            step=int(step),
            code=fault.code,
            detail=fault.detail,
            answered=int(answered),
            at=package.received_at,
        )
        await self._stores.refuse(refused)
        log.warning("a package is refused", extra=_who(package) | {"step": step, "code": fault.code})


def unsigned_part_differs(first: AuditData, data: AuditData) -> bool:
    """Whether what the card does not sign says something else: the request but for its options, taxes or journal."""
    return _unsigned_part(first) != _unsigned_part(data)


def _unsigned_part(data: AuditData) -> tuple[object, ...]:
    return attrs.evolve(data.request, options=InvoiceOptions()), data.result.tax_items, data.result.journal


def _rescued_row(package: Package, rescued: Rescued, fault: Fault) -> Quarantined:
    said = rescued.said
    return Quarantined(
        act_hash=rescued.act_hash,
        body_hash=package.body_hash,
        file_hash=package.file_hash,
        body=package.opened.plain,
        requested_by=said.requested_by,
        signed_by=said.signed_by,
        ordinal=said.total_counter,
        tin=rescued.signer.tin,
        turnover=booking.signed_turnover(said.invoice_type, said.transaction_type, said.amount),
        step=int(Step.READ_STRICTLY),
        codes=[fault.code],
        verdict=int(AuditStatus.NOT_OPENED),
        received_at=package.received_at,
        buyer=canonical_buyer(said.buyer_id.decode("utf-8", "replace")),
    )


def _who(package: Package) -> dict[str, str]:
    """What a log line says about a package: nothing personal, nothing secret."""
    facts = {"uid": package.token_uid, "file_hash": package.file_hash.hex()}
    if package.signer is not None:
        facts["signed_by"] = package.signed_by
    return facts
