"""The way of a national document on line: fifteen steps, one device after the other, each device in its order.

No buyer has the document yet, so whatever fails is refused with one fault and changes nothing. The same bytes, and the
same act in other bytes, get the first answer; another act in the same place is evidence, and stops the device.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from time import perf_counter

from tallystick.authority.intake import metrics
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.doubled import keep_two_documents
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.rows import InARow
from tallystick.authority.intake.national.standing import Standing, Standings
from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer, Sender
from tallystick.authority.intake.ports import Sequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.intake.store import Refused
from tallystick.authority.ledger.entry import Booked, Channel
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.national_document import NationalDocument
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.leaf import read_leaf
from tallystick.wire.national_document import read_document

IN_WORK_MOST = 1_024
WAITING_PER_DEVICE = 8
_HEAD_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""How long, in seconds, a repetition waits for the head that covers its first booking."""
_IN_DOUBT = frozenset({"TS-5003", "TS-5007", "TS-5099"})


class NationalIntake:
    """Judges and books documents, one call each. Belongs to one event loop.

    `stopped` is the institution's switch; ``check_open`` is another gate and raises ``TS-50xx`` while documents wait.
    """

    def __init__(
        self, rules: NationalRules, sequencer: Sequencer, check_open: Callable[[], object] = lambda: None
    ) -> None:
        self.stopped = False
        self._rules = rules
        self._sequencer = sequencer
        self._check_open = check_open
        self._standings = Standings(rules.stores.standing)
        self._in_work = 0
        self._waiting: dict[str, int] = {}
        self._signatures = InARow[DocumentInHand](lambda hand: proving.signature_is_good(rules, hand))

    async def submit(
        self, compact: bytes, *, sender: Sender, received_at: datetime, channel: Channel = Channel.ECR_ONLINE
    ) -> NationalAnswer:
        """Judge one document as it arrived, and book it; returns once it is behind the acknowledgement gate.

        Raises one fault of the catalogue; but for ``TS-1403`` nothing has changed then. After ``TS-50xx`` the same
        bytes may be sent again.
        """
        started = perf_counter()
        try:
            answer = await self._judged(compact, sender, received_at, channel)
        except Fault as fault:
            metrics.fault(fault.step or 0, fault.code)
            raise
        metrics.booked(channel, perf_counter() - started)
        return answer

    async def _judged(self, compact: bytes, sender: Sender, at: datetime, channel: Channel) -> NationalAnswer:
        self._pass_gates()
        try:
            signed = read_signed(compact)
            document = read_document(signed.payload)
        except Fault as fault:
            raise at_step(Step.READ_STRICTLY, fault) from None
        uid = signed.header.device
        if uid != sender.uid:  # before the lock: nobody waits in another's place
            raise at_step(Step.BINDING, Fault("TS-1313", detail="the connection is another device's"))
        with self._room(uid):
            async with self._standings.lock(uid):
                return await self._in_turn(signed, document, sender, at, channel)

    async def standing(self, uid: str) -> Standing:
        """Where a device stands now, read from the ledger; raises ``TS-2401`` for one that it does not know."""
        async with self._standings.lock(uid):
            return await self._standing(uid, fresh=True)

    def _pass_gates(self) -> None:
        if self.stopped:
            raise at_step(Step.GATES, Fault("TS-5001", retry_after_seconds=60))
        try:
            self._check_open()
        except Fault as fault:
            raise at_step(Step.GATES, fault) from None
        if self._in_work >= IN_WORK_MOST:
            raise at_step(Step.GATES, Fault("TS-5002", detail="too many documents in work", retry_after_seconds=2))

    def _room(self, uid: str) -> _Room:
        if self._waiting.get(uid, 0) >= WAITING_PER_DEVICE:
            raise at_step(Step.GATES, Fault("TS-1006", detail="wait for the answers", retry_after_seconds=1))
        return _Room(self, uid)

    async def _standing(self, uid: str, *, fresh: bool = False) -> Standing:
        standing = await self._standings.of(uid, fresh=fresh)
        if standing is None:
            raise at_step(Step.DEVICE_STATE, Fault("TS-2401", detail="the device is not registered in the ledger"))
        return standing

    async def _in_turn(
        self, signed: SignedDocument, document: NationalDocument, sender: Sender, at: datetime, channel: Channel
    ) -> NationalAnswer:
        """The document has its device's turn: steps 5 to 15."""
        header = signed.header
        standing = await self._standing(header.device)
        if header.sequence > standing.sequence + 1:
            standing = await self._standing(header.device, fresh=True)  # another process may have booked for it
        hand = DocumentInHand(
            signed=signed, document=document, sender=sender, received_at=at, channel=channel, standing=standing
        )
        if header.sequence <= standing.sequence:
            return await self._again(hand)
        await self._prove(hand)
        try:
            await self._examine(hand)
            return await self._book(hand)
        except Fault as fault:
            if hand.claim is not None and fault.code not in _IN_DOUBT:
                await self._rules.stores.let_go(signed.act_hash)
            raise

    async def _again(self, hand: DocumentInHand) -> NationalAnswer:
        """Step 5: the place is taken. The same act gets the first answer; another one is evidence."""
        header = hand.header
        first = await self._first(SdcInvoiceNumber(header.device, header.device, header.sequence))
        if first is not None and hand.signed.act_hash == first.act_hash:
            metrics.REPLAYS.inc()
            return _first_answer(hand, first)
        await self._prove(hand)
        return await self._book(hand)

    async def _first(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """What the ledger has there. Its signed head is stored a moment after the answer left: wait for that."""
        for pause in _HEAD_PAUSES:
            first = await self._rules.stores.document(number)
            if first is None or first.acked:
                return first
            await asyncio.sleep(pause)
        return await self._rules.stores.document(number)

    async def _prove(self, hand: DocumentInHand) -> None:
        """Steps 6 and 7: whoever fails has shown nothing; what he sent is kept for a while."""
        for check in NATIONAL_CHECKS[hand.channel].proof:
            try:
                if check.function is proving.signature_is_good:
                    await self._signatures(hand)
                else:
                    check.function(self._rules, hand)
            except Fault as fault:
                await self._rules.stores.refuse(_refused(hand, check.step, fault))
                raise at_step(check.step, fault) from None

    async def _examine(self, hand: DocumentInHand) -> None:
        for check in NATIONAL_CHECKS[hand.channel].kept:
            try:
                waiting = check.function(self._rules, hand)
                if waiting is not None:
                    await waiting
            except Fault as fault:
                raise at_step(check.step, fault) from None

    async def _book(self, hand: DocumentInHand) -> NationalAnswer:
        """Steps 14 and 15."""
        header = hand.header
        try:
            booked = await self._sequencer.append(document_entry(self._rules, hand))
        except Fault as fault:
            self._standings.doubt(header.device)
            if fault.code == "TS-1403":
                await keep_two_documents(self._rules, self._sequencer, hand)
            raise at_step(Step.SEQUENCER, fault) from None
        except BaseException:
            self._standings.doubt(header.device)
            raise
        if booked.duplicate:
            self._standings.doubt(header.device)
            return await self._again(hand)
        self._take(hand)
        return _answer(hand, booked)

    def _take(self, hand: DocumentInHand) -> None:
        header, standing = hand.header, hand.standing
        assert hand.state is not None, "the shift was judged"
        link = device_link(header.previous, header.sequence, hand.signed.body_hash)
        standing.take(header.sequence, link, hand.state, header.nonce, header.time_ms)
        window_ms = self._rules.pack.channels.time_window_seconds * 1000
        standing.forget_nonces(hand.received_ms - 2 * window_ms)


class _Room:
    """One document in work, of all and of its device."""

    __slots__ = ("_intake", "_uid")

    def __init__(self, intake: NationalIntake, uid: str) -> None:
        self._intake = intake
        self._uid = uid

    def __enter__(self) -> None:
        intake = self._intake
        intake._in_work += 1
        intake._waiting[self._uid] = intake._waiting.get(self._uid, 0) + 1

    def __exit__(self, *_: object) -> None:
        intake = self._intake
        intake._in_work -= 1
        left = intake._waiting[self._uid] - 1
        if left:
            intake._waiting[self._uid] = left
        else:
            del intake._waiting[self._uid]


def _answer(hand: DocumentInHand, booked: Booked) -> NationalAnswer:
    return NationalAnswer(
        signed=hand.signed,
        document=hand.document,
        log_index=booked.index,
        received_ms=hand.received_ms,
        codes=hand.codes,
    )


def _first_answer(hand: DocumentInHand, first: LedgerDocument) -> NationalAnswer:
    """What the document was told when it came first: from its first bytes, whose signature may be spelt otherwise."""
    if not first.acked:
        fault = Fault("TS-5003", detail="the first copy waits for its second", retry_after_seconds=2)
        raise at_step(Step.GATE_AND_ANSWER, fault)
    signed = hand.signed
    if first.body and first.body_hash != signed.body_hash:
        signed = read_signed(first.body, bytes_max=len(first.body))
    facts = first.facts if first.record else None  # the law may have had the record erased: the leaf stays
    return NationalAnswer(
        signed=signed,
        document=hand.document,
        log_index=first.index,
        received_ms=int(facts.received_at) if facts else read_leaf(first.leaf).received_ms,
        codes=facts.flags if facts else (),
        replayed=True,
    )


def _refused(hand: DocumentInHand, step: Step, fault: Fault) -> Refused:
    return Refused(
        file_hash=hand.signed.body_hash,
        token_uid=hand.sender.uid,
        token_tin=hand.sender.tin,
        body=hand.signed.compact,
        step=int(step),
        code=fault.code,
        detail=fault.detail,
        answered=CATALOGUE[fault.code].http_status,
        at=hand.received_at,
    )
