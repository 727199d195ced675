"""Checkpoints that others bring back: devices, monitors, people. Each is compared with the ledger as it is now.

What is not signed by this log says nothing and is passed over: anybody can send anything.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

import attrs

from tallystick.authority.assurance.witnesses import operations
from tallystick.authority.assurance.witnesses.values import Contradiction
from tallystick.authority.keys.queries import change_notes
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.wire.key_change import later_log_keys
from tallystick.wire.signed_note import (
    Check,
    Checkpoint,
    NoteKey,
    SignedNote,
    parse_checkpoint,
    parse_note,
    verify_note,
    write_note,
)

log = logging.getLogger(__name__)


class Sighting(StrEnum):
    """What a comparison gave."""

    NOT_OURS = "not signed by this log"
    AGREES = "agrees with the ledger"
    CONTRADICTS = "contradicts the ledger"


@attrs.frozen(slots=True, kw_only=True)
class LogIdentity:
    """Whose checkpoints are ours: the origin, the keys that we start from, and the way to check.

    Keys that follow these by the log's own notes of change are ours as well, from the moment the notes are there.
    """

    origin: str
    keys: Sequence[NoteKey]
    check: Check


def compare(conn: Connection, note: bytes, identity: LogIdentity, reported_by: str, at: datetime) -> Sighting:
    """Compare a checkpoint with the ledger; a contradiction is kept with both notes. The caller commits."""
    read = _signed_by_us(note, attrs.evolve(identity, keys=_all_keys(conn, identity)))
    if read is None:
        return Sighting.NOT_OURS
    parsed, seen = read
    newest = ledger.newest_checkpoint(conn)
    own = parse_checkpoint(parse_note(newest).text) if newest else None
    if own is None or seen.size > own.size:
        what = Contradiction.BEYOND_OUR_TREE
    elif ledger.root_of(conn, seen.size) != seen.root:
        what = Contradiction.ANOTHER_ROOT
    else:
        return Sighting.AGREES
    ours = ledger.checkpoint_of(conn, seen.size) or newest
    operations.keep_conflict(conn, reported_by, what, seen.size, ours, write_note(parsed), at)
    return Sighting.CONTRADICTS


def _all_keys(conn: Connection, identity: LogIdentity) -> list[NoteKey]:
    """Also those of later rotations; notes that lead nowhere are told, and what we start from stays ours."""
    notes, found = change_notes(conn), list(identity.keys)
    for key in identity.keys:
        try:
            later = [one.key for one in later_log_keys(key, notes, identity.check)]
        except Fault as fault:
            log.error("the notes of the log's key changes lead nowhere: %s", fault)
            continue
        found += [one for one in later if one not in found]
    return found


def _signed_by_us(note: bytes, identity: LogIdentity) -> tuple[SignedNote, Checkpoint] | None:
    """The note with our own signatures alone, if one of our keys signed it; else nothing."""
    try:
        parsed = parse_note(note)
        checkpoint = parse_checkpoint(parsed.text)
        signers = verify_note(parsed, identity.keys, identity.check)
    except Fault:
        return None
    if checkpoint.origin != identity.origin:
        return None
    ids = {(key.name, key.key_id) for key in signers}
    kept = tuple(line for line in parsed.signatures if (line.name, line.key_id) in ids)
    return SignedNote(parsed.text, kept), checkpoint
