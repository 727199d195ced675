"""One part of an export, checked by itself: each entry whole, each sequence from where it enters to where it leaves.

Runs in a process of the pool and knows nothing of other parts. What only the whole can tell (do the stretches meet, is
the root the signed one) is handed back as a small report.
"""

from __future__ import annotations

import hashlib
import struct
from pathlib import Path
from typing import Any, BinaryIO

import msgspec

from tallystick.crypto.certificates import CardCertificate
from tallystick.crypto.taxcore_oids import CertificateClass
from tallystick.kernel.faults import Fault
from tallystick.verifier import hashes
from tallystick.verifier.breaks import Break, BreakCode
from tallystick.verifier.documents import DOCUMENT_KIND, Case, check_document
from tallystick.verifier.national import National, read_national
from tallystick.verifier.part_report import PartReport, PartTask, Tombstone
from tallystick.verifier.refunds import PartRefunds
from tallystick.verifier.registers import Registers
from tallystick.verifier.sequences import Sequences
from tallystick.verifier.stretches import Registration
from tallystick.verifier.trust import Signer, Trust
from tallystick.wire.document_jws import MEDIA_TYPE as NATIONAL
from tallystick.wire.erasure import ordered_by, read_erasure
from tallystick.wire.ledger_export import CERTIFICATES_MAX, PATH_HASHES_MAX, Line, read_lines
from tallystick.wire.record import Record
from tallystick.wire.settled_place import read_settled_place

BREAKS_PER_PART_MAX = 10_000
REGISTRY_KIND = 3
FIRST_NATIONAL_TYPE = 0x0200
ERASURE_KIND = 7
SETTLED_KIND = 15
TIME_TOLERANCE_MS = 15 * 60 * 1000
_LEAF = struct.Struct(">4sBBHQ32s32s32s32s32s")
_READMITTED = 2
# Its commitment binds the record's bytes, so that their spelling need not be judged.
_read_record = msgspec.json.Decoder(Record).decode


def check_part(task: PartTask, trust: Trust) -> PartReport:
    """Check one part; never raises for what is in the file."""
    return _PartCheck(task, trust).run()


