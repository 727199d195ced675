"""One batch on its way: the ordered part of judging its documents, which are booked many at a time behind each other.

Stretches of plain sales that fit where the device stands go on as they were opened; every other document is judged by
itself. What opened them, see `opening`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from itertools import islice

import attrs

from tallystick.authority.intake import metrics
from tallystick.authority.intake.booking import quarantine_entry
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.doubled import keep_two_documents
from tallystick.authority.intake.national.offline.findings import finding, lateness, settled_there, times_contradict
from tallystick.authority.intake.national.offline.fitting import fits
from tallystick.authority.intake.national.offline.flights import Flights
from tallystick.authority.intake.national.offline.opening import Arrival
from tallystick.authority.intake.national.offline.ports import OfflineRules
from tallystick.authority.intake.national.offline.segments import Segment, Stretch
from tallystick.authority.intake.national.offline.values import OfflineBatch, Tally
from tallystick.authority.intake.national.standing import Standing
from tallystick.authority.intake.national.values import DocumentInHand, NationalFinding
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.store import Quarantined, Refused
from tallystick.authority.intake.verdicts import AuditStatus
from tallystick.authority.ledger.booked_numbers import BookedNumber
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.ledger.protocol import write_append
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.identifiers import canonical_buyer
from tallystick.kernel.national_document import NationalDocument
from tallystick.kernel.sales_sum import sold
from tallystick.wire.document_jws import MEDIA_TYPE, SignedDocument, read_signed
from tallystick.wire.national_document import read_document

APART_AT_ONCE = 256
_CHANNEL = Channel.ECR_OFFLINE
_PROOF = tuple([one for one in NATIONAL_CHECKS[_CHANNEL].proof if one.function is not proving.signature_is_good])
"""Signatures are checked before, many at a time."""
_KEPT = NATIONAL_CHECKS[_CHANNEL].kept


@attrs.frozen(slots=True)
class OpenedBlock:
    """Documents that came together, and what is known of them: segments in order, together as many as they are."""

    arrival: Arrival
    documents: Sequence[bytes]
    segments: Sequence[Segment]


class BatchRun:
    """Takes parts in order. ``window`` says how many documents may be on their way to the sequencer."""

    def __init__(
        self,
        rules: OfflineRules,
        sequencer: BulkSequencer,
        batch: OfflineBatch,
        standing: Standing,
        window: Callable[[], int],
    ) -> None:
        self._rules = rules
        self._sequencer = sequencer
        self._batch = batch
        self._standing = standing
        self._tally = Tally()
        self._flights = Flights(sequencer, self._tally, window, standing.sequence)
        self._apart: list[Quarantined] = []
        self._before_ms = max(standing.nonces.values(), default=0)
        self._came_at: datetime | None = None

    async def take(self, block: OpenedBlock) -> None:
        """Judge the documents of a block, and book them or keep them apart."""
        known, arrival = await self._known(block), block.arrival
        self._came_at = arrival.received_at
        documents = iter(block.documents)
        for segment in block.segments:
            if not isinstance(segment, Stretch):
                await self._take(next(documents), arrival, segment.code, known)
                continue
            mine = list(islice(documents, len(segment.appends)))
            if not known and self._fits(segment, mine[0], arrival):
                await self._send_stretch(segment)
            else:
                for compact in mine:
                    await self._take(compact, arrival, "", known)
        await self._flights.send()

    async def finish(self) -> Tally:
        """Wait for all that is on its way; how the batch ended."""
        await self._flights.land_all()
        await self._keep_apart()
        if self._standing.state.is_closed and self._came_at is not None:
            await self._rules.stores.close(self._batch.sender.uid, self._came_at)
        return self._tally

    def give_up(self) -> None:
        """Nobody waits any more for what is on its way."""
        self._flights.give_up()

    async def _known(self, block: OpenedBlock) -> dict[int, BookedNumber]:
        """What of the block is in the ledger already: of an earlier attempt, or of another batch."""
        first, last = (read_signed(block.documents[place]).header.sequence for place in (0, -1))
        last = min(last, self._standing.sequence)
        if first > last or first > self._flights.confirmed:
            return {}
        return await self._rules.stores.booked_between(self._batch.sender.uid, first, last)

    def _fits(self, stretch: Stretch, first: bytes, arrival: Arrival) -> bool:
        rules, batch = self._rules.national, self._batch
        return fits(rules, batch, self._standing, stretch, first, arrival, self._before_ms)

    async def _take(self, compact: bytes, arrival: Arrival, code: str, known: dict[int, BookedNumber]) -> None:
        """One document by itself; ``code`` says what is wrong with its signature."""
        signed = read_signed(compact)
        self._tally.documents += 1
        await self._judge_alone(signed, arrival.received_at, code, known.get(signed.header.sequence))
        self._before_ms = signed.header.time_ms

    async def _judge_alone(self, signed: SignedDocument, at: datetime, code: str, known: BookedNumber | None) -> None:
        if known is not None and known.act_hash == signed.act_hash:
            if not known.acked:
                raise at_step(Step.GATE_AND_ANSWER, Fault("TS-5003", retry_after_seconds=2))
            metrics.REPLAYS.inc()
            self._tally.book(known.index, known.flags)
            return
        try:
            document = read_document(signed.payload)
        except Fault as fault:
            await self._unread(signed, at, code, fault)
            return
        hand = DocumentInHand(
            signed=signed,
            document=document,
            sender=self._batch.sender,
            received_at=at,
            channel=_CHANNEL,
            standing=self._standing,
        )
        if not await self._is_proven(hand, code):
            return
        if known is not None and not self._is_revoked(hand):
            await self._doubled(hand)
            return
        await self._judge(hand)
        if known is None:
            hand.findings = [settled_there(one) for one in hand.findings]
        else:
            taken = Fault("TS-1403", detail="the place is taken by another document")
            hand.findings.append(NationalFinding(int(Step.ORDER), taken, apart=True))
        if any(one.apart for one in hand.findings):
            await self._set_apart(hand, document)
        else:
            await self._send(hand)

    async def _is_proven(self, hand: DocumentInHand, code: str) -> bool:
        """Steps 6 and 7: whoever fails has shown nothing; what came is kept for a while."""
        for check in _PROOF:
            try:
                check.function(self._rules.national, hand)
                if code and check.function is proving.environment_is_ours:
                    raise Fault(code, detail="the signature is not of this key over these bytes")
            except Fault as fault:
                await self._refuse(hand.signed, hand.received_at, check.step, fault)
                return False
        return True

    async def _refuse(self, signed: SignedDocument, at: datetime, step: Step, fault: Fault) -> None:
        metrics.fault(int(step), fault.code)
        self._tally.refused += 1
        self._tally.codes[fault.code] += 1
        sender = self._batch.sender
        refused = Refused(
            file_hash=signed.body_hash,
            token_uid=sender.uid,
            token_tin=sender.tin,
            body=signed.compact,
            step=int(step),
            code=fault.code,
            detail=fault.detail,
            answered=CATALOGUE[fault.code].http_status,
            at=at,
        )
        await self._rules.stores.refuse(refused)

    async def _unread(self, signed: SignedDocument, at: datetime, code: str, fault: Fault) -> None:
        """Signed, and nobody can read it: kept apart, where the signature is good."""
        certificate = self._rules.national.devices.certificate(signed.header.kid)
        if code or certificate is None or certificate.uid != self._batch.sender.uid:
            wrong = Fault(code or "TS-1313", detail="what cannot be read is not signed by this device either")
            await self._refuse(signed, at, Step.SIGNATURE, wrong)
            return
        finding = NationalFinding(int(Step.READ_STRICTLY), fault, apart=True)
        await self._wait_apart(signed, at, (finding,), None)

    def _is_revoked(self, hand: DocumentInHand) -> bool:
        """Whoever holds a revoked key can sign anything, so what it signs is no evidence against the device."""
        return self._batch.revoked or hand.certificate.was_revoked(hand.received_at)

    async def _doubled(self, hand: DocumentInHand) -> None:
        """Its place is taken by another act: the memory was restored from an old image, or the key is there twice."""
        self._tally.doubled += 1
        self._tally.codes["TS-1403"] += 1
        await keep_two_documents(self._rules.national, self._sequencer, hand)

    async def _judge(self, hand: DocumentInHand) -> None:
        """Steps 7 to 12; every fault is a finding."""
        if self._batch.revoked:
            fault = Fault("TS-2403", detail="the batch's signer is revoked")
            hand.findings.append(NationalFinding(int(Step.BINDING), fault, apart=True))
            return
        if hand.device.state is DeviceState.HOLD:  # since a moment ago: a batch of a device on hold is not begun
            hand.entered = attrs.evolve(hand.device, state=DeviceState.ACTIVE)
        await self._wait_for_original(hand)
        for check in _KEPT:
            try:
                waiting = check.function(self._rules.national, hand)
                if waiting is not None:
                    await waiting
            except Fault as fault:
                if fault.code.startswith("TS-50"):
                    raise at_step(check.step, fault) from None
                found = finding(self._rules.history, hand, check.step, fault)
                if found is not None:
                    hand.findings.append(found)
                if check.step is Step.ORDER:
                    break  # what comes after rests on the documents before it, which are not there
        self._judge_times(hand)
        for one in hand.findings:
            metrics.fault(one.step, one.fault.code)

    def _judge_times(self, hand: DocumentInHand) -> None:
        channels, header = self._rules.national.pack.channels, hand.header
        contradiction = times_contradict(channels, hand, self._before_ms)
        if contradiction is not None:
            hand.findings.append(contradiction)
        if self._batch.lateness.reaches(header.sequence, header.time, hand.received_at):
            hand.findings.append(lateness(channels))

    async def _wait_for_original(self, hand: DocumentInHand) -> None:
        """An original of this very batch must be in the ledger before it is looked for."""
        sale = hand.document.sale
        if sale is None or sale.refers_to is None or sale.refers_to.signed_by != hand.header.device:
            return
        if sale.refers_to.ordinal > self._flights.confirmed:
            await self._flights.land_all()

    async def _send(self, hand: DocumentInHand) -> None:
        """Step 14. What follows is judged by it at once; should it fail, the whole run ends."""
        header, standing = hand.header, self._standing
        await self._flights.add(write_append(document_entry(self._rules.national, hand)), header.sequence, hand.codes)
        assert hand.state is not None, "the shift was judged"
        link = device_link(header.previous, header.sequence, hand.signed.body_hash)
        standing.take(header.sequence, link, hand.state, header.nonce, header.time_ms)
        self._count_amounts(hand)

    async def _send_stretch(self, stretch: Stretch) -> None:
        """Step 14 for sales in which nothing is wrong."""
        await self._flights.add_all(stretch.appends, stretch.last)
        self._tally.documents += len(stretch.appends)
        standing = self._standing
        standing.sequence, standing.link = stretch.last, stretch.link
        standing.state = sold(standing.state, stretch.sales, stretch.last)
        self._before_ms = stretch.last_ms

    async def _set_apart(self, hand: DocumentInHand, document: NationalDocument) -> None:
        self._count_amounts(hand)
        await self._wait_apart(hand.signed, hand.received_at, hand.findings, document)

    def _count_amounts(self, hand: DocumentInHand) -> None:
        sale = hand.document.sale
        for code in hand.codes:
            self._tally.amounts[code] += sale.total.scaled if sale else 0

    async def _wait_apart(
        self,
        signed: SignedDocument,
        at: datetime,
        findings: Sequence[NationalFinding],
        document: NationalDocument | None,
    ) -> None:
        codes = list(dict.fromkeys(one.fault.code for one in findings))
        sale = document.sale if document is not None else None
        row = Quarantined(
            act_hash=signed.act_hash,
            body_hash=signed.body_hash,
            file_hash=signed.body_hash,
            body=signed.compact,
            requested_by=signed.header.device,
            signed_by=signed.header.device,
            ordinal=signed.header.sequence,
            tin=self._batch.sender.tin,
            turnover=document.turnover.scaled if document is not None else 0,
            step=min(one.step for one in findings),
            codes=codes,
            verdict=int(AuditStatus.VERIFIED),
            received_at=at,
            channel=_CHANNEL,
            buyer=canonical_buyer(sale.buyer_id) if sale else "",
            media_type=MEDIA_TYPE,
        )
        self._tally.apart += 1
        self._tally.codes.update(codes)
        self._apart.append(row)
        if len(self._apart) >= APART_AT_ONCE:
            await self._keep_apart()

    async def _keep_apart(self) -> None:
        """Kept first, entered in the ledger then, numbered last: whatever a crash leaves is taken up again."""
        rows, self._apart = self._apart, []
        if not rows:
            return
        entries = await self._rules.stores.quarantine_all(rows)
        new = [row for row in rows if entries[row.act_hash] is None]
        booked = await self._sequencer.append_many([write_append(quarantine_entry(row)) for row in new])
        numbers = []
        for row, one in zip(new, booked, strict=True):
            if isinstance(one, Fault):
                raise one
            numbers.append((row.act_hash, one.index))
        await self._rules.stores.number_all(numbers)
