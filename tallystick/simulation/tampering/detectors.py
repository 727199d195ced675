"""Who can notice, each alone: one class, one question, one kind of evidence. Silent on an honest ledger, always.

A further detector is a class with a name and ``look``; the catalogue says which manipulations it must see.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from functools import cached_property
from typing import Protocol

import attrs
import msgspec
import psycopg

from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.authority.ledger.findings import Finding, Shows
from tallystick.authority.ledger.queries import consistency_proof, document_by_number, newest_checkpoint
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.authority.oversight.activity import queries as activity
from tallystick.kernel.faults import Fault
from tallystick.kernel.merkle import InvalidProof, leaf_hash, verify_consistency, verify_inclusion
from tallystick.simulation.tampering.evidence import Evidence, newest_head
from tallystick.simulation.tampering.scene import Connection, Scene, check_ed25519
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.policy import read_policy
from tallystick.verifier.run import verify
from tallystick.wire.signed_note import parse_note, verify_note

KEPT_CODES = frozenset({BreakCode.OLDER_HEAD, BreakCode.TWO_HEADS, BreakCode.TIME, BreakCode.QUORUM})
_GRACE_MS = 5 * 60 * 1000


@attrs.define(slots=False)
class Sight:
    """One copy as it is after a deed, with what is kept outside; what several detectors need is computed once."""

    scene: Scene
    evidence: Evidence

    @cached_property
    def connection(self) -> Connection:
        """To the copy, for all detectors."""
        return psycopg.connect(self.scene.dsn, autocommit=True)

    def close(self) -> None:
        """Let go of the copy."""
        if "connection" in vars(self):
            self.connection.close()

    @cached_property
    def findings(self) -> list[Finding]:
        """The self-check of the tables alone."""
        keys, check = self.scene.sources.keys, self.scene.sources.check
        return full_check(self.scene.dsn, SweepSources(keys=keys, check=check))

    @cached_property
    def findings_beside(self) -> list[Finding]:
        """The self-check with mirror and published tiles."""
        return full_check(self.scene.dsn, self.scene.sources)

    @cached_property
    def breaks(self) -> list[Break]:
        """What the offline verifier says of an export, with the heads that were kept elsewhere."""
        folder, found = self.scene.folder / "export", list[Break]()
        shutil.rmtree(folder, ignore_errors=True)
        policy = read_policy(self.scene.policy)
        try:
            export_ledger(
                self.scene.dsn,
                folder,
                ExportScope(),
                issuers=self.scene.issuers,
                certificates=self.scene.certificates,
            )
            verify(folder, policy, kept=list(self.evidence.files), workers=1, found=found.append)
        except Fault as fault:
            found.append(Break(BreakCode.DAMAGED, -1, "export", str(fault)))
        return found


class Detector(Protocol):
    """Looks at a copy and says what is wrong with it, a line each; nothing when all is well."""

    @property
    def name(self) -> str:
        """The word for it in the catalogue."""

    def look(self, sight: Sight) -> list[str]:
        """What it sees."""


@attrs.frozen
class Looker:
    """A detector that is one function."""

    name: str
    looks: Callable[[Sight], Iterator[str]]

    def look(self, sight: Sight) -> list[str]:
        """What it sees; a row that breaks the reading itself is seen as well."""
        try:
            return list(self.looks(sight))
        except (Fault, LookupError, ValueError) as error:
            return [f"cannot be read: {error}"]


def _sweep(sight: Sight) -> Iterator[str]:
    yield from map(str, sight.findings)


def _mirror(sight: Sight) -> Iterator[str]:
    yield from (str(one) for one in sight.findings_beside if Shows.MIRROR in one.shown_by)


def _published(sight: Sight) -> Iterator[str]:
    yield from (str(one) for one in sight.findings_beside if Shows.PUBLISHED in one.shown_by)


def _verifier(sight: Sight) -> Iterator[str]:
    yield from (f"{one.code} {one.place}: {one.detail}" for one in sight.breaks if one.code not in KEPT_CODES)


def _kept_head(sight: Sight) -> Iterator[str]:
    yield from (f"{one.code} {one.place}: {one.detail}" for one in sight.breaks if one.code in KEPT_CODES)


def _witness(sight: Sight) -> Iterator[str]:
    """A witness is asked for the next cosignature: the log must have grown from the head that he signed last."""
    size, root = newest_head(sight.evidence.notes[-1])
    connection = sight.connection
    note = newest_checkpoint(connection)
    if not note:
        yield "there is no head to cosign"
        return
    verify_note(parse_note(note), [sight.scene.keys.log_key], check_ed25519)
    yield from _grown(connection, size, root, note)


def _grown(connection: Connection, size: int, root: bytes, note: bytes) -> Iterator[str]:
    new_size, new_root = newest_head(note)
    if new_size < size:
        yield f"the log had {size} entries, now it has {new_size}"
        return
    try:
        path = [] if size == new_size else consistency_proof(connection, size, new_size)
        verify_consistency(size, root, new_size, new_root, path)
    except InvalidProof as error:
        yield f"the log of {new_size} entries does not extend the one of {size}: {error}"


def _gossip(sight: Sight) -> Iterator[str]:
    """Two readers compare the heads that they were shown."""
    size, root = newest_head(sight.evidence.notes[-1])
    connection = sight.connection
    shown = sight.scene.shown or newest_checkpoint(connection)
    other_size, other_root = newest_head(shown)
    verify_note(parse_note(shown), [sight.scene.keys.log_key], check_ed25519)
    if size == other_size and root != other_root:
        yield f"two heads of {size} entries, both signed by the log, with different roots"


def _device(sight: Sight) -> Iterator[str]:
    """Devices report: the newest document in their memory must be booked as they have it."""
    connection = sight.connection
    for one in sight.evidence.memories:
        requested_by, _, signed_by = one.device.partition("-")
        found = document_by_number(connection, requested_by, signed_by, one.ordinal)
        if found is None:
            yield f"{one.device} was acknowledged number {one.ordinal}, and the ledger does not have it"
        elif found.body_hash != one.body_hash:
            yield f"{one.device} sent other bytes under number {one.ordinal}"


def _receipt(sight: Sight) -> Iterator[str]:
    """Buyers look their receipts up again, with the proofs that they were given."""
    connection = sight.connection
    for one in sight.evidence.receipts:
        requested_by, _, signed_by = one.device.partition("-")
        found = document_by_number(connection, requested_by, signed_by, one.ordinal)
        number = f"{one.device}-{one.ordinal}"
        if found is None:
            yield f"receipt {number} is not in the ledger"
        elif found.act_hash != one.act_hash or found.index != one.index:
            yield f"receipt {number} stands for something else now"
        else:
            try:
                verify_inclusion(leaf_hash(found.leaf), one.index, one.size, one.path, one.root)
            except InvalidProof:
                yield f"the proof for receipt {number} no longer leads from its leaf to the head"


class _Registered(msgspec.Struct):
    """What a registration in the log says."""

    type: str = ""
    uid: str = ""
    tin: str = ""
    certificateHash: str = ""  # noqa: N815


_REGISTRATIONS = (
    "SELECT b.log_index, b.body FROM ledger.bodies b JOIN ledger.leaves l ON l.log_index = b.log_index "
    "WHERE get_byte(l.leaf, 4) = 3 ORDER BY b.log_index"
)
_ROWS = (
    "SELECT s.uid, s.tin, encode(s.certificate_hash, 'hex'), s.registration_index, s.revoked_at, "
    "(SELECT max(log_index) FROM ledger.device_links d WHERE d.signed_by = s.uid) FROM registry.secure_element s"
)


def _registry(sight: Sight) -> Iterator[str]:
    """The registry against the registrations in the log, and revocations against what was booked."""
    connection = sight.connection
    logged: dict[str, tuple[int, _Registered]] = {}
    devices = dict(connection.execute("SELECT uid, tin FROM registry.fiscal_device").fetchall())
    for index, body in connection.execute(_REGISTRATIONS):
        try:
            said = msgspec.json.decode(body, type=_Registered)
        except (msgspec.DecodeError, UnicodeDecodeError):
            continue
        if said.type == "secure-element":
            logged.setdefault(said.uid, (index, said))
        elif said.type == "fiscal-device" and devices.get(said.uid) != said.tin:
            yield f"the log registered {said.uid} for {said.tin}, and the registry says otherwise"
    rows = connection.execute(_ROWS).fetchall()
    yield from _compare(rows, logged)
    for uid, *_, revoked_at, last in rows:
        if revoked_at is not None and last is not None:
            yield from _revoked(connection, uid, int(revoked_at.timestamp() * 1000), last)


def _compare(rows: list[tuple[object, ...]], logged: dict[str, tuple[int, _Registered]]) -> Iterator[str]:
    for uid, tin, digest, index, *_ in rows:
        place, said = logged.get(str(uid), (None, _Registered()))
        if place is None:
            if index is not None:
                yield f"{uid} stands in the registry, and the log never registered it"
        elif (said.tin, said.certificateHash, place) != (tin, digest, index):
            yield f"{uid} stands in the registry with another taxpayer, certificate or entry than in the log"
    for uid in logged.keys() - {str(row[0]) for row in rows}:
        yield f"the log registered {uid}, and the registry does not know it"


def _revoked(connection: Connection, uid: str, revoked_ms: int, last: int) -> Iterator[str]:
    row = connection.execute("SELECT record FROM ledger.records WHERE log_index = %s", [last]).fetchone()
    signed_ms = int(msgspec.json.decode(row[0]).get("issued_at", "0")) if row else 0
    if signed_ms > revoked_ms + _GRACE_MS:
        yield f"{uid} is said to have been revoked before it signed what was booked as entry {last}"


def _activity(sight: Sight) -> Iterator[str]:
    """The activity log's own chain, and the head of it that was kept elsewhere."""
    seq, link = sight.evidence.activity
    connection = sight.connection
    yield from (f"act {one.seq}: {one.what}" for one in activity.breaks(connection))
    if seq:
        row = connection.execute("SELECT link FROM activity.entry WHERE seq = %s", [seq]).fetchone()
        if row is None or row[0] != link:
            yield f"act {seq} is not the one whose link was kept elsewhere"


