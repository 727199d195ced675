"""Lines of the cross-proof report, for people and for programs."""

from __future__ import annotations

import msgspec

from tallystick.authority.ledger.cross_proof import Sequence
from tallystick.authority.ledger.findings import Shows
from tallystick.wire.day_seal import write_day


def text_line(sequence: Sequence) -> str:
    """One line a sequence, and one for each place about which not all say the same."""
    others = ", ".join(
        f"{shows} {sequence.shown[shows]}/{sequence.expected[shows]}"
        for shows in sequence.shown
        if sequence.expected[shows]
    )
    head = f"{sequence.verdict:<13}{sequence.shows} {_name(sequence)}: {sequence.length} long, {sequence.rows} rows"
    lines = [f"{head}; shown by {others}" if others else f"{head}; shown by nobody else"]
    for place in sequence.places:
        said = [f"{name} lacks it" for name in place.lacks] + [f"{name} says otherwise" for name in place.differs]
        lines.append(f"    number {place.number}, entry {place.log_index}: {', '.join(said)}")
    more = sequence.lacking + sequence.differing - len(sequence.places)
    if more > 0:
        lines.append(f"    and {more} more")
    return "\n".join(lines)


def json_line(sequence: Sequence) -> str:
    """One object."""
    said = {
        "sequence": str(sequence.shows),
        "key": _name(sequence),
        "verdict": str(sequence.verdict),
        "length": sequence.length,
        "rows": sequence.rows,
        "others": {
            str(shows): {"shown": sequence.shown[shows], "expected": sequence.expected[shows]}
            for shows in sequence.shown
            if sequence.expected[shows]
        },
        "lacking": sequence.lacking,
        "differing": sequence.differing,
        "places": [
            {"number": place.number, "entry": place.log_index, "lacks": place.lacks, "differs": place.differs}
            for place in sequence.places
        ],
    }
    return msgspec.json.encode(said).decode()


def _name(sequence: Sequence) -> str:
    if sequence.shows is Shows.DEVICE:
        signed_by, requested_by = sequence.key
        return f"{requested_by}-{signed_by}"
    if sequence.shows is Shows.DAY:
        day = sequence.key[0]
        assert isinstance(day, int)
        try:
            return write_day(day)
        except OverflowError:
            return str(day)
    return str(sequence.key[0])
