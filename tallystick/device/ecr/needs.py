"""What the register's walk asks of the world, as values: a driver performs them, a test answers as it likes.

Each need is a point at which the power may fail.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from datetime import datetime
from itertools import islice
from typing import Any, Generic, Protocol, TypeVar

import attrs

from tallystick.device.ecr.compose import Original
from tallystick.device.ecr.receipt import code_of
from tallystick.device.ecr.store import Intent, Kept, Standing, Store
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import Uid
from tallystick.wire.document_jws import DocumentHeader, read_signed, write_signed
from tallystick.wire.national_document import read_document

T = TypeVar("T")
Sign = Callable[[bytes], bytes]
"""ES256 by the device's key: 64 bytes over a signing input."""
Random = Callable[[int], bytes]


@attrs.frozen(slots=True, kw_only=True)
class Delivered:
    """The document stands where nobody can take it away: the authority's log, or a record of write-once memory."""

    log_index: int | None = None
    memory_record: int = 0


class NotSent(Exception):
    """Nothing left the device: no connection."""


class NoAnswer(Exception):
    """The document left, and whether it was taken is not known."""


class NotTrusted(NoAnswer):
    """The authority's side ended the connection because our certificate is revoked, before it read anything."""


class Refused(Exception):
    """The document was not taken, and `fault` says why."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(str(fault))
        self.fault = fault


class Disagrees(Exception):
    """The answer is not one to what was sent: another number, or another link."""


class Way(Protocol):
    """How a document of this register's class becomes final."""

    def deliver(self, compact: bytes, now: datetime) -> Delivered:
        """Make it final; the same bytes again give the same result.

        Raises `NotSent`, `NoAnswer`, `Refused`, `Disagrees`; any other fault leaves its fate open.
        """


@attrs.frozen(slots=True)
class Means:
    """What needs are performed with."""

    store: Store
    sign: Sign
    way: Way
    random: Random


class Need(Generic[T]):
    """One thing that the walk asks for."""

    def perform(self, means: Means) -> T:
        """Do it and give the answer; what it raises is thrown into the walk."""
        raise AssertionError("abstract")


Walk = Generator[Need[Any], Any, T]


def ask(need: Need[T]) -> Generator[Need[Any], Any, T]:
    """Yield a need and give its answer with its type."""
    answer: T = yield need
    return answer


def hold(walk: Walk[T], means: Means) -> T:
    """Drive a walk to its end."""
    try:
        need = next(walk)
        while True:
            try:
                answer = need.perform(means)
            except Exception as error:
                need = walk.throw(error)
            else:
                need = walk.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


@attrs.frozen(slots=True)
class FindAnswer(Need["bytes | None"]):
    """The answer that a request got before."""

    request_id: str
    request_hash: bytes

    def perform(self, means: Means) -> bytes | None:
        return means.store.answer(self.request_id, self.request_hash)


@attrs.frozen(slots=True)
class FindOpen(Need["Intent | None"]):
    """The document whose fate is not known."""

    def perform(self, means: Means) -> Intent | None:
        return means.store.open_intent()


@attrs.frozen(slots=True)
class FindVoid(Need["list[Intent]"]):
    """Documents that were given up under the next number."""

    sequence: int

    def perform(self, means: Means) -> list[Intent]:
        return means.store.void_intents(self.sequence)


@attrs.frozen(slots=True)
class FindBehind(Need["list[bytes]"]):
    """Our documents from a place on, if the link before it is this one; none where it is not."""

    sequence: int
    previous: bytes
    most: int

    def perform(self, means: Means) -> list[bytes]:
        first = means.store.document(self.sequence)
        if first is None or read_signed(first).header.previous != self.previous:
            return []
        return [compact for _, compact in islice(means.store.documents(self.sequence - 1), self.most)]


@attrs.frozen(slots=True)
class FindOriginal(Need["Original | None"]):
    """A sale in this register's own memory (S0-057, K-21)."""

    sequence: int

    def perform(self, means: Means) -> Original | None:
        compact = means.store.document(self.sequence)
        if compact is None:
            return None
        document = read_document(read_signed(compact).payload)
        if document.sale is None:
            return None
        back = means.store.given_back(self.sequence)
        return Original(document=document, sale=document.sale, given_back=back)


@attrs.frozen(slots=True, kw_only=True)
class SignDocument(Need[bytes]):
    """The compact form of a document in its place."""

    certificate_hash: bytes
    audience: str
    device: Uid
    sequence: int
    previous: bytes
    time_ms: int
    payload: bytes

    def perform(self, means: Means) -> bytes:
        header = DocumentHeader(
            kid=self.certificate_hash,
            audience=self.audience,
            device=self.device,
            sequence=self.sequence,
            previous=self.previous,
            nonce=means.random(16),
            time_ms=self.time_ms,
        )
        return write_signed(header, self.payload, means.sign)


@attrs.frozen(slots=True)
class SignCode(Need[str]):
    """The letters of a receipt's code; empty for a report."""

    compact: bytes

    def perform(self, means: Means) -> str:
        return code_of(self.compact, means.sign)


@attrs.frozen(slots=True)
class KeepIntent(Need["Intent"]):
    """First commit; gives the intent with its number."""

    intent: Intent

    def perform(self, means: Means) -> Intent:
        means.store.keep_intent(self.intent)
        found = means.store.open_intent()
        assert found is not None
        return found


@attrs.frozen(slots=True)
class Deliver(Need[Delivered]):
    """To the authority, or into write-once memory."""

    compact: bytes
    now: datetime

    def perform(self, means: Means) -> Delivered:
        return means.way.deliver(self.compact, self.now)


@attrs.frozen(slots=True)
class Forget(Need[None]):
    """Nothing left the device: the number is free again."""

    intent: Intent

    def perform(self, means: Means) -> None:
        means.store.forget(self.intent)


@attrs.frozen(slots=True)
class Void(Need[None]):
    """The document was refused: the number is free again."""

    intent: Intent
    cause: str

    def perform(self, means: Means) -> None:
        means.store.void(self.intent, self.cause)


@attrs.frozen(slots=True)
class Keep(Need[None]):
    """Second commit."""

    kept: Kept
    standing: Standing

    def perform(self, means: Means) -> None:
        means.store.keep(self.kept, self.standing)


@attrs.frozen(slots=True)
class TakeGenesis(Need[None]):
    """The authority's word for the link before the first document."""

    link: bytes

    def perform(self, means: Means) -> None:
        means.store.set_genesis(self.link)


@attrs.frozen(slots=True)
class Stop(Need[None]):
    """Sign nothing more."""

    reason: str

    def perform(self, means: Means) -> None:
        means.store.stop(self.reason)