DETECTORS: tuple[Detector, ...] = (
    Looker("sweep", _sweep),
    Looker("mirror", _mirror),
    Looker("published", _published),
    Looker("verifier", _verifier),
    Looker("kept head", _kept_head),
    Looker("witness", _witness),
    Looker("gossip", _gossip),
    Looker("device", _device),
    Looker("receipt", _receipt),
    Looker("registry", _registry),
    Looker("activity", _activity),
)
"""All that stand today, in the order of the table."""

QUESTIONS = {
    "sweep": "do the tables and the signed heads in them tell one story? (`tallystick ledger verify`)",
    "mirror": "do the tables say what the second copy says?",
    "published": "do the tables extend the head that is out?",
    "verifier": "does an export hold, by public keys alone? (`tallystick verify`)",
    "kept head": "does the export agree with cosigned heads that its reader kept?",
    "witness": "may a witness cosign again: has the log only grown since he did?",
    "gossip": "were two readers shown the same head?",
    "device": "does the ledger still have what it acknowledged to each device?",
    "receipt": "does the ledger still have what buyers were shown, at the same place?",
    "registry": "does the registry say what the log registered, and are revocations no older than signatures booked?",
    "activity": "is the chain of acts whole, and does it go through the head that was kept?",
}
"""What each asks."""
