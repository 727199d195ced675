"""The way of a national document on line: fifteen steps, one device after the other, each device in its order.

No buyer has the document yet, so whatever fails is refused with one fault and changes nothing. The same bytes, and the
same act in other bytes, get the first answer; another act in the same place is evidence, and stops the device.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from datetime import datetime, timedelta
from time import perf_counter

from tallystick.authority.intake import metrics
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.answering import answer, first_answer, refused
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.doubled import keep_two_documents
from tallystick.authority.intake.national.noted import Notes
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.rooms import Rooms
from tallystick.authority.intake.national.rows import InARow
from tallystick.authority.intake.national.standing import Standing, Standings
from tallystick.authority.intake.national.turn import Turn, rests_on_the_ledger
from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer, Sender
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Booked, Channel
from tallystick.authority.ledger.protocol import write_append
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import NationalDocument
from tallystick.kit.address_budget import AddressBudget
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document

TOGETHER = 64
"""How many documents of a bulk are judged, and go to the sequencer in one frame, before the first answer leaves."""
_IN_A_ROW = 8
"""How many are judged before others of the loop have their turn."""
_HEAD_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""How long, in seconds, a repetition waits for the head that covers its first booking."""


class NationalIntake:
    """Judges and books documents, one call each. Belongs to one event loop.

    `stopped` is the institution's switch; ``check_open`` is another gate and raises ``TS-50xx`` while documents wait.
    """

    def __init__(
        self, rules: NationalRules, sequencer: BulkSequencer, check_open: Callable[[], object] = lambda: None
    ) -> None:
        self.stopped = False
        self._rules = rules
        self._sequencer = sequencer
        self._check_open = check_open
        self._standings = Standings(rules.stores.standing)
        self._rooms = Rooms()
        self._notes = Notes(rules.stores.note)
        self._kept = AddressBudget(LIMITS.kept_refusals_per_device_hour, timedelta(hours=1))
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

    async def submit_all(
        self, documents: Sequence[bytes], *, sender: Sender, clock: Clock, channel: Channel
    ) -> AsyncGenerator[NationalAnswer | Fault]:
        """Judge documents of one device in their order, as `submit` does each, and book many of them at a time.

        Gives for each what `submit` gives, or the fault that it raises, as they fall. Behind the first fault nothing
        more is judged; of those that the sequencer had by then, what became of each is told (``TS-1402``: nothing,
        since the one before it is missing).
        """
        for begin in range(0, len(documents), TOGETHER):
            started, failed = perf_counter(), False
            for outcome in await self._together(documents[begin : begin + TOGETHER], sender, clock, channel):
                if isinstance(outcome, Fault):
                    metrics.fault(outcome.step or 0, outcome.code)
                    failed = True
                else:
                    metrics.booked(channel, perf_counter() - started)
                yield outcome
            if failed:
                return

    async def _together(
        self, documents: Sequence[bytes], sender: Sender, clock: Clock, channel: Channel
    ) -> list[NationalAnswer | Fault]:
        """Each is judged by those before it, which are not booked yet; a fault there ends what rests on it."""
        turn = Turn()
        try:
            self._pass_gates()
            with self._rooms.hold(sender.uid):
                async with self._standings.lock(sender.uid):
                    await self._take_turn(turn, documents, sender, clock, channel)
        except Fault as fault:
            turn.outcomes.append(fault)
        return turn.outcomes

    async def _take_turn(
        self, turn: Turn, documents: Sequence[bytes], sender: Sender, clock: Clock, channel: Channel
    ) -> None:
        try:
            for number, compact in enumerate(documents, 1):
                signed, document = _read(compact, sender)
                if turn.hands and rests_on_the_ledger(turn.hands[-1], signed, document) and not await self._land(turn):
                    return
                standing = await self._standing_for(signed)
                hand = DocumentInHand(
                    signed=signed,
                    document=document,
                    sender=sender,
                    received_at=clock(),
                    channel=channel,
                    standing=standing,
                )
                if signed.header.sequence <= standing.sequence:
                    turn.outcomes.append(await self._again(hand))
                    continue
                await self._admit(hand)
                self._take(hand)
                turn.hands.append(hand)
                if not number % _IN_A_ROW:
                    await asyncio.sleep(0)
        except Fault as fault:
            if await self._land(turn):
                turn.outcomes.append(fault)
            return
        except BaseException:
            self._standings.forget(sender.uid)
            raise
        await self._land(turn)

    async def _land(self, turn: Turn) -> bool:
        """Book what was judged; whether all of it is."""
        hands, turn.hands = turn.hands, []
        if not hands:
            return True
        uid = hands[0].header.device
        try:
            appends = [write_append(document_entry(self._rules, hand)) for hand in hands]
            landed = await self._sequencer.append_many(appends)
        except Fault as fault:
            landed = [fault] * len(hands)
        except BaseException:
            self._standings.forget(uid)
            raise
        if all(isinstance(one, Booked) and not one.duplicate for one in landed):
            turn.outcomes += [
                answer(hand, one) for hand, one in zip(hands, landed, strict=True) if isinstance(one, Booked)
            ]
            return True
        self._standings.forget(uid)  # it was moved on by documents that are not booked
        outcomes = [await self._settle(hand, one) for hand, one in zip(hands, landed, strict=True)]
        turn.outcomes += outcomes
        return not any(isinstance(one, Fault) for one in outcomes)

    async def _settle(self, hand: DocumentInHand, landed: Booked | Fault) -> NationalAnswer | Fault:
        """What became of a document that was sent with others."""
        try:
            if isinstance(landed, Booked):
                return await self._again(hand) if landed.duplicate else answer(hand, landed)
            if landed.code == "TS-1403":
                await keep_two_documents(self._rules, self._sequencer, hand, is_kept=self._is_kept(hand))
            raise at_step(Step.SEQUENCER, landed)
        except Fault as fault:
            await self._let_go(hand, fault)
            return fault

    async def _judged(self, compact: bytes, sender: Sender, at: datetime, channel: Channel) -> NationalAnswer:
        self._pass_gates()
        signed, document = _read(compact, sender)  # before the lock: nobody waits in another's place
        with self._rooms.hold(sender.uid):
            async with self._standings.lock(sender.uid):
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
        self._rooms.check()

    async def _standing(self, uid: str, *, fresh: bool = False) -> Standing:
        standing = await self._standings.of(uid, fresh=fresh)
        if standing is None:
            raise at_step(Step.DEVICE_STATE, Fault("TS-2401", detail="the device is not registered in the ledger"))
        return standing

    async def _in_turn(
        self, signed: SignedDocument, document: NationalDocument, sender: Sender, at: datetime, channel: Channel
    ) -> NationalAnswer:
        """The document has its device's turn: steps 5 to 15."""
        standing = await self._standing_for(signed)
        hand = DocumentInHand(
            signed=signed, document=document, sender=sender, received_at=at, channel=channel, standing=standing
        )
        return await (self._again(hand) if signed.header.sequence <= standing.sequence else self._new(hand))

    async def _standing_for(self, signed: SignedDocument) -> Standing:
        """Where the device of a document stands; read again where another process may have booked for it."""
        header = signed.header
        standing = await self._standing(header.device)
        if header.sequence > standing.sequence + 1:
            standing = await self._standing(header.device, fresh=True)
        return standing

    async def _new(self, hand: DocumentInHand) -> NationalAnswer:
        """Steps 6 to 15 of a document whose place is not taken."""
        await self._admit(hand)
        try:
            return await self._book(hand)
        except Fault as fault:
            await self._let_go(hand, fault)
            raise

    async def _admit(self, hand: DocumentInHand) -> None:
        """Steps 6 to 12."""
        await self._prove(hand)
        try:
            await self._examine(hand)
        except Fault as fault:
            await self._let_go(hand, fault)
            raise

    async def _let_go(self, hand: DocumentInHand, fault: Fault) -> None:
        """A refund that is refused for good takes nothing from its original."""
        if hand.claim is not None and not _is_in_doubt(fault):
            await self._rules.stores.let_go(hand.signed.act_hash)

    async def _again(self, hand: DocumentInHand) -> NationalAnswer:
        """Step 5: the place is taken. The same act gets the first answer; another one is evidence."""
        header = hand.header
        first = await self._first(SdcInvoiceNumber(header.device, header.device, header.sequence))
        if first is not None and hand.signed.act_hash == first.act_hash:
            metrics.REPLAYS.inc()
            return first_answer(hand, first)
        if first is None:  # a ledger that was restored has less than this process remembers
            hand.standing = await self._standing(header.device, fresh=True)
            if header.sequence > hand.standing.sequence:
                return await self._new(hand)
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
                if self._is_kept(hand):
                    await self._rules.stores.refuse(refused(hand, check.step, fault))
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
                await keep_two_documents(self._rules, self._sequencer, hand, is_kept=self._is_kept(hand))
            raise at_step(Step.SEQUENCER, fault) from None
        except BaseException:
            self._standings.doubt(header.device)
            raise
        if booked.duplicate:
            self._standings.doubt(header.device)
            return await self._again(hand)
        self._take(hand)
        return answer(hand, booked)

    def _is_kept(self, hand: DocumentInHand) -> bool:
        """Whether what is refused is kept for inspectors: so many an hour, for no device may fill the disks."""
        return self._kept.spend(hand.sender.uid, hand.received_at) == 0

    def _take(self, hand: DocumentInHand) -> None:
        header, standing = hand.header, hand.standing
        assert hand.state is not None, "the shift was judged"
        link = device_link(header.previous, header.sequence, hand.signed.body_hash)
        standing.take(header.sequence, link, hand.state, header.nonce, header.time_ms)
        window_ms = self._rules.pack.channels.time_window_seconds * 1000
        standing.forget_nonces(hand.received_ms - 2 * window_ms)
        self._notes.take(header.device, standing)


def _is_in_doubt(fault: Fault) -> bool:
    """Whether the act may be booked all the same: the same bytes may be in work in another process just now."""
    return CATALOGUE[fault.code].http_status >= 500


def _read(compact: bytes, sender: Sender) -> tuple[SignedDocument, NationalDocument]:
    """Steps 3 and 4, and that the connection is the device's own."""
    try:
        signed = read_signed(compact)
        document = read_document(signed.payload)
    except Fault as fault:
        raise at_step(Step.READ_STRICTLY, fault) from None
    if signed.header.device != sender.uid:
        raise at_step(Step.BINDING, Fault("TS-1313", detail="the connection is another device's"))
    return signed, document
