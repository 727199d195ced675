"""What is answered about a batch: canonical JSON (RFC 8785) in which every value is text, or a list of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec

from tallystick.wire.compact_jws import write_base64url

_encode = msgspec.json.Encoder(order="sorted").encode


def write_receipt(
    *,
    batch: bytes,
    first: int,
    last: int,
    head: bytes,
    indexes: tuple[int, int] | None,
    counts: Mapping[str, int],
    codes: Mapping[str, int],
) -> bytes:
    """The receipt of a booked batch; it is kept, so every repetition gets the same bytes.

    ``indexes`` are the first and the last place in the ledger of its documents, left out where none was booked.
    ``counts`` are ``booked``, ``flagged``, ``apart``, ``refused`` and ``doubled``; ``codes`` how often each stands.
    """
    said: dict[str, object] = {
        "batch": _text(batch),
        "codes": {code: str(codes[code]) for code in sorted(codes)},
        "first": str(first),
        "head": _text(head),
        "last": str(last),
        "state": "done",
    }
    if indexes is not None:
        said |= {"first_index": str(indexes[0]), "last_index": str(indexes[1])}
    return _encode(said | {name: str(count) for name, count in counts.items()})


def write_progress(
    *, batch: bytes, first: int, state: str, parts: Sequence[tuple[int, bytes, int]], code: str
) -> bytes:
    """Where a batch stands that has no receipt yet: parts that are here, by number, SHA-256 and size of their text."""
    said: dict[str, object] = {
        "batch": _text(batch),
        "first": str(first),
        "parts": [
            {"number": str(number), "sha256": _text(digest), "size": str(size)} for number, digest, size in parts
        ],
        "state": state,
    }
    return _encode(said | ({"code": code} if code else {}))


def write_part_answer(number: int, digest: bytes, size: int) -> bytes:
    """A part is here, and durable."""
    return _encode({"number": str(number), "sha256": _text(digest), "size": str(size)})


def _text(data: bytes) -> str:
    return write_base64url(data).decode("ascii")
