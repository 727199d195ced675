"""What a verification found, for people and for programs: lines of text, or a JSON object a line."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import msgspec

from tallystick.verifier.breaks import TITLES, Break
from tallystick.verifier.run import Outcome

WHOLE, BROKEN, UNREADABLE = 0, 1, 3
"""Exit statuses; 2 is that of a command line that cannot be understood."""


def exit_status(outcome: Outcome) -> int:
    """0 when all holds, 3 when a file of the export is damaged (nothing is said about the rest then), else 1."""
    if outcome.damaged:
        return UNREADABLE
    return WHOLE if outcome.is_whole else BROKEN


def break_text(one: Break) -> str:
    """One line for people."""
    place = "" if one.index < 0 else f" entry {one.index}"
    since = f" (since {_time(one.since_ms)})" if one.since_ms else ""
    return f"{one.code}{place}, {one.place}: {TITLES[one.code]}; {one.detail}{since}"


def break_json(number: int, one: Break) -> bytes:
    """One line for programs."""
    return msgspec.json.encode(
        {
            "kind": "break",
            "number": number,
            "code": one.code,
            "title": TITLES[one.code],
            "index": one.index,
            "place": one.place,
            "detail": one.detail,
            "since": _time(one.since_ms) if one.since_ms else None,
        }
    )


def outcome_json(outcome: Outcome, first: Break | None) -> bytes:
    """The last line for programs."""
    return msgspec.json.encode(
        {
            "kind": "outcome",
            "whole": outcome.is_whole,
            "status": exit_status(outcome),
            "origin": outcome.origin,
            "scope": outcome.scope,
            "entries": outcome.entries,
            "size": outcome.size,
            "breaks": outcome.breaks,
            "first_break": None if first is None else {"code": first.code, "index": first.index, "place": first.place},
            "heads_compared": outcome.heads_compared,
            "confirmed_by_witnesses": outcome.confirmed_by_witnesses,
            "notes": outcome.notes,
            "settled": [
                {
                    "index": index,
                    "device": place.device,
                    "first": place.first,
                    "last": place.last,
                    "presented": place.presented_count,
                    "asked_by": place.asked_by,
                    "approved_by": place.approved_by,
                    "reason": place.reason,
                }
                for index, place in outcome.settled
            ],
            "tally": outcome.tally,
        }
    )


def outcome_text(outcome: Outcome, first: Break | None) -> Iterator[str]:
    """The last lines for people."""
    documents = outcome.tally.get("signatures", 0)
    yield f"{outcome.origin}: {outcome.entries} of {outcome.size} entries read, {documents} signatures checked"
    yield f"heads compared: {outcome.heads_compared}; confirmed by witnesses: {outcome.confirmed_by_witnesses}"
    for note in outcome.notes:
        yield f"note: {note}"
    for index, place in outcome.settled:
        yield (
            f"settled place: device {place.device}, numbers {place.first} to {place.last} are lost, entry {index},"
            f" by {place.asked_by} and {place.approved_by}: {place.reason}"
        )
    if first is None:
        yield "no break"
    else:
        yield f"{outcome.breaks} breaks, the first: {break_text(first)}"


def _time(unix_ms: int) -> str:
    try:
        return datetime.fromtimestamp(unix_ms / 1000, UTC).isoformat(timespec="seconds")
    except (OverflowError, ValueError, OSError):
        return f"{unix_ms} ms"
