"""The sequencer process: a UNIX socket in front, the writer's thread behind, a bounded queue between them."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import logging
import signal
import sys
import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import uvloop

from tallystick.authority.ledger.protocol import APPEND_MANY, STATUS, split, write_many, write_refusal, write_status
from tallystick.authority.ledger.writer import REFUSALS, State, Writer
from tallystick.authority.ledger.writer_settings import Signers, Ticket, WriterSettings
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import Clock
from tallystick.kernel.limits import LIMITS
from tallystick.kit.framed_socket import serve_framed

logger = logging.getLogger(__name__)

QUEUE_BYTES_MAX = 64 * 2**20
FENCED_EXIT_STATUS = 75
HALTED_EXIT_STATUS = 78
_STOP_SECONDS = 30
_RETRY_AFTER_SECONDS = 2
_COLLECT_AFTER = 50_000
_SWITCH_SECONDS = 0.0002
"""How long planning may keep the interpreter while an answer of the database waits for it."""

Answer = asyncio.Future[bytes]


class _Answers:
    """Gathers the answers of a frame of many, and gives them together."""

    __slots__ = ("_answer", "_found", "_left")

    def __init__(self, count: int, answer: Answer) -> None:
        self._found = [b""] * count
        self._left = count
        self._answer = answer

    def take(self, place: int, payload: bytes) -> None:
        """The answer to one of them."""
        self._found[place] = payload
        self._left -= 1
        if not self._left and not self._answer.done():
            self._answer.set_result(write_many(self._found))

    def has(self, place: int) -> bool:
        """Whether it is there."""
        return bool(self._found[place])


class _Share:
    """One place of a frame of many, which is answered like a frame of its own."""

    __slots__ = ("_answers", "_place")

    def __init__(self, answers: _Answers, place: int) -> None:
        self._answers = answers
        self._place = place

    def done(self) -> bool:
        """Whether it has been answered."""
        return self._answers.has(self._place)

    def set_result(self, payload: bytes) -> None:
        """Answer it."""
        self._answers.take(self._place, payload)


class Sequencer:
    """Serves one ledger on one socket until stopped."""

    def __init__(self, settings: WriterSettings, socket_path: Path) -> None:
        self._socket_path = socket_path
        self._pending = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: asyncio.Server | None = None
        self.ended = asyncio.Event()
        self.writer = Writer(settings, self._deliver)
        self._thread = threading.Thread(target=self._run_writer, name="ledger-writer", daemon=True)

    async def start(self) -> None:
        """Listen and let the writer take over; requests before it serves are refused with TS-5007."""
        self._loop = asyncio.get_running_loop()
        self._server = await serve_framed(self._socket_path, self._handle)
        self._thread.start()

    async def stop(self) -> None:
        """End after the batch in work; what is queued is refused, and its senders repeat it."""
        if self._server is not None:
            self._server.close()
        self.writer.stop()
        await asyncio.to_thread(self._thread.join, _STOP_SECONDS)
        await asyncio.sleep(0)
        with contextlib.suppress(FileNotFoundError):
            self._socket_path.unlink()

    def _handle(self, payload: bytes) -> Answer:
        """Queue an append, or many; every other call is answered at once."""
        assert self._loop is not None
        answer: Answer = self._loop.create_future()
        writer = self.writer
        if payload[:1] == STATUS:
            answer.set_result(write_status(writer.status))
        elif writer.state is not State.SERVING:
            answer.set_result(write_refusal(*REFUSALS[writer.state]))
        elif self._pending >= LIMITS.sequencer_queue_documents or writer.queued_bytes >= QUEUE_BYTES_MAX:
            answer.set_result(write_refusal("TS-5002", "the sequencer's queue is full", _RETRY_AFTER_SECONDS))
        elif payload[:1] == APPEND_MANY:
            self._queue_many(payload, answer)
        else:
            self._pending += 1
            writer.put(Ticket(payload, answer))
        return answer

    def _queue_many(self, payload: bytes, answer: Answer) -> None:
        """In the order of the frame; its answer leaves when the last of them is answered."""
        try:
            appends = split(payload)
        except Fault as fault:
            answer.set_result(write_refusal(fault.code, fault.detail))
            return
        answers = _Answers(len(appends), answer)
        self._pending += len(appends)
        for place, one in enumerate(appends):
            self.writer.put(Ticket(one, _Share(answers, place)))

    def _deliver(self, answers: Sequence[tuple[Ticket, bytes]]) -> None:
        """In the writer's thread: hand the answers of a batch to the loop at once."""
        assert self._loop is not None
        with contextlib.suppress(RuntimeError):  # the loop has ended, and with it all who waited
            self._loop.call_soon_threadsafe(self._set_answers, answers)

    def _set_answers(self, answers: Sequence[tuple[Ticket, bytes]]) -> None:
        for ticket, payload in answers:
            answer: Answer | _Share = ticket.reply_to
            if not answer.done():
                self._pending -= 1
                answer.set_result(payload)

    def _run_writer(self) -> None:
        try:
            self.writer.run()
        finally:
            assert self._loop is not None
            with contextlib.suppress(RuntimeError):
                self._loop.call_soon_threadsafe(self.ended.set)


