"""What a worker is told of a part, and the small report that it hands back to whoever joins the parts."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

import attrs

from tallystick.kernel.faults import Fault
from tallystick.verifier.breaks import Break
from tallystick.verifier.refunds import Original, Refund
from tallystick.verifier.registers import Happened
from tallystick.verifier.stretches import Key, Ranges, Registration, Stretch
from tallystick.wire.ledger_export import Part
from tallystick.wire.settled_place import SettledPlace


@attrs.frozen(slots=True, kw_only=True)
class PartTask:
    """What a worker needs. ``sizes`` are those of heads inside of the part; ``floors`` (size, Unix ms) tell when
    witnesses have seen a log of that size; ``final`` is size and root of the last head, for a selection."""

    folder: str
    part: Part
    origin: str
    selection: bool
    main: Key | None
    sizes: tuple[int, ...]
    floors: tuple[tuple[int, int], ...]
    final: tuple[int, bytes]


class Tombstone(NamedTuple):
    """An entry whose body was erased: the entry that is said to have ordered it, and the hash that the record names."""

    place: int
    ordered: int
    body_hash: str


@attrs.define(slots=True)
class PartReport:
    """What a part proved, and what it hands on. ``nodes`` are its perfect nodes, ``at`` those at the sizes asked for.

    ``erased`` holds what orders of erasure (kind 07) name: the order's index and the entry's, with the body's hash.
    ``certified`` are certificates that the log tells of without a device's registration, ``national`` those that signed
    national documents. ``happened`` is what registers
    did, ``refunds`` and ``originals`` what was given back, ``taxpayers`` for whom each register signed first.
    ``settled`` are places of registers that are lost, with the index of their entry.
    ``damage`` is set when the file itself cannot be read to its end; then the rest says what came before.
    """

    part: Part
    breaks: list[Break]
    damage: Fault | None = None
    nodes: tuple[bytes, ...] = ()
    whole: bool = False
    blind: bool = False
    at: dict[int, tuple[bytes, ...]] = attrs.Factory(dict)
    stretches: dict[Key, Stretch] = attrs.Factory(dict)
    ordinals: dict[str, Ranges] = attrs.Factory(dict)
    counters: dict[tuple[str, str], tuple[int, int, int, int, int]] = attrs.Factory(dict)
    registrations: list[Registration] = attrs.Factory(list)
    used: dict[bytes, int] = attrs.Factory(dict)
    certified: set[bytes] = attrs.Factory(set)
    national: set[bytes] = attrs.Factory(set)
    happened: dict[str, list[Happened]] = attrs.Factory(dict)
    refunds: list[Refund] = attrs.Factory(list)
    originals: dict[str, Original] = attrs.Factory(dict)
    taxpayers: dict[str, tuple[str, int]] = attrs.Factory(dict)
    settled: list[tuple[int, SettledPlace]] = attrs.Factory(list)
    tombstones: list[Tombstone] = attrs.Factory(list)
    erased: dict[tuple[int, int], str] = attrs.Factory(dict)
    tally: Counter[str] = attrs.Factory(Counter)
    last_ms: int = 0
    cut: int = 0
