"""What is answered about a batch: canonical JSON (RFC 8785) in which every value is text, or a list of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated

import attrs
import msgspec
from msgspec import Meta

from tallystick.kernel.faults import Fault
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.offline_batch import PARTS_MAX, BatchText, Count, CountOrNone, HashText

_encode = msgspec.json.Encoder(order="sorted").encode


@attrs.frozen(slots=True, kw_only=True)
class PartHere:
    """A part that the authority has: SHA-256 and size of its text."""

    number: int
    sha256: bytes
    size: int


@attrs.frozen(slots=True, kw_only=True)
class BatchProgress:
    """Where a batch stands that has no receipt yet: ``state`` is open, closed or done (then ask for its receipt).

    ``code`` says why a closed one waits; ``wait_seconds`` when to ask again, as far as the answer's header says it.
    """

    batch: bytes
    first: int
    state: str
    parts: tuple[PartHere, ...]
    code: str = ""
    wait_seconds: int = 0

    @property
    def waits_for_release(self) -> bool:
        """Whether it is whole, and is opened once the authority takes its device off hold."""
        return self.state == "closed" and self.code == "TS-2407"


@attrs.frozen(slots=True, kw_only=True)
class BatchReceipt:
    """What became of a batch; ``body`` is the receipt as it came.

    ``last_index`` is the last place in the ledger of its documents, none where none was booked.
    """

    batch: bytes
    first: int
    last: int
    head: bytes
    booked: int
    flagged: int
    apart: int
    refused: int
    doubled: int
    codes: Mapping[str, int]
    last_index: int | None
    body: bytes

    @property
    def numbers(self) -> str:
        """First and last number, for a person."""
        return f"{self.first}-{self.last}"

    @property
    def is_whole(self) -> bool:
        """Whether each document of it is in the ledger."""
        return self.booked == self.last - self.first + 1


BatchAnswer = BatchProgress | BatchReceipt


class _Part(msgspec.Struct, gc=False):
    number: Count
    sha256: HashText
    size: Count


class _Said(msgspec.Struct, gc=False):
    """Either of the two; unknown members are passed over."""

    batch: BatchText
    first: Count
    state: str
    parts: Annotated[tuple[_Part, ...], Meta(max_length=PARTS_MAX)] = ()
    code: str = ""
    head: HashText = ""
    last: CountOrNone = "0"
    booked: CountOrNone = "0"
    flagged: CountOrNone = "0"
    apart: CountOrNone = "0"
    refused: CountOrNone = "0"
    doubled: CountOrNone = "0"
    codes: dict[str, CountOrNone] = {}
    last_index: Annotated[str, Meta(pattern=r"^(0|[1-9][0-9]{0,18})\Z")] | None = None


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


def read_batch_answer(body: bytes) -> BatchAnswer:
    """Read an answer on the device's side: a receipt where it has a head, else how far it is. Raises ``TS-1220``."""
    try:
        said = msgspec.json.decode(body, type=_Said)
        batch, first = read_base64url(said.batch.encode()), int(said.first)
        if not said.head:
            parts = tuple([_part(one) for one in said.parts])
            return BatchProgress(batch=batch, first=first, state=said.state, parts=parts, code=said.code)
        return BatchReceipt(
            batch=batch,
            first=first,
            last=int(said.last),
            head=read_base64url(said.head.encode()),
            booked=int(said.booked),
            flagged=int(said.flagged),
            apart=int(said.apart),
            refused=int(said.refused),
            doubled=int(said.doubled),
            codes={code: int(count) for code, count in said.codes.items()},
            last_index=None if said.last_index is None else int(said.last_index),
            body=body,
        )
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Fault) as error:
        raise Fault("TS-1220", detail=f"not an answer about a batch: {error}") from None


def read_part_answer(body: bytes) -> PartHere:
    """Read what `write_part_answer` wrote; raises ``TS-1220``."""
    try:
        return _part(msgspec.json.decode(body, type=_Part))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, Fault) as error:
        raise Fault("TS-1220", detail=f"not an answer to a part: {error}") from None


def _part(said: _Part) -> PartHere:
    return PartHere(number=int(said.number), sha256=read_base64url(said.sha256.encode()), size=int(said.size))
