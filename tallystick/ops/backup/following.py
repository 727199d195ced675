"""Follows the database: every piece of its log is fetched as it is written, and the newest signed head beside it."""

from __future__ import annotations

import logging
import threading

import psycopg

from tallystick.authority.ledger.queries import newest_checkpoint
from tallystick.kernel.faults import Fault
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.backup import server_questions as questions
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs, stop
from tallystick.wire.signed_note import parse_checkpoint, parse_note

log = logging.getLogger(__name__)

_ROUND_SECONDS = 2.0
_ONCE_SECONDS = 600


def follow(dsn: str, folder: BackupFolder, programs: Programs, slot: str, stopped: threading.Event) -> None:
    """Fetch the log until ``stopped``. A server that goes away is waited for; raises ``TS-3181``, ``TS-3188``."""
    folder.make()
    with folder.held("follow"):
        _prepare(dsn, slot)
        receiver = programs.receive(dsn, folder.wal, slot)
        seen = b""
        try:
            while not stopped.wait(_ROUND_SECONDS):
                if receiver.poll() is not None:
                    raise Fault("TS-3188", detail=f"pg_receivewal ended with {receiver.returncode}")
                _keep(folder, seen)  # of a round ago: its part of the log is here by now
                seen = _newest(dsn)
        finally:
            stop(receiver)


def fetch(dsn: str, folder: BackupFolder, programs: Programs, slot: str) -> str:
    """Fetch the log up to this moment and end; returns up to where. Raises ``TS-3181``, ``TS-3188``."""
    folder.make()
    with folder.held("follow"):
        seen = _newest(dsn)
        end_at = _prepare(dsn, slot)
        receiver = programs.receive(dsn, folder.wal, slot, end_at)
        try:
            status = receiver.wait(_ONCE_SECONDS)
        finally:
            stop(receiver)
        if status:
            raise Fault("TS-3188", detail=f"pg_receivewal ended with {status}")
        _keep(folder, seen)
        return end_at


def _prepare(dsn: str, slot: str) -> str:
    with psycopg.connect(dsn) as conn:
        questions.ensure_slot(conn, slot)
        return questions.flushed(conn)


def _newest(dsn: str) -> bytes:
    try:
        with psycopg.connect(dsn, connect_timeout=5) as conn:
            return newest_checkpoint(conn)
    except psycopg.Error as error:
        log.warning("the newest head cannot be read: %s", error)
        return b""


def _keep(folder: BackupFolder, note: bytes) -> None:
    """Keep the head if it is larger than the one that is kept: it only grows here, whatever the database says later."""
    kept = folder.newest_note.read_bytes() if folder.newest_note.exists() else b""
    if note and _size(note) > _size(kept):
        write_atomically(folder.newest_note, note)


def _size(note: bytes) -> int:
    return parse_checkpoint(parse_note(note).text).size if note else -1
