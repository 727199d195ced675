"""A monitor: follows a log entry by entry, computes its root anew, and compares what several places show of it.

What one place shows and another contradicts is an alarm with both notes (TS-3048): a fork cannot be explained away.
A monitor trusts the log's key for whose checkpoint it is, and nothing for what it says. A key that follows it is
learned from the log's own notes, each signed by the key before; what was believed once is not taken back (TS-3048).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

import attrs

from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import InvalidProof, consistency_path, leaf_hash, verify_consistency, verify_inclusion
from tallystick.kit.http_call import Away
from tallystick.wire.key_change import (
    CHANGES_BYTES_MAX,
    CHANGES_PATH,
    accepted_log_keys,
    later_notes,
    read_key_changes,
)
from tallystick.wire.signed_note import (
    NOTE_BYTES_MAX,
    Check,
    Checkpoint,
    NoteKey,
    parse_checkpoint,
    parse_note,
    verify_note,
)
from tallystick.wire.tiles import TILE_WIDTH
from tallystick.wire.tlog_proof import read_proof
from tallystick.witness.monitor_store import Followed, MonitorStore
from tallystick.witness.tile_source import Get, TileSource

ANOTHER_ROOT = "the entries do not give the signed root"
SMALLER = "the tree became smaller"
FORK = "two signed heads contradict each other"
HIDDEN = "the log does not show what was shown elsewhere"
NOT_THERE = "a proven entry is not in the log"
OTHER_KEYS = "the log's key is followed by another one than was shown before"


@attrs.frozen(slots=True)
class Seen:
    """A verified checkpoint and its exact bytes."""

    checkpoint: Checkpoint
    note: bytes


@attrs.define(kw_only=True)
class Monitor:
    """One log at one prefix, and the places that show checkpoints of it: addresses, or files of notes."""

    key: NoteKey
    prefix: str
    places: Sequence[str]
    proofs: Sequence[Path]
    store: MonitorStore
    get: Get
    check: Check
    clock: Callable[[], datetime]
    say: Callable[[str], object]
    _keys: tuple[NoteKey, ...] = attrs.field(default=(), init=False)

    def look(self) -> bool:
        """One round; true when nothing contradicts. What cannot be reached is told and looked at the next time."""
        before = len(self.store.alarms(self.key.name))
        try:
            self._learn_keys()
        except (Away, Fault) as error:
            self.say(f"no later keys of the log were learned: {error}")
        try:
            self._follow()
        except (Away, Fault) as error:
            self.say(f"the log at {self.prefix} cannot be followed: {error}")
        for place in self.places:
            try:
                self._compare(place, self._seen_at(place))
            except (Away, Fault, OSError) as error:
                self.say(f"{place}: {error}")
        for file in self.proofs:
            try:
                self._look_for(file)
            except (Away, Fault, OSError) as error:
                self.say(f"{file}: {error}")
        followed = self.store.followed(self.key.name)
        alarms = self.store.alarms(self.key.name)
        self.say(f"{self.key.name}: followed to {followed.size} entries, {len(alarms)} alarms")
        return len(alarms) == before == 0

    # --- keys ---------------------------------------------------------------------------------------------------------

    def _learn_keys(self) -> None:
        """Believe the keys that follow ours, if the log's notes lead to them and go on from those of before."""
        origin = self.key.name
        believed = self.store.key_changes(origin)
        self._keys = self._keys_by(believed)
        reply = self.get(f"{self.prefix.rstrip('/')}/{CHANGES_PATH}", CHANGES_BYTES_MAX)
        if reply.status != 200:
            return
        shown = later_notes(self.key, read_key_changes(reply.body))
        keys = self._keys_by(shown)
        common = min(len(believed), len(shown))
        if shown[:common] != believed[:common]:
            at = next(number for number in range(common) if shown[number] != believed[number])
            self._alarm(self.prefix, OTHER_KEYS, believed[at], shown[at])
            return
        if len(shown) > len(believed):
            self.store.keep_key_changes(origin, shown)
            self._keys = keys
            self.say(f"{origin}: {len(shown) - len(believed)} later keys of the log were learned")

    def _keys_by(self, notes: Sequence[bytes]) -> tuple[NoteKey, ...]:
        return tuple(one.key for one in accepted_log_keys(self.key, notes, self.check))

    # --- following ---------------------------------------------------------------------------------------------

    def _follow(self) -> None:
        """Take the log's newest head, if every entry up to it gives its root."""
        origin, followed = self.key.name, self.store.followed(self.key.name)
        seen = self._seen_at(f"{self.prefix.rstrip('/')}/checkpoint")
        head = seen.checkpoint
        if head.size < followed.size:
            self._alarm(self.prefix, SMALLER, followed.note, seen.note)
            return
        if head.size == followed.size and followed.note:
            if head.root != followed.root:
                self._alarm(self.prefix, FORK, followed.note, seen.note)
            return
        frontier, source = followed.frontier(), TileSource(self.prefix, self.get, head.size)
        while frontier.size < head.size:
            bundle, skip = divmod(frontier.size, TILE_WIDTH)
            for entry in source.entries(bundle)[skip:]:
                frontier.append(leaf_hash(entry))
        if frontier.root() != head.root:
            self._alarm(self.prefix, ANOTHER_ROOT, followed.note, seen.note)
            return
        self.store.follow(origin, Followed(head.size, frontier.right_edge, head.root, seen.note), self._now())

    # --- comparing ---------------------------------------------------------------------------------------------

    def _compare(self, place: str, seen: Seen) -> None:
        """Whether a head that somebody shows is one of the tree that was followed."""
        origin, followed, head = self.key.name, self.store.followed(self.key.name), seen.checkpoint
        if head.size > followed.size:
            self._ahead(place, seen, followed)
            return
        self.store.not_ahead(origin, place)
        if not self._extends(head, followed):
            self._alarm(place, FORK, followed.note, seen.note)

    def _ahead(self, place: str, seen: Seen, followed: Followed) -> None:
        """More than we have seen: the log may only be slow; when it still lacks it the next time, it hides it."""
        pending = self.store.was_ahead(self.key.name, place)
        if pending and followed.size < pending:
            self._alarm(place, HIDDEN, followed.note, seen.note)
            return
        self.store.not_ahead(self.key.name, place)
        self.store.note_ahead(self.key.name, place, seen.checkpoint.size)
        self.say(f"{place} shows {seen.checkpoint.size} entries, the log {followed.size}: looked at again next time")

    def _extends(self, head: Checkpoint, followed: Followed) -> bool:
        """Whether the tree that was followed holds that of the head; the log's tiles must prove it."""
        if head.size == followed.size:
            return head.root == followed.root
        source = TileSource(self.prefix, self.get, followed.size)
        path = consistency_path(head.size, followed.size, source.hash_at) if head.size else []
        try:
            verify_consistency(head.size, head.root, followed.size, followed.root, path)
        except InvalidProof:
            return False
        return True

    def _look_for(self, file: Path) -> None:
        """A proof that somebody was given: its entry must be in the tree that we follow."""
        proof = read_proof(file.read_bytes())
        note = file.read_bytes().partition(b"\n\n")[2]
        seen = self._verified(note)
        self._compare(str(file), seen)
        try:
            head = seen.checkpoint
            verify_inclusion(leaf_hash(proof.extra), proof.index, head.size, proof.hashes, head.root)
        except (InvalidProof, ValueError) as error:
            self.say(f"{file}: {error}")
            return
        followed = self.store.followed(self.key.name)
        if proof.index < followed.size:
            source = TileSource(self.prefix, self.get, followed.size)
            bundle, place = divmod(proof.index, TILE_WIDTH)
            if source.entries(bundle)[place] != proof.extra:
                self._alarm(str(file), NOT_THERE, followed.note, note)

    # --- reading -----------------------------------------------------------------------------------------------

    def _seen_at(self, place: str) -> Seen:
        if place.startswith(("http://", "https://")):
            reply = self.get(place, NOTE_BYTES_MAX)
            if reply.status != 200:
                raise Away(f"HTTP {reply.status}")
            return self._verified(reply.body)
        return self._verified(Path(place).read_bytes())

    def _verified(self, note: bytes) -> Seen:
        parsed = parse_note(note)
        verify_note(parsed, self._keys or (self.key,), self.check)
        checkpoint = parse_checkpoint(parsed.text, extensions=True)
        if checkpoint.origin != self.key.name:
            raise Fault("TS-3044", detail="a checkpoint of another log")
        return Seen(checkpoint, note)

    def _alarm(self, place: str, what: str, ours: bytes, theirs: bytes) -> None:
        if self.store.keep_alarm(self.key.name, self._now(), place, what, ours, theirs):
            fault = Fault("TS-3048", detail=what)
            self.say(f"ALARM {fault.code} {place}: {what}\n--- ours\n{ours.decode()}--- theirs\n{theirs.decode()}")

    def _now(self) -> int:
        return int(self.clock().timestamp())
