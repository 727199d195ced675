"""The self-check's look at the seals of days: their chain, their revisions, and what they say against the documents."""

from __future__ import annotations

import attrs

from tallystick.authority.ledger import queries
from tallystick.authority.ledger.findings import FindingCode, Shows, finding
from tallystick.authority.ledger.sweep_rows import Connection
from tallystick.authority.ledger.sweep_tree import Report
from tallystick.authority.ledger.sweep_walk import Walk
from tallystick.kernel.faults import Fault
from tallystick.wire.day_seal import DayFold, DaySeal, parse_day, read_seal, seal_hash


@attrs.frozen(slots=True)
class _Read:
    index: int
    body: bytes
    seal: DaySeal

    @property
    def place(self) -> str:
        return f"entry {self.index}, seal {self.seal.number} of {self.seal.day}, revision {self.seal.revision}"


def check_seals(connection: Connection, walk: Walk, report: Report) -> None:
    """Check the seals that the walk has passed, each against the one before it and against its day's documents.

    A day whose records lack is not compared: that is told already, and an erased record is no contradiction.
    """
    days: dict[int, list[_Read]] = {}
    previous: _Read | None = None
    for index, body in walk.seals:
        try:
            read = _Read(index, body, read_seal(body))
            day = parse_day(read.seal.day)
        except Fault as fault:
            detail = f"the seal cannot be read: {fault.detail}"
            report(finding(FindingCode.SEAL_DIFFERS, f"entry {index}", detail, Shows.SEAL, Shows.LOG))
            continue
        _check_chain(read, previous, days.get(day, []), report)
        days.setdefault(day, []).append(read)
        previous = read
    for day, seals in days.items():
        _check_day(connection, day, seals, report)


def _check_chain(read: _Read, previous: _Read | None, revisions: list[_Read], report: Report) -> None:
    seal, former = read.seal, revisions[-1] if revisions else None
    said = (seal.number, seal.previous, seal.revision, seal.former)
    number, name = (int(previous.seal.number) + 1, seal_hash(previous.body).hex()) if previous else (1, "")
    wanted = (str(number), name, str(len(revisions) + 1), seal_hash(former.body).hex() if former else "")
    if said != wanted:
        detail = "it does not follow the seal before it, or its day's former revision"
        report(finding(FindingCode.SEAL_DIFFERS, read.place, detail, Shows.SEAL, Shows.LOG))


def _check_day(connection: Connection, day: int, seals: list[_Read], report: Report) -> None:
    fold = DayFold()
    for read in seals:
        try:
            last = int(read.seal.lastSeq)
            while page := queries.day_page(connection, day, fold.seq, last):
                for seq, record, link in page:
                    fold.add(record, seq, link)
            same = fold.seq == last and _again(fold, read.seal, day) == read.seal
        except (LookupError, Fault):
            return
        except ValueError:
            same = False
        if not same:
            detail = "the day's documents are others than were sealed"
            report(finding(FindingCode.SEAL_DIFFERS, read.place, detail, Shows.SEAL, Shows.DAY, Shows.LOG))
            return


def _again(fold: DayFold, seal: DaySeal, day: int) -> DaySeal:
    """What the seal should say, with its own place in the chain."""
    return fold.seal(
        day,
        number=int(seal.number),
        revision=int(seal.revision),
        previous=bytes.fromhex(seal.previous),
        former=bytes.fromhex(seal.former),
        size=int(seal.size),
    )
