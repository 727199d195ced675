"""Where each sequence of the ledger stands, in memory: heads of devices, taxpayers, types and days, and the tree.

A batch works on copies that it lays over the heads (``Overlay``); only after its commit do they take their place.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from typing import Generic, Protocol, TypeVar

import attrs

from tallystick.authority.ledger.growing_tree import GrowingTree
from tallystick.wire.compact_jws import write_base64url

Device = tuple[str, str]
"""The pair (requestedBy, signedBy)."""


@attrs.define(slots=True)
class Head:
    """The end of a taxpayer's, a type's or a day's sequence: its length, last link and total (amount x 10000)."""

    seq: int
    link: bytes
    total: int = 0
    salt: bytes = b""

    def copy(self) -> Head:
        """A head of its own with the same values."""
        return Head(self.seq, self.link, self.total, self.salt)


Ranges = tuple[tuple[int, int], ...]


@attrs.define(slots=True)
class DeviceHead:
    """The end of a device's sequence, the highest ordinal of its card, and which ordinals below it lack."""

    requested_by: str
    signed_by: str
    tin: str
    link: bytes
    certificate_hash: bytes
    registration_index: int
    seq: int = 0
    total: int = 0
    highest: int = 0
    holes: Ranges = ()

    def copy(self) -> DeviceHead:
        """A head of its own with the same values."""
        return DeviceHead(
            self.requested_by,
            self.signed_by,
            self.tin,
            self.link,
            self.certificate_hash,
            self.registration_index,
            self.seq,
            self.total,
            self.highest,
            self.holes,
        )

    @property
    def missing(self) -> int:
        """How many ordinals below the highest have not arrived."""
        return sum(last - first + 1 for first, last in self.holes)

    @property
    def next_place(self) -> dict[str, str]:
        """What a device is told that signed another place than its next one: number and link before it."""
        return {"ts-seq": str(self.seq + 1), "ts-prev": write_base64url(self.link).decode("ascii")}

    def lacks(self, ordinal: int) -> bool:
        """Whether the ordinal is one that has not arrived yet."""
        if ordinal > self.highest:
            return True
        place = bisect_left(self.holes, ordinal, key=lambda hole: hole[1])
        return place < len(self.holes) and self.holes[place][0] <= ordinal

    def arrive(self, ordinal: int) -> None:
        """Note that an ordinal which lacked has arrived."""
        if ordinal > self.highest:
            if ordinal > self.highest + 1:
                self.holes = (*self.holes, (self.highest + 1, ordinal - 1))
            self.highest = ordinal
            return
        place = bisect_left(self.holes, ordinal, key=lambda hole: hole[1])
        first, last = self.holes[place]
        rest = tuple(part for part in ((first, ordinal - 1), (ordinal + 1, last)) if part[0] <= part[1])
        self.holes = self.holes[:place] + rest + self.holes[place + 1 :]


def hole_changes(before: Ranges, after: Ranges) -> dict[int, int]:
    """What to write so that stored ranges ``before`` become ``after``: last ordinal -> first (beyond it: filled)."""
    old, new = ({last: first for first, last in ranges} for ranges in (before, after))
    changes = {last: first for last, first in new.items() if old.get(last) != first}
    changes.update({last: last + 1 for last in old if last not in new})
    return changes


@attrs.define(slots=True)
class LedgerState:
    """All heads, the tree and the counters that go on from batch to batch."""

    devices: dict[Device, DeviceHead] = attrs.Factory(dict)
    partners: dict[str, tuple[str, ...]] = attrs.Factory(dict)
    taxpayers: dict[str, Head] = attrs.Factory(dict)
    types: dict[int, Head] = attrs.Factory(dict)
    days: dict[int, Head] = attrs.Factory(dict)
    tree: GrowingTree = attrs.Factory(GrowingTree)
    batch: int = 0
    total_bytes: int = 0

    @property
    def size(self) -> int:
        """Number of entries in the ledger."""
        return self.tree.size

    def add_device(self, head: DeviceHead) -> None:
        """Take on a device; ``partners`` tells for a signer who asks it to sign."""
        self.devices[head.requested_by, head.signed_by] = head
        known = self.partners.get(head.signed_by, ())
        if head.requested_by not in known:
            self.partners[head.signed_by] = (*known, head.requested_by)


Key = TypeVar("Key")
Value = TypeVar("Value")
AskedKey_contra = TypeVar("AskedKey_contra", contravariant=True)
GivenValue_co = TypeVar("GivenValue_co", covariant=True)


