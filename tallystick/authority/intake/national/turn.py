"""Documents of one device that are judged together, each by those before it, and go to the sequencer in one frame."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from tallystick.authority.intake.examining import at_step
from tallystick.authority.intake.national.answering import answer
from tallystick.authority.intake.national.booking import document_entry
from tallystick.authority.intake.national.doubled import keep_two_documents
from tallystick.authority.intake.national.values import DocumentInHand, NationalAnswer, Sender
from tallystick.authority.intake.national.walk import Walk, read
from tallystick.authority.intake.steps import Step
from tallystick.authority.ledger.entry import Booked, Channel
from tallystick.authority.ledger.protocol import write_append
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kernel.national_document import NationalDocument
from tallystick.wire.document_jws import SignedDocument

_IN_A_ROW = 8
"""How many are judged before others of the loop have their turn."""


class Turn:
    """One turn of a device, whose lock the caller holds. ``outcomes`` are those of its documents, in their order."""

    def __init__(self, walk: Walk, sender: Sender, clock: Clock, channel: Channel) -> None:
        self.outcomes: list[NationalAnswer | Fault] = []
        self._walk = walk
        self._sender = sender
        self._clock = clock
        self._channel = channel
        self._hands: list[DocumentInHand] = []

    async def take(self, documents: Sequence[bytes]) -> None:
        """Each is judged by those before it, which are not booked yet; a fault there ends what rests on it."""
        try:
            for number, compact in enumerate(documents, 1):
                signed, document = read(compact, self._sender)
                if self._hands and _rests_on_the_ledger(self._hands[-1], signed, document) and not await self._land():
                    return
                hand = await self._in_hand(signed, document)
                if hand.is_new and not await self._is_judged(hand):
                    return
                if not hand.is_new:
                    self.outcomes.append(await self._walk.again(hand))
                    continue
                self._walk.take(hand)
                self._hands.append(hand)
                if not number % _IN_A_ROW:
                    await asyncio.sleep(0)
        except Fault as fault:
            if await self._land():
                self.outcomes.append(fault)
            return
        except BaseException:
            self._walk.standings.forget(self._sender.uid)
            raise
        await self._land()

    async def _in_hand(self, signed: SignedDocument, document: NationalDocument) -> DocumentInHand:
        return DocumentInHand(
            signed=signed,
            document=document,
            sender=self._sender,
            received_at=self._clock(),
            channel=self._channel,
            standing=await self._walk.standing_for(signed),
        )

    async def _is_judged(self, hand: DocumentInHand) -> bool:
        """Judge a document by those before it; false where one of these is not booked.

        A fault is believed once the ledger says that no other process has booked for the device meanwhile.
        """
        await self._walk.prove(hand)
        try:
            await self._walk.examine(hand)
        except Fault as fault:
            if not await self._land():
                return False
            if not await self._walk.is_overtaken(hand, fault):
                raise
            if hand.is_new:
                await self._walk.examine(hand)
        return True

    async def _land(self) -> bool:
        """Book what was judged; whether all of it is."""
        hands, self._hands = self._hands, []
        if not hands:
            return True
        uid = hands[0].header.device
        try:
            appends = [write_append(document_entry(self._walk.rules, hand)) for hand in hands]
            landed = await self._walk.sequencer.append_many(appends)
        except Fault as fault:
            landed = [fault] * len(hands)
        except BaseException:
            self._walk.standings.forget(uid)
            raise
        if all(isinstance(one, Booked) and not one.duplicate for one in landed):
            for hand, one in zip(hands, landed, strict=True):
                assert isinstance(one, Booked)
                await self._walk.end_of(hand)
                self.outcomes.append(answer(hand, one))
            return True
        self._walk.standings.forget(uid)  # it was moved on by documents that are not booked
        outcomes = [await self._settle(hand, one) for hand, one in zip(hands, landed, strict=True)]
        self.outcomes += outcomes
        return not any(isinstance(one, Fault) for one in outcomes)

    async def _settle(self, hand: DocumentInHand, landed: Booked | Fault) -> NationalAnswer | Fault:
        """What became of a document that was sent with others."""
        try:
            if isinstance(landed, Booked):
                if landed.duplicate:
                    return await self._walk.again(hand)
                await self._walk.end_of(hand)
                return answer(hand, landed)
            if landed.code == "TS-1403":
                await keep_two_documents(self._walk.rules, self._walk.sequencer, hand, is_kept=self._walk.is_kept(hand))
            raise at_step(Step.SEQUENCER, landed)
        except Fault as fault:
            await self._walk.let_go(hand, fault)
            return fault


def _rests_on_the_ledger(before: DocumentInHand, signed: SignedDocument, document: NationalDocument) -> bool:
    """Whether it can be judged only once those before it are booked: out of its place, or referring to another."""
    sale = document.sale
    is_next = signed.header.sequence == before.header.sequence + 1
    return not is_next or (sale is not None and sale.refers_to is not None)