class _Hashed:
    """A file that is hashed while it is read."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._digest = hashlib.sha256()

    def read(self, size: int) -> bytes:
        data = self._file.read(size)
        self._digest.update(data)
        return data

    @property
    def digest(self) -> str:
        return self._digest.hexdigest()


class _PartCheck:
    def __init__(self, task: PartTask, trust: Trust) -> None:
        self._task = task
        self._trust = trust
        self._report = PartReport(task.part, [])
        self._certificates: dict[bytes, bytes] = {}
        self._requesters: dict[str, Signer[CardCertificate]] = {}
        self._edge = hashes.Edge()
        self._expected = task.part.first
        self._seen = 0
        self._floors = list(task.floors)
        self._floor_ms = 0
        self._gap = False
        self._sequences = Sequences(self._add, task.selection, task.main)
        self._registers = Registers()
        self._refunds = PartRefunds()
        self._since_ms = 0

    def run(self) -> PartReport:
        report = self._report
        try:
            self._read()
        except Fault as fault:
            report.damage = fault
        except OSError as error:
            report.damage = Fault("TS-3051", detail=f"cannot be read: {error.strerror}")
        report.whole = report.damage is None and not self._lacking
        report.nodes = self._edge.nodes
        report.blind = self._sequences.blind or not report.whole
        self._sequences.hand_over(report.stretches, report.ordinals, report.counters)
        report.happened = self._registers.happened
        report.refunds, report.originals = self._refunds.refunds, self._refunds.originals
        return report

    @property
    def _lacking(self) -> bool:
        if self._gap:
            return True
        return not self._task.selection and self._expected != self._task.part.first + self._task.part.entries

    def _read(self) -> None:
        part = self._task.part
        self._report.tally["bytes"] += part.bytes
        with (Path(self._task.folder) / part.name).open("rb") as file:
            hashed = _Hashed(file)
            for line in read_lines(hashed, part.bytes):
                if line.certificate:
                    self._take_certificate(line.certificate)
                    continue
                self._seen += 1
                if self._seen > part.entries:
                    raise Fault("TS-3052", detail="more entries than the manifest says")
                self._entry(line)
        if hashed.digest != part.sha256:
            raise Fault("TS-3051", detail="another content than the manifest says")
        if self._seen < part.entries:
            self._add(BreakCode.INDEX, self._expected, "log", f"the part holds {self._seen} of {part.entries} entries")

    def _take_certificate(self, der: bytes) -> None:
        if len(self._certificates) >= CERTIFICATES_MAX:
            raise Fault("TS-3052", detail="more certificates than a part needs")
        self._certificates[hashes.sha256(der)] = der
        try:
            signer = self._trust.card(der)
        except Fault:
            return
        if signer.certificate.certificate_class is CertificateClass.V32:
            self._requesters[signer.certificate.uid] = signer

    def _add(self, code: BreakCode, index: int, place: str, detail: str) -> None:
        if len(self._report.breaks) >= BREAKS_PER_PART_MAX:
            self._report.cut += 1
        else:
            self._report.breaks.append(Break(code, index, place, detail, self._since_ms))

    # --- one entry ---------------------------------------------------------------------------------------------

    def _entry(self, line: Line) -> None:
        index, leaf, task = line.index, line.leaf, self._task
        if not task.selection:
            self._in_order(index)
        if len(leaf) != _LEAF.size:
            self._since_ms = 0
            self._add(BreakCode.LEAF, index, "log", f"a leaf of {len(leaf)} bytes")
            self._edge.add(hashes.leaf_hash(leaf))
            return
        fields = _LEAF.unpack(leaf)
        digest = hashes.leaf_hash(leaf)
        self._since_ms = self._report.last_ms = fields[4]
        self._report.tally["entries"] += 1
        if task.selection:
            self._included(line, digest)
        else:
            self._edge.add(digest)
            if index + 1 in task.sizes and not self._gap:
                self._report.at[index + 1] = self._edge.nodes
        record = self._record(line, fields)
        body_hash, body = self._body(line, record)
        if record is None:
            self._sequences.forget()
            return
        self._sequences.take(line, record, fields, body_hash)
        if fields[1] == DOCUMENT_KIND:
            self._document(line, record, body, fields)
        elif fields[1] == REGISTRY_KIND and record.device:
            one = Registration(index, record.device, bytes.fromhex(record.certificate_hash), digest, record.taxpayer)
            self._report.registrations.append(one)
        elif fields[1] == REGISTRY_KIND and record.certificate_hash:
            self._report.certified.add(bytes.fromhex(record.certificate_hash))
        elif fields[1] == ERASURE_KIND and body is not None:
            self._ordered(index, body)
        elif fields[1] == SETTLED_KIND:
            self._settled(index, record, body, fields[6])
        self._report.tally[f"kind {fields[1]}"] += 1

    def _in_order(self, index: int) -> None:
        """An entry that lacks is a break of the ledger; one that goes back is no export."""
        if index < self._expected:
            raise Fault("TS-3050", detail=f"entry {index} stands where {self._expected} should")
        if index > self._expected:
            self._add(BreakCode.INDEX, self._expected, "log", f"entries {self._expected} to {index - 1} lack")
            self._sequences.forget()
            self._gap = True
        self._expected = index + 1

    def _included(self, line: Line, digest: bytes) -> None:
        size, root = self._task.final
        path = line.path if len(line.path) <= PATH_HASHES_MAX else ()
        if hashes.root_from_path(digest, line.index, size, path) != root:
            self._add(BreakCode.INCLUSION, line.index, "log", f"no path to the root of {size} entries")

    def _record(self, line: Line, fields: tuple[Any, ...]) -> Record | None:
        index = line.index
        if not line.record or not line.salt:
            self._add(BreakCode.RECORD_MISSING, index, "record", "the leaf commits to a record")
            return None
        data = line.record.encode()
        if hashes.record_commitment(line.salt, data) != fields[5]:
            self._add(BreakCode.RECORD, index, "record", "the leaf commits to another one")
        try:
            record = _read_record(data)
            if wrong := _contradiction(record, fields):
                self._add(BreakCode.LEAF, index, "log", wrong)
        except (msgspec.DecodeError, RecursionError, ValueError) as error:
            self._add(BreakCode.RECORD, index, "record", f"cannot be read: {error}")
            return None
        return record

    def _body(self, line: Line, record: Record | None) -> tuple[bytes, bytes | None]:
        body = line.body_base64 if line.body is None else line.body.encode()
        if body is None:
            self._add(BreakCode.BODY_MISSING, line.index, "body", "the record names a body")
            return (bytes.fromhex(record.body_hash) if record else b""), None
        ordered = None if body else ordered_by(line.media_type)
        if record is not None and ordered is not None:
            self._report.tombstones.append(Tombstone(line.index, ordered, record.body_hash))
            if line.buyer_salt:
                self._add(BreakCode.BUYER, line.index, "record", "the salt of its commitment outlived the body")
            self._report.tally["erased bodies"] += 1
            return bytes.fromhex(record.body_hash), None
        body_hash = hashes.sha256(body)
        if record is not None and (record.body_hash != body_hash.hex() or record.media_type != line.media_type):
            self._add(BreakCode.BODY, line.index, "body", "the record names another one")
        return body_hash, body

    def _settled(self, index: int, record: Record, body: bytes | None, link: bytes) -> None:
        """Two persons say that documents of a register are lost; nothing else in the log says what was there."""
        try:
            place = read_settled_place(body or b"")
        except Fault as fault:
            self._add(BreakCode.PLACE, index, f"device {record.device}", str(fault))
            return
        said = (record.device, record.device_seq, record.device_prev)
        if said != (place.pair, str(place.last), place.previous.hex()):
            detail = "the record is of another device, number or link than the settled place"
            self._add(BreakCode.PLACE, index, f"device {record.device}", detail)
        self._sequences.settle(index, place, link)
        self._report.settled.append((index, place))

    def _ordered(self, index: int, body: bytes) -> None:
        try:
            erasure = read_erasure(body)
        except Fault as fault:
            self._add(BreakCode.BODY, index, "body", str(fault))
            return
        for one, body_hash in erasure.erased.items():
            self._report.erased[index, one] = body_hash

    def _document(self, line: Line, record: Record, body: bytes | None, fields: tuple[Any, ...]) -> None:
        index, certificates, requesters = line.index, self._certificates, self._requesters
        self._time(index, fields)
        digest = bytes.fromhex(record.certificate_hash)
        self._report.used.setdefault(digest, index)
        national = None if body is None or line.media_type != NATIONAL else read_national(body)
        if national is not None:
            self._report.national.add(digest)
        self._follow(index, record, national)
        if body is None:
            return
        case = Case(body, record, self._task.origin, certificates, requesters, self._trust, line.buyer_salt, national)
        for code, detail in check_document(case, line.media_type):
            self._add(code, index, f"number {record.device}-{record.se_total}", detail)
        self._report.tally["signatures"] += 1

    def _follow(self, index: int, record: Record, national: National | None) -> None:
        """What only the documents before and behind it can judge: shifts, refunds, and for whom a register signs."""
        try:
            self._refunds.take(index, record)
            if int(record.type) < FIRST_NATIONAL_TYPE:
                return
            signed_for, _ = self._report.taxpayers.setdefault(record.device, (record.taxpayer, index))
            if signed_for != record.taxpayer:
                detail = f"the device signed for {signed_for} before"
                self._add(BreakCode.BINDING, index, f"device {record.device}", detail)
            self._registers.take(index, record, national.said if national else None)
        except ValueError:
            self._add(BreakCode.RECORD, index, "record", "numbers that no record of a document has")

    def _time(self, index: int, fields: tuple[Any, ...]) -> None:
        while self._floors and self._floors[0][0] <= index:
            self._floor_ms = max(self._floor_ms, self._floors.pop(0)[1])
        received, flags = fields[4], fields[3]
        if received < self._floor_ms - TIME_TOLERANCE_MS and not flags & _READMITTED:
            minutes = (self._floor_ms - received) // 60_000
            self._add(BreakCode.TIME, index, "log", f"came in {minutes} minutes before witnesses saw a log without it")


def _contradiction(record: Record, fields: tuple[Any, ...]) -> str:
    """What the leaf says in the open against what the record says; empty when that is the same."""
    magic, kind, channel, flags, received_ms = fields[:5]
    said = int(record.received_at)
    if magic != b"TSL1":
        return "not a leaf of this version"
    if str(kind) != record.kind or str(channel) != record.channel or str(flags) != (record.leaf_flags or "0"):
        return "kind, channel or flags are not those of the record"
    return "the time is not that of the record" if received_ms != said - said % 1000 else ""
