"""What the writer is given, and the few values that pass between it and the socket."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NoReturn

import attrs

from tallystick.authority.ledger.booking import RandomBytes
from tallystick.authority.ledger.entry import NewEntry
from tallystick.kernel.instants import Clock
from tallystick.wire.signed_note import NoteKey, Sign

logger = logging.getLogger(__name__)

CRASH_EXIT_STATUS = 70

FaultPoint = Callable[[str], None]
"""Called with a step's name before the step; a test kills or delays there."""


class Ticket:
    """One request on its way through the writer; ``reply_to`` belongs to whoever put it in."""

    __slots__ = ("payload", "reply_to")

    def __init__(self, payload: bytes, reply_to: Any = None) -> None:
        self.payload = payload
        self.reply_to = reply_to


Deliver = Callable[[Sequence[tuple[Ticket, bytes]]], None]
"""Takes answers, in the writer's thread."""

Work = list[tuple[Ticket, NewEntry]]


def crash(error: BaseException) -> NoReturn:
    """End the process at once: after a failed write or flush nothing that it believes about the disk is true."""
    logger.critical("the ledger cannot be written: %r; this process ends", error)
    logging.shutdown()
    os._exit(CRASH_EXIT_STATUS)


Signers = Callable[[], Sequence[tuple[NoteKey, Sign]]]
"""Who signs the next checkpoint, newest key first: one, or two while the log's key changes."""


@attrs.frozen(kw_only=True)
class WriterSettings:
    """What a writer needs. ``published_checkpoint`` is the file that the exporter writes last, if there is one.

    ``signers`` is asked for each checkpoint, so that the log's key can change while documents are booked;
    ``check_signing`` raises ``TS-5004`` while nobody could sign: then the lease is not taken.
    """

    dsn: str
    mirror_folder: Path
    origin: str
    signers: Signers
    clock: Clock
    check_signing: Callable[[], None] = lambda: None
    holder: str = attrs.field(factory=lambda: f"pid {os.getpid()}")
    published_checkpoint: Path | None = None
    random_bytes: RandomBytes = os.urandom
    at: FaultPoint = lambda step: None
    crash: Callable[[BaseException], NoReturn] = crash
