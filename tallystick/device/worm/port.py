"""What a fiscal memory must offer, whoever makes it (S0-031, S0-087): the contract of class 2 as a typed port.

| | Contract | Here |
|---|---|---|
| 1 | append and read are the only commands on what is written | there is no verb that changes or removes a record |
| 2 | a monotonic counter rises with each append and cannot be reset | `Head.counter` |
| 3 | an identity key of its own, and a signed head on request | `identity`, `signed_head` |
| 4 | append is atomic at a power cut, for 4 KiB at least | `append` returns when the record is durable |
| 5 | 5 years or 2 million records; almost full at 90 %, full stops sales | `state`, ``TS-3201`` |
| 6 | an update of the firmware cannot touch the contents | the maker's proof; a note is written |
| 7 | a closure makes it read-only for ever | `close_for_ever`, ``TS-3202`` |
| 8 | a report of an independent laboratory is on file | `Passport.laboratory_report` |
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.crypto.keys import PublicKey
from tallystick.wire.worm import Record, RecordKind
from tallystick.wire.worm_contents import Anchor, Note, SealStatement, SignedHead

Sign = Callable[[bytes], bytes]
"""Signs a text with the device's key: ES256, r and s, 64 bytes."""


@attrs.frozen(slots=True, kw_only=True)
class Capacity:
    """How much a memory holds: records, and bytes on the medium; beyond either it is full."""

    records: int
    data_bytes: int


@attrs.frozen(slots=True, kw_only=True)
class Passport:
    """What a memory says of itself. A simulation is refused for production classes (S0-087).

    ``laboratory_report`` is the SHA-256 of the report that lies with the authority; none for a simulation.
    """

    maker: str
    model: str
    is_simulation: bool
    laboratory_report: bytes | None = None


@attrs.frozen(slots=True, kw_only=True)
class Head:
    """The end of the memory: number and link (32 bytes) of the last record, its segment, and the monotonic counter.

    An empty memory has ``seq`` 0 and the genesis as ``link``.
    """

    seq: int
    link: bytes
    segment: int
    counter: int


@attrs.frozen(slots=True, kw_only=True)
class State:
    """How full a memory is and what it waits for.

    ``full`` refuses documents, not what closes a shift or the memory. ``unsealed`` counts the records that no seal
    covers; with ``seal_due`` the next document is refused until `seal`.
    """

    records: int
    data_bytes: int
    capacity: Capacity
    almost_full: bool
    full: bool
    closed: bool
    unsealed: int
    seal_due: bool
    last_seal: SealStatement | None


class WriteOnceMemory(Protocol):
    """A fiscal memory in use by one program. Appending is for one thread at a time; reading is safe beside it.

    Every verb raises ``TS-3203`` when what is read was changed, and ``TS-3206`` when the medium fails; after a
    ``TS-3206`` the memory must be opened anew, and the record whose append failed may be there or not.
    """

    @property
    def uid(self) -> str:
        """The device that it belongs to."""

    @property
    def passport(self) -> Passport:
        """What it says of itself."""

    @property
    def is_simulation(self) -> bool:
        """Whether software plays the hardware."""

    @property
    def identity(self) -> PublicKey:
        """The public half of the memory's own key, which signs heads; not that of the device."""

    @property
    def head(self) -> Head:
        """The end of what is durable."""

    @property
    def state(self) -> State:
        """How full it is and what it waits for."""

    def append(self, kind: RecordKind, data: bytes, at: datetime) -> int:
        """Write a document or Z-report and return its number once it is durable.

        Raises ``TS-3201`` (full; documents only), ``TS-3202`` (closed), ``TS-3207`` (a seal is due first),
        ``TS-3208`` (a kind with a verb of its own, or bytes out of bounds).
        """

    def anchor(self, answer: Anchor, at: datetime) -> int:
        """Write the operator's answer, so that memory and log hold each other's head; raises as `append`."""

    def note(self, event: Note, at: datetime) -> int:
        """Write an event of the device, such as power-up or a changed clock; raises as `append`."""

    def seal(self, card_counter: int, sign: Sign, at: datetime) -> int:
        """Have the device sign the head, and write that; at each Z-report, each 50 records, each synchronisation.

        Raises ``TS-3209`` when the card's counter is lower than in the seal before, ``TS-3208`` for a signature of
        another form, ``TS-3202``. What ``sign`` raises goes on up, and nothing is written then.
        """

    def close_for_ever(self, document: bytes, card_counter: int, sign: Sign, at: datetime) -> int:
        """Write the document of closure and a last seal; then nothing can be written any more (S1-019, S1-033).

        A closure without its seal, as a power cut leaves it, is sealed by the same call again. Raises ``TS-3202`` when
        it was closed and sealed before, and what `seal` raises.
        """

    def signed_head(self, challenge: bytes) -> SignedHead:
        """Counter and link, signed by the memory's own key over 32 bytes that the asker chose."""

    def read(self, seq: int) -> Record:
        """One record; raises ``TS-3200`` when there is none of that number."""

    def records(self, from_seq: int = 1) -> Iterator[Record]:
        """All records from a number on, up to the head as it is now; each is checked to follow the one before."""

    def release(self) -> None:
        """Let go of the medium. Nothing is closed by this but files."""
