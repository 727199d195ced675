"""The register as a program uses it: one order at a time, an answer that is stored before it is given.

Every verb may be called from any thread; they wait for each other. An order comes with a request id: the same id and
contents get the same answer, also after a power cut.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable
from datetime import datetime, timedelta

from tallystick.device.ecr.batch_store import Batch
from tallystick.device.ecr.batches import Batches
from tallystick.device.ecr.channel import Channel
from tallystick.device.ecr.compose import Original
from tallystick.device.ecr.issue import Request, issue, settle
from tallystick.device.ecr.needs import (
    Disagrees,
    FindOriginal,
    Means,
    NoAnswer,
    NotSent,
    NotTrusted,
    Random,
    Refused,
    Sign,
    Way,
    hold,
)
from tallystick.device.ecr.offline_window import OUTAGE_FROM, OfflineWindow, offline_window
from tallystick.device.ecr.orders import Correct, Order, Refund, ReportX, Sell
from tallystick.device.ecr.setup import RegisterSetup
from tallystick.device.ecr.standing import Memory, Orders, Status
from tallystick.device.ecr.store import Standing, Store, Waiting
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import Clock, from_unix_ms, unix_ms
from tallystick.wire.batch_receipt import BatchReceipt

REQUEST_ID_CHARACTERS = 64
LATE_MOST = 100
_SELLS = (Sell, Refund, Correct)
REVOKED = "TS-1104"
_STOPPING = frozenset({"TS-1403", "TS-2403"})
"""In a receipt: another act in a place of ours, and our certificate revoked."""


class Register:
    """One register over its store, its key and its way."""

    def __init__(
        self,
        setup: RegisterSetup,
        store: Store,
        sign: Sign,
        way: Way,
        channel: Channel | None,
        clock: Clock,
        *,
        memory: Memory | None = None,
        orders: Orders | None = None,
        random: Random = os.urandom,
    ) -> None:
        self.own_setup = setup
        self._orders = orders
        self.clock = clock
        self.trouble = ""
        self._store = store
        self._channel = channel
        self._memory = memory
        self._means = Means(store, sign, way, random)
        self._turn = threading.Lock()
        self.batches = Batches(store, sign, memory, random=random)

    @property
    def setup(self) -> RegisterSetup:
        """What the register is, with what the authority told it."""
        return self.own_setup if self._orders is None else self._orders.applied(self.own_setup)

    @property
    def why_held(self) -> str:
        """Why the authority lets it sell nothing (S0-030); empty where it may sell."""
        return "" if self._orders is None else self._orders.why_held

    @property
    def to_install(self) -> tuple[str, datetime] | None:
        """The build (hex) that the authority wants installed, and until when; none where it runs already."""
        wanted = None if self._orders is None else self._orders.to_install
        return None if wanted is None or wanted[0] == self.own_setup.build else wanted

    @property
    def is_barred(self) -> bool:
        """Whether the authority said that our certificate is revoked: nothing is sold, what there is is brought."""
        return bool(self._store.standing().barred)

    def bar(self, reason: str) -> None:
        """Sell nothing from now on, also after a restart without a network (S0-064); empty lifts it."""
        if self._store.standing().barred != reason:
            self._store.bar(reason)

    @property
    def sequence(self) -> int:
        """The place of its newest document."""
        return self._store.standing().sequence

    def issue(self, request_id: str, contents: bytes, order: Order) -> bytes:
        """Carry out an order; gives the answer (JSON).

        Raises ``TS-1220`` (the id), ``TS-1104`` (our certificate is revoked), ``TS-2407`` (on hold), ``TS-3261``
        (offline limit reached), and what `issue.issue` raises.
        """
        if not 0 < len(request_id) <= REQUEST_ID_CHARACTERS or not request_id.isprintable():
            raise Fault("TS-1220", detail=f"a request id has 1 to {REQUEST_ID_CHARACTERS} characters")
        request = Request(request_id=request_id, request_hash=sha256(contents), order=order)
        with self._turn:
            now = self.clock()
            standing = self._standing_to_sign_from()
            if isinstance(order, _SELLS) and standing.barred:
                self._check_new(request, REVOKED, "nothing is sold any more; what was sold goes to the authority")
            if isinstance(order, _SELLS) and self.why_held:
                self._check_new(request, "TS-2407", self.why_held)
            if isinstance(order, _SELLS) and self.setup.works_offline:
                self._check_window(request, standing, now)
            try:
                answer = hold(issue(request, standing, self.setup, now), self._means).answer
            except Fault as fault:
                if fault.code in ("TS-3250", "TS-3251"):
                    self.trouble = fault.detail
                if fault.code == REVOKED or isinstance(fault.__cause__, NotTrusted):
                    self.bar(fault.detail or REVOKED)
                raise
            if not self.setup.works_offline:
                self.trouble = ""
            return answer

    def settle(self) -> bool:
        """Try to bring a document whose fate is open to its end; tells whether there is none any more."""
        with self._turn:
            intent = self._store.open_intent()
            standing = self._store.standing()
            if intent is None:
                return True
            if standing.stopped:
                return False
            try:
                hold(settle(intent, standing, self.setup, self.clock()), self._means)
            except Fault as fault:
                self.trouble = fault.detail
                return False
            self.trouble = ""
            return True

    def status(self) -> Status:
        """Where the register stands now."""
        standing, now = self._store.standing(), self.clock()
        count, _ = self._store.waiting_count()
        return Status(
            uid=self.setup.uid,
            works_offline=self.setup.works_offline,
            state=standing.state,
            waiting=count,
            window=self._window(standing, now),
            closes_by=standing.state.closes_by(self.setup.shift_hours_most),
            open_fate=self._store.open_intent() is not None,
            late=self._store.late_count(),
            stopped=standing.stopped,
            barred=standing.barred,
            trouble=self.trouble,
            apart=self._apart(),
            awaits_release=self.batches.awaits_release,
            memory_almost_full=self._memory is not None and self._memory.is_almost_full(),
            not_after=self.setup.not_after,
            now=now,
        )

    def answer_of(self, sequence: int) -> bytes:
        """The answer of a document, for a reprint; raises ``TS-3255``."""
        answer = self._store.answer_of(sequence)
        if answer is None:
            raise Fault("TS-3255", detail=f"there is no document {sequence}")
        return answer

    def original(self, sequence: int) -> Original | None:
        """A sale of this register, and how much of it was given back."""
        return FindOriginal(sequence).perform(self._means)

    def newest(self, most: int) -> list[bytes]:
        """The newest answers, the last one first."""
        return self._store.newest(most)

    def late(self) -> list[bytes]:
        """The oldest answers that nobody took: what was sold after all when the till had given up."""
        return self._store.late(LATE_MOST)

    def take_late(self, sequence: int) -> None:
        """Whoever stands at the till has seen it."""
        self._store.mark_shown(sequence)

    def send_link(self, sequence: int, by: str, to: str) -> None:
        """Have the authority send the link of a receipt; raises ``TS-3250``, ``TS-3255`` and its refusals."""
        found = self._store.document(sequence)
        if found is None or self._channel is None:
            raise Fault("TS-3255", detail=f"there is no document {sequence}")
        try:
            self._channel.send_link(f"{self.setup.uid}-{self.setup.uid}-{sequence}", by, to)
        except Refused as refused:
            raise refused.fault from None
        except (NotSent, NoAnswer, Disagrees) as error:
            raise Fault("TS-3250", detail=str(error)) from error

    def is_idle(self) -> bool:
        """Whether no document's fate is open."""
        return self._store.open_intent() is None

    def change_setup(self, change: Callable[[RegisterSetup], RegisterSetup]) -> None:
        """Change what the register is between two documents: ``change`` runs while nothing is signed."""
        with self._turn:
            self.own_setup = change(self.own_setup)

    def lift_stop(self) -> None:
        """A service centre has looked: go on."""
        self._store.stop("")

    @property
    def is_stopped(self) -> bool:
        """Whether nothing is signed until a service centre has looked."""
        return bool(self._store.standing().stopped)

    def stop(self, reason: str) -> None:
        """The authority and our own documents contradict one another: sign nothing more (TS-3252)."""
        with self._turn:
            self._store.stop(reason)

    def close(self) -> None:
        """Let go of memory and store."""
        with self._turn:
            if self._memory is not None:
                self._memory.release()
            if self._orders is not None:
                self._orders.close()
            self._store.close()

    # What the background asks

    def waiting(self, most: int) -> list[Waiting]:
        """What the authority does not have, oldest first."""
        return self._store.waiting(most)

    def sealed_up_to(self) -> int:
        """Seal the memory before something leaves it; the number of the last document that is sealed."""
        with self._turn:
            sequence = self._store.standing().sequence
            if self._memory is not None:
                self._memory.before_sending(sequence, self.clock())
            return sequence

    def seal_interim(self) -> bool:
        """A report in the middle of a shift, so that a batch can be closed (K-24); whether there is a shift."""
        standing = self._store.standing()
        if standing.state.opened_at is None:
            return False
        self.issue(f"interim-seal-{standing.sequence + 1}", b"interim seal", ReportX())
        return True

    def finish_batch(self, batch: Batch, checkpoint: bytes) -> BatchReceipt:
        """The receipt of a batch comes into the memory, and its documents wait no more; a contact.

        A batch that was kept apart because its signer is revoked, or one with another act in its place, stops us.
        """
        with self._turn:
            now = self.clock()
            self._note_outage(now)
            receipt = self.batches.finish(batch, checkpoint, now)
        if stopping := sorted(_STOPPING & set(receipt.codes)):
            self.stop(f"{' '.join(stopping)}: the authority keeps apart what we signed, numbers {receipt.numbers}")
        return receipt

    def booked_after(self, sequence: int, most: int) -> list[tuple[int, bytes]]:
        """Documents behind a place that the authority has: what it may ask for again."""
        return self._store.booked_after(sequence, most)

    def sent(self, booked: list[tuple[int, int]], record: int, checkpoint: bytes) -> None:
        """The authority has these (sequence, log index), or was reached at least."""
        with self._turn:
            now = self.clock()
            self._note_outage(now)
            self._store.settle(booked, unix_ms(now))
            if booked and record and checkpoint and self._memory is not None:
                self._memory.after_sending(record, booked[-1][1], checkpoint, now)
            self.trouble = ""

    def _standing_to_sign_from(self) -> Standing:
        """Where the register stands. Without a network nobody can tell the link before the first document, so that
        one waits for a contact where the set-up does not name it; raises ``TS-3250``.
        """
        standing = self._store.standing()
        if not self.setup.works_offline or standing.sequence or standing.link or self.setup.genesis or standing.stopped:
            return standing
        genesis = None
        try:
            genesis = None if self._channel is None else self._channel.look().genesis
        except (NotSent, NoAnswer) as error:
            raise Fault("TS-3250", detail=str(error)) from error
        except Refused as refused:
            raise refused.fault from None
        if genesis is None:
            raise Fault("TS-3250", detail="the authority does not tell yet where our sequence begins")
        self._store.set_genesis(genesis)
        return self._store.standing()

    def _note_outage(self, now: datetime) -> None:
        """Silence counts from the last contact; documents that wait for their report while we are heard are none."""
        standing = self._store.standing()
        _, oldest = self._store.waiting_count()
        began = from_unix_ms(standing.contact_ms or oldest or unix_ms(now))
        if now - began >= OUTAGE_FROM:
            horizon = now - timedelta(days=self.setup.limits.rolling_days)
            self._store.note_outage(unix_ms(began), unix_ms(now), unix_ms(horizon))

    def _apart(self) -> str:
        receipt = self.batches.newest_receipt() if self.setup.works_offline else None
        if receipt is None or receipt.is_whole:
            return ""
        return f"{receipt.numbers} ({', '.join(sorted(receipt.codes))})"

    def _check_window(self, request: Request, standing: Standing, now: datetime) -> None:
        if not self._window(standing, now).is_over:
            return
        self._check_new(request, "TS-3261", "the authority was not reached for too long: bring the register on line")

    def _check_new(self, request: Request, code: str, detail: str) -> None:
        """Refuse what was not answered before."""
        if self._store.answer(request.request_id, request.request_hash) is None:
            raise Fault(code, detail=detail)

    def _window(self, standing: Standing, now: datetime) -> OfflineWindow:
        limits = self.setup.limits
        _, oldest = self._store.waiting_count()
        since = unix_ms(now - timedelta(days=limits.rolling_days))
        return offline_window(
            limits,
            contact_ms=standing.contact_ms,
            oldest_waiting_ms=oldest,
            outages=self._store.outages(since),
            last_ms=standing.last_ms,
            now=now,
        )
