"""The steps that a national document goes through once it has its device's turn: 3 to 15.

The caller holds the device's lock; whoever comes first is judged first, and what follows by what it left.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta

from tallystick.authority.intake import metrics
from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national import proving
from tallystick.authority.intake.national.answering import answer, first_answer, refused
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.checks import NATIONAL_CHECKS
from tallystick.authority.intake.national.doubled import keep_two_documents
from tallystick.authority.intake.national.noted import Notes
from tallystick.authority.intake.national.ports import NationalRules
from tallystick.authority.intake.national.rows import InARow
from tallystick.authority.intake.national.standing import Standing, Standings
from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer, Sender
from tallystick.authority.intake.ports import BulkSequencer
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Channel
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.kernel.fault_catalogue import CATALOGUE
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import device_link
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.limits import LIMITS
from tallystick.kernel.national_document import DocumentKind, NationalDocument
from tallystick.kit.address_budget import AddressBudget
from tallystick.wire.document_jws import SignedDocument, read_signed
from tallystick.wire.national_document import read_document

_HEAD_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2)
"""How long, in seconds, a repetition waits for the head that covers its first booking."""


class Walk:
    """One document after the other of each device, many devices at a time. Belongs to one event loop."""

    def __init__(self, rules: NationalRules, sequencer: BulkSequencer) -> None:
        self.rules = rules
        self.sequencer = sequencer
        self.standings = Standings(rules.stores.standing)
        self.notes = Notes(rules.stores.note)
        self.kept = AddressBudget(LIMITS.kept_refusals_per_device_hour, timedelta(hours=1))
        self._signatures = InARow[DocumentInHand](lambda hand: proving.signature_is_good(rules, hand))

    async def standing(self, uid: str, *, fresh: bool = False) -> Standing:
        """Where a device stands; raises ``TS-2401`` for one that the ledger does not know. ``fresh`` reads it again."""
        standing = await self.standings.of(uid, fresh=fresh)
        if standing is None:
            raise at_step(Step.DEVICE_STATE, Fault("TS-2401", detail="the device is not registered in the ledger"))
        return standing

    async def take_turn(
        self, signed: SignedDocument, document: NationalDocument, sender: Sender, at: datetime, channel: Channel
    ) -> NationalAnswer:
        """The document has its device's turn: steps 5 to 15."""
        standing = await self.standing_for(signed)
        hand = DocumentInHand(
            signed=signed, document=document, sender=sender, received_at=at, channel=channel, standing=standing
        )
        return await (self._new(hand) if hand.is_new else self.again(hand))

    async def standing_for(self, signed: SignedDocument) -> Standing:
        """Where the device of a document stands; read again where another process may have booked for it."""
        header = signed.header
        standing = await self.standing(header.device)
        if header.sequence > standing.sequence + 1:
            standing = await self.standing(header.device, fresh=True)
        return standing

    async def _new(self, hand: DocumentInHand) -> NationalAnswer:
        """Steps 6 to 15 of a document whose place is not taken, as far as this process knows."""
        await self.prove(hand)
        try:
            await self.examine(hand)
        except Fault as fault:
            if not await self.is_overtaken(hand, fault):
                raise
            if not hand.is_new:
                return await self.again(hand)
            await self.examine(hand)
        try:
            return await self._book(hand)
        except Fault as fault:
            await self.let_go(hand, fault)
            raise

    async def is_overtaken(self, hand: DocumentInHand, fault: Fault) -> bool:
        """Whether another process has booked for the device since this one looked; ``hand`` knows then what is there.

        A fault found by what was known before is none then: the very document may be booked, and whoever sends it again
        and is told to sign anew would put two documents in one place. All that was judged here must be booked.
        """
        if _is_in_doubt(fault):
            return False
        before = hand.standing.sequence, hand.standing.link
        hand.standing = await self.standing(hand.header.device, fresh=True)
        return before != (hand.standing.sequence, hand.standing.link)

    async def examine(self, hand: DocumentInHand) -> None:
        """Steps 8 to 12; who is refused takes nothing from an original."""
        try:
            await self._examine(hand)
        except Fault as fault:
            await self.let_go(hand, fault)
            raise

    async def let_go(self, hand: DocumentInHand, fault: Fault) -> None:
        """A refund that is refused for good takes nothing from its original."""
        if hand.claim is not None and not _is_in_doubt(fault):
            await self.rules.stores.let_go(hand.signed.act_hash)

    async def again(self, hand: DocumentInHand) -> NationalAnswer:
        """Step 5: the place is taken. The same act gets the first answer; another one is evidence."""
        header = hand.header
        first = await self._first(SdcInvoiceNumber(header.device, header.device, header.sequence))
        if first is not None and hand.signed.act_hash == first.act_hash:
            metrics.REPLAYS.inc()
            told = first_answer(hand, first)
            await self.end_of(hand)
            return told
        if first is None:  # a ledger that was restored has less than this process remembers
            hand.standing = await self.standing(header.device, fresh=True)
            if hand.is_new:
                return await self._new(hand)
        await self.prove(hand)
        return await self._book(hand)

    async def _first(self, number: SdcInvoiceNumber) -> LedgerDocument | None:
        """What the ledger has there. Its signed head is stored a moment after the answer left: wait for that."""
        for pause in _HEAD_PAUSES:
            first = await self.rules.stores.document(number)
            if first is None or first.acked:
                return first
            await asyncio.sleep(pause)
        return await self.rules.stores.document(number)

    async def prove(self, hand: DocumentInHand) -> None:
        """Steps 6 and 7: whoever fails has shown nothing; what he sent is kept for a while."""
        for check in NATIONAL_CHECKS[hand.channel].proof:
            try:
                if check.function is proving.signature_is_good:
                    await self._signatures(hand)
                else:
                    check.function(self.rules, hand)
            except Fault as fault:
                if self.is_kept(hand):
                    await self.rules.stores.refuse(refused(hand, check.step, fault))
                raise at_step(check.step, fault) from None

    async def _examine(self, hand: DocumentInHand) -> None:
        for check in NATIONAL_CHECKS[hand.channel].kept:
            try:
                waiting = check.function(self.rules, hand)
                if waiting is not None:
                    await waiting
            except Fault as fault:
                raise at_step(check.step, fault) from None

    async def _book(self, hand: DocumentInHand) -> NationalAnswer:
        """Steps 14 and 15."""
        header = hand.header
        try:
            booked = await self.sequencer.append(document_entry(self.rules, hand))
        except Fault as fault:
            self.standings.doubt(header.device)
            if fault.code == "TS-1403":
                await keep_two_documents(self.rules, self.sequencer, hand, is_kept=self.is_kept(hand))
            raise at_step(Step.SEQUENCER, fault) from None
        except BaseException:
            self.standings.doubt(header.device)
            raise
        if booked.duplicate:
            self.standings.doubt(header.device)
            return await self.again(hand)
        self.take(hand)
        await self.end_of(hand)
        return answer(hand, booked)

    async def end_of(self, hand: DocumentInHand) -> None:
        """A memory that is closed closes its device (S1-033), before its answer leaves: so a crash is made good by the
        repetition."""
        if hand.document.kind is DocumentKind.CLOSURE:
            await self.rules.stores.close(hand.header.device, hand.received_at)

    def is_kept(self, hand: DocumentInHand) -> bool:
        """Whether what is refused is kept for inspectors: so many an hour, for no device may fill the disks."""
        return self.kept.spend(hand.sender.uid, hand.received_at) == 0

    def take(self, hand: DocumentInHand) -> None:
        header, standing = hand.header, hand.standing
        assert hand.state is not None, "the shift was judged"
        link = device_link(header.previous, header.sequence, hand.signed.body_hash)
        standing.take(header.sequence, link, hand.state, header.nonce, header.time_ms)
        window_ms = self.rules.pack.channels.time_window_seconds * 1000
        standing.forget_nonces(hand.received_ms - 2 * window_ms)
        self.notes.take(header.device, standing)


def _is_in_doubt(fault: Fault) -> bool:
    """Whether the act may be booked all the same: the same bytes may be in work in another process just now."""
    return CATALOGUE[fault.code].http_status >= 500


def read(compact: bytes, sender: Sender) -> tuple[SignedDocument, NationalDocument]:
    """Steps 3 and 4, and that the connection is the device's own."""
    try:
        signed = read_signed(compact)
        document = read_document(signed.payload)
    except Fault as fault:
        raise at_step(Step.READ_STRICTLY, fault) from None
    if signed.header.device != sender.uid:
        raise at_step(Step.BINDING, Fault("TS-1313", detail="the connection is another device's"))
    return signed, document
