"""The restore for real: the database into its place, completed from the mirror, with an entry of kind 0E at its end.

Nothing goes on with a hole: where anybody knows of entries that are neither in the backup nor in the mirror, the entry
is not booked, and the sequencer will not serve (TS-3187).
"""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.mirror import segments
from tallystick.authority.ledger.replay import Replay
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity.values import Act
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.ops.backup.choosing import choose, damages, manifest_as_recorded, not_read_to_its_end
from tallystick.ops.backup.cluster import lay_out, recovered, settle
from tallystick.ops.backup.completing import Outcome, complete, timed
from tallystick.ops.backup.copies import copy_mirror
from tallystick.ops.backup.places import BackupFolder
from tallystick.ops.backup.programs import Programs
from tallystick.ops.backup.sources import Notes, Sources, of_manifest
from tallystick.ops.erasures import clear_mirror_again
from tallystick.ops.schema.roles import SEQUENCER, as_role
from tallystick.ops.state_folder import StateFolder
from tallystick.wire.record import canonical_members

MEDIA_TYPE = "application/vnd.tallystick.restore+json"
Progress = Callable[[int, int], None]


@attrs.frozen(slots=True, kw_only=True)
class Restorer:
    """Who restores, into which state folder, and who is asked what the ledger was."""

    state: StateFolder
    sources: Sources
    programs: Programs
    clock: Callable[[], datetime]
    actor: str
    progress: Progress = lambda done, total: None

    def restore(self, folder: BackupFolder, *, at: datetime | None = None, name: str = "") -> Outcome:
        """Put the database of a backup into the state folder, complete it and enter the restore into the ledger.

        Raises ``TS-3182`` (damaged), ``TS-3183``, ``TS-3184`` and ``TS-3185`` (a database in the way).
        """
        backup, manifest = choose(folder, at, name)
        if damaged := list(damages(folder, backup, manifest, self.programs)):
            raise Fault("TS-3182", detail="; ".join(damaged[:5]))
        began = time.monotonic()
        self.state.make()
        lay_out(backup, folder.wal, manifest, self.state.postgres, at)
        if not segments(self.sources.mirror):
            copy_mirror(backup / "mirror", self.sources.mirror, {}, None)

        def notes(conn: psycopg.Connection[tuple[object, ...]]) -> Notes:
            yield from of_manifest(manifest)
            yield from self.sources.notes(conn, folder, backup)

        with recovered(self.state.postgres, self.state.binaries, durable=True) as server:
            seconds = time.monotonic() - began
            troubles = list(not_read_to_its_end(folder, server.segment, at))
            with psycopg.connect(server.dsn) as conn:
                troubles += manifest_as_recorded(conn, backup)
            outcome = self.catch_up(server.dsn, notes, backup.name, troubles)
        outcome.seconds = {"recovering": seconds} | outcome.seconds
        settle(self.state.postgres)
        return outcome

    def catch_up(
        self,
        dsn: str,
        notes: Callable[[psycopg.Connection[tuple[object, ...]]], Notes],
        name: str = "",
        troubles: list[str] | None = None,
    ) -> Outcome:
        """Complete a database that is restored already, by any means; raises ``TS-3185`` while a sequencer lives."""
        outcome = complete(dsn, self.sources, notes, self.clock(), self.progress)
        outcome.troubles[:0] = troubles or []
        if outcome.is_complete:
            with timed(outcome, "entering"):
                self._enter(dsn, outcome, name)
        return outcome

    def _enter(self, dsn: str, outcome: Outcome, name: str) -> None:
        """An act, and the ledger's entry of kind 0E; the same bytes are never made twice, for the time is in them."""
        at = self.clock()
        facts = {
            "at": str(unix_ms(at)),
            "backup": name,
            "by": self.actor,
            "erasedAgain": str(outcome.erased),
            "restoredSize": str(outcome.restored_size),
            "size": str(outcome.size),
            "type": "restore",
            "version": "1",
        }
        with psycopg.connect(dsn) as conn:
            thing = f"backup:{name}" if name else "database"
            told = {"from": str(outcome.restored_size), "to": str(outcome.size), "erased": str(outcome.erased)}
            activity.record(conn, Act(at=at, actor=self.actor, verb="backup.restore", object=thing, facts=told))
            conn.commit()
            clear_mirror_again(conn, self.sources.mirror)
        entry = NewEntry(
            kind=EntryKind.RESTORE,
            channel=Channel.NONE,
            body=msgspec.json.encode(canonical_members(facts)),
            media_type=MEDIA_TYPE,
            received_at_ms=unix_ms(at),
        )
        replay = Replay(as_role(dsn, SEQUENCER), "restore", unix_ms(at))
        try:
            replay.enter(entry, self.sources.mirror)
        finally:
            replay.close()


def mirror_of(setting: str, state: StateFolder) -> Path:
    """Where the ledger's second copy lies."""
    return Path(setting) if setting else state.mirror