class Lookup(Protocol[AskedKey_contra, GivenValue_co]):
    """The part of a dictionary that planning needs."""

    def get(self, key: AskedKey_contra, /) -> GivenValue_co | None:
        """The value of a key, or none."""

    def __getitem__(self, key: AskedKey_contra, /) -> GivenValue_co:
        """The value of a key that must be there."""


class State(Protocol):
    """What a batch is planned upon: the heads as they are committed, or as a batch in flight will leave them."""

    @property
    def devices(self) -> Lookup[Device, DeviceHead]: ...
    @property
    def partners(self) -> Lookup[str, tuple[str, ...]]: ...
    @property
    def taxpayers(self) -> Lookup[str, Head]: ...
    @property
    def types(self) -> Lookup[int, Head]: ...
    @property
    def days(self) -> Lookup[int, Head]: ...
    @property
    def tree(self) -> GrowingTree: ...
    @property
    def batch(self) -> int: ...
    @property
    def total_bytes(self) -> int: ...
    @property
    def size(self) -> int: ...


class _Layered(Generic[Key, Value]):
    """One dictionary over another; neither is written through it."""

    __slots__ = ("_above", "_below")

    def __init__(self, above: Mapping[Key, Value], below: Lookup[Key, Value]) -> None:
        self._above = above
        self._below = below

    def get(self, key: Key, /) -> Value | None:
        value = self._above.get(key)
        return self._below.get(key) if value is None else value

    def __getitem__(self, key: Key, /) -> Value:
        value = self._above.get(key)
        return self._below[key] if value is None else value


class PendingState:
    """The ledger as it will be once a batch that is planned is committed; the next batch may be planned upon it."""

    __slots__ = ("batch", "days", "devices", "partners", "taxpayers", "total_bytes", "tree", "types")

    def __init__(self, overlay: Overlay, base: LedgerState, tree: GrowingTree, batch: int, total_bytes: int) -> None:
        self.devices: Lookup[Device, DeviceHead] = _Layered(overlay.devices, base.devices)
        self.partners: Lookup[str, tuple[str, ...]] = _Layered(overlay.new_partners(base), base.partners)
        self.taxpayers: Lookup[str, Head] = _Layered(overlay.taxpayers, base.taxpayers)
        self.types: Lookup[int, Head] = _Layered(overlay.types, base.types)
        self.days: Lookup[int, Head] = _Layered(overlay.days, base.days)
        self.tree = tree
        self.batch = batch
        self.total_bytes = total_bytes

    @property
    def size(self) -> int:
        """Number of entries in the ledger then."""
        return self.tree.size


class Overlay:
    """The heads that a batch has touched, as copies over those of the state."""

    __slots__ = ("base", "days", "devices", "taxpayers", "types")

    def __init__(self, base: State) -> None:
        self.base = base
        self.devices: dict[Device, DeviceHead] = {}
        self.taxpayers: dict[str, Head] = {}
        self.types: dict[int, Head] = {}
        self.days: dict[int, Head] = {}

    def device(self, device: Device) -> DeviceHead | None:
        """The batch's own copy of a device's head; None for a device without one."""
        head = self.devices.get(device)
        if head is None:
            booked = self.base.devices.get(device)
            if booked is None:
                return None
            head = self.devices[device] = booked.copy()
        return head

    def surely_new(self, head: DeviceHead, ordinal: int) -> bool:
        """Whether nothing of this signer can be booked under the ordinal, so that no table need be asked."""
        if not head.lacks(ordinal):
            return False
        signed_by = head.signed_by
        for partner in self.base.partners.get(signed_by) or ():
            if partner != head.requested_by:
                other = self.devices.get((partner, signed_by)) or self.base.devices[partner, signed_by]
                if not other.lacks(ordinal):
                    return False
        return True

    def new_partners(self, base: LedgerState) -> dict[str, tuple[str, ...]]:
        """Who asks a signer to sign, for signers with a pair that the state does not have."""
        found: dict[str, tuple[str, ...]] = {}
        for requested_by, signed_by in self.devices:
            known = found.get(signed_by) or base.partners.get(signed_by) or ()
            if requested_by not in known:
                found[signed_by] = (*known, requested_by)
        return found

    def settle(self, state: LedgerState) -> None:
        """The batch is committed: its heads are the heads."""
        for head in self.devices.values():
            state.add_device(head)
        state.taxpayers.update(self.taxpayers)
        state.types.update(self.types)
        state.days.update(self.days)