def writer_settings(
    dsn: str,
    mirror_folder: Path,
    signers: Signers,
    origin: str,
    clock: Clock,
    *,
    published_checkpoint: Path | None = None,
    check_signing: Callable[[], None] = lambda: None,
) -> WriterSettings:
    """Settings from what a process is given."""
    return WriterSettings(
        dsn=dsn,
        mirror_folder=mirror_folder,
        origin=origin,
        signers=signers,
        clock=clock,
        check_signing=check_signing,
        published_checkpoint=published_checkpoint,
    )


def run_sequencer(
    dsn: str,
    socket_path: Path,
    mirror_folder: Path,
    signers: Signers,
    origin: str,
    clock: Clock,
    *,
    published_checkpoint: Path | None = None,
    check_signing: Callable[[], None] = lambda: None,
    serving: Callable[[], None] = lambda: None,
) -> int:
    """Be the sequencer process until SIGTERM or SIGINT; returns its exit status.

    ``dsn`` signs in as the role sequencer. ``serving`` is called once the first barrier is booked. 75 means that
    another sequencer took over (start again as its stand-by), 78 that the self-check failed (TS-5008): then the socket
    goes on telling so until the process is stopped.
    """
    settings = writer_settings(
        dsn,
        mirror_folder,
        signers,
        origin,
        clock,
        published_checkpoint=published_checkpoint,
        check_signing=check_signing,
    )
    return run_with(settings, socket_path, serving=serving)


def run_with(settings: WriterSettings, socket_path: Path, *, serving: Callable[[], None] = lambda: None) -> int:
    """The same with settings of one's own."""
    sys.setswitchinterval(_SWITCH_SECONDS)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(_serve(settings, socket_path, serving))


async def _serve(settings: WriterSettings, socket_path: Path, serving: Callable[[], None]) -> int:
    loop = asyncio.get_running_loop()
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    sequencer = Sequencer(settings, socket_path)
    await sequencer.start()
    stopping = loop.create_task(stop.wait())
    ending = loop.create_task(sequencer.ended.wait())
    announcing = loop.create_task(_announce(sequencer.writer, serving))
    await asyncio.wait((stopping, ending), return_when=asyncio.FIRST_COMPLETED)
    state = sequencer.writer.state
    if state is State.HALTED:
        await stop.wait()
    announcing.cancel()
    await sequencer.stop()
    return {State.FENCED: FENCED_EXIT_STATUS, State.HALTED: HALTED_EXIT_STATUS}.get(state, 0)


async def _announce(writer: Writer, serving: Callable[[], None]) -> None:
    while writer.state is not State.SERVING:
        await asyncio.sleep(0.02)
    # The heads that were loaded live as long as the process: the collector need not look at them again and again.
    gc.collect()
    gc.freeze()
    gc.set_threshold(_COLLECT_AFTER)
    serving()
