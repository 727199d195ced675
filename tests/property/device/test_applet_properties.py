"""The virtual card against any bytes and against a model: always an answer, and counters that never go back."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

from card_model import CardModel, never_back
from cards import NOW_MS, PIN, TIN, country, new_card
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from power import BrittleDisk

from tallystick.device.applet import VirtualCard
from tallystick.device.applet.identity import STATE_FILE
from tallystick.device.applet.instructions import INSTRUCTIONS
from tallystick.device.secure_element import SecureElement, StatusWordError
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.invoice import InvoiceType, TransactionType
from tallystick.wire.apdu import CommandApdu, StatusWord
from tallystick.wire.card import ArpContent, SignRequest

SELECT = bytes.fromhex("00A4040010A000000748464A492D546178436F7265")
LIMIT = Money.of(1_000)
KNOWN_WORDS = frozenset(StatusWord)


@cache
def folder() -> Path:
    """One personalised card; each run works on its own copy of the memory."""
    return new_card(Path(tempfile.mkdtemp(prefix="tallystick-card-")) / "card", limit=LIMIT)


def fresh() -> VirtualCard:
    return VirtualCard.open(folder(), disk=BrittleDisk((folder() / STATE_FILE).read_bytes()))


instructions = st.sampled_from([*INSTRUCTIONS]) | st.integers(0, 255)


def sign_like(n: int, tail: bytes) -> bytes:
    """Command data that begin like those of Sign Invoice."""
    return NOW_MS.to_bytes(8, "big") + bytes(49) + bytes((n,)) + tail


data = (
    st.binary(max_size=80)
    | st.sampled_from([bytes((2, 0, 1, 7)), b"0000", bytes(256), bytes(260), bytes(512)])
    | st.builds(sign_like, st.integers(0, 14), st.binary(max_size=8))
)
commands = st.builds(
    CommandApdu,
    st.sampled_from([0x88, 0x88, 0x88, 0x00, 0x80]),
    instructions,
    st.sampled_from([0x04, 0x01, 0x00]),
    st.sampled_from([0x00, 0x02, 0x80]),
    data,
    st.sampled_from([None, 1, 256]),
)
apdus = st.builds(lambda command, extended: command.encode(extended=extended), commands, st.booleans())
counts_a_try = {StatusWord.PIN_WRONG, StatusWord.PIN_TRIES_EXCEEDED}


@given(st.lists(apdus | st.binary(max_size=40) | st.just(SELECT), max_size=25))
@settings(max_examples=150)
def test_any_bytes_get_an_answer_and_no_counter_goes_back(sent: list[bytes]) -> None:
    card = fresh()
    card.transmit(SELECT)
    for apdu in sent:
        before = card._core.state
        answer = card.transmit(apdu)
        assert len(answer) >= 2
        word = int.from_bytes(answer[-2:], "big")
        assert word in KNOWN_WORDS
        assert word == StatusWord.OK or len(answer) == 2
        after = card._core.state
        never_back(before, after)
        if word != StatusWord.OK and word not in counts_a_try:
            assert after == before, "a refusal changed the card"


Taxes = tuple[tuple[int, Money], ...]
amounts = st.integers(0, 4_000_000).map(Money)
categories = st.lists(st.tuples(st.integers(1, 3), amounts), max_size=4).map(tuple)


class CardMachine(RuleBasedStateMachine):
    """A POS, an authority, a thief and the power, all at once, beside the model."""

    def __init__(self) -> None:
        super().__init__()
        self.disk = BrittleDisk((folder() / STATE_FILE).read_bytes())
        self.model = CardModel(limit=LIMIT.scaled)
        self.requests: list[ArpContent] = []
        self.clock = NOW_MS

    @initialize()
    def power_on(self) -> None:
        self.card = VirtualCard.open(folder(), disk=self.disk)
        self.session = SecureElement(self.card)
        self.session.select()
        self.state = self.card._core.state

    @rule()
    def power_cycle(self) -> None:
        """Nothing but the verified PIN is lost."""
        self.card.power_off()
        self.disk = BrittleDisk(self.disk.platter)
        self.model.is_verified = False
        self.power_on()

    @rule()
    def select(self) -> None:
        self.session.select()
        self.model.is_verified = False

    @rule(is_right=st.sampled_from([True, True, True, False]))
    def present_pin(self, is_right: bool) -> None:
        expected = self.model.expect_pin(is_right)
        assert self.word(lambda: self.session.verify_pin(PIN if is_right else "0000")) == expected

    @rule(
        kind=st.sampled_from(InvoiceType),
        direction=st.sampled_from(TransactionType),
        amount=amounts,
        taxes=categories,
        step=st.sampled_from([0, 1, 1, 1, 5]),
    )
    def sign(
        self,
        kind: InvoiceType,
        direction: TransactionType,
        amount: Money,
        taxes: tuple[tuple[int, Money], ...],
        step: int,
    ) -> None:
        self.clock += step
        request = SignRequest(
            time_ms=self.clock, tin=TIN, invoice_type=kind, transaction_type=direction, amount=amount, categories=taxes
        )
        self.sign_this(request)

    @precondition(lambda self: self.model.last != b"")
    @rule()
    def repeat(self) -> None:
        self.sign_this(SignRequest.decode(self.model.last))

    def sign_this(self, request: SignRequest) -> None:
        expected, is_new = self.model.expect_sign(request), request.encode() != self.model.last
        assert self.word(lambda: self.session.sign_invoice(request)) == expected
        if expected == StatusWord.OK and is_new:
            self.model.signed(request)
            last = self.session.last_signed_invoice()
            assert last is not None
            inside = country().internal_data(last.encrypted_internal_data)
            assert (inside.total_counter, inside.time_ms) == (self.model.total, request.time_ms)
            assert inside.unaudited.scaled == self.model.unaudited

    @precondition(lambda self: self.model.is_verified)
    @rule()
    def start_audit(self) -> None:
        self.requests.append(country().audit_request(self.session.start_audit()))
        self.model.started()
        assert self.requests[-1].unaudited.scaled == self.model.frozen

    @precondition(lambda self: self.model.is_verified and self.requests)
    @rule(choice=st.integers(0, 50), extra=st.sampled_from([0, 0, 0, 7, -7]))
    def end_audit(self, choice: int, extra: int) -> None:
        """A proof for any start there ever was: only the newest open one counts."""
        request = self.requests[-1 - min(choice // 3, len(self.requests) - 1)]
        released = Money(max(request.unaudited.scaled + extra, 0))
        word = self.word(lambda: self.session.end_audit(country().proof(request, released=released)))
        if self.model.frozen is None:
            assert word == StatusWord.NO_ACTIVE_AUDIT
        elif request.audit_sequence != self.model.audit_sequence:
            assert word == StatusWord.WRONG_DATA
        else:
            assert word == StatusWord.OK
            self.model.ended(released.scaled)

    @staticmethod
    def word(action: object) -> int:
        assert callable(action)
        try:
            action()
        except StatusWordError as error:
            return error.status_word
        return StatusWord.OK

    @invariant()
    def card_and_model_agree(self) -> None:
        if hasattr(self, "card"):
            never_back(self.state, self.card._core.state)
            self.state = self.card._core.state
            self.model.agrees_with(self.state)
            status = self.session.amount_status()
            assert (status.sum.scaled, status.limit.scaled) == (self.model.unaudited, self.model.limit)


TestCardMachine = CardMachine.TestCase
TestCardMachine.settings = settings(max_examples=40, stateful_step_count=30)
