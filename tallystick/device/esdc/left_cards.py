"""Packages that earlier cards of this slot left behind (S2-132, S2-133).

Those of the environment of the card now inserted are sent in its session (K-23), before its own; those of another
environment stay until the old card returns. Each store is opened for one job and closed again, so that its card finds
it free wherever it is put in.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import attrs
import msgspec

from tallystick.device.esdc.database import StoreBroken, StoreTaken
from tallystick.device.esdc.device_log import DeviceLog, Kind
from tallystick.device.esdc.settings import Storage
from tallystick.device.esdc.store import Store
from tallystick.kit.atomic_file import write_atomically

STORE_FILE = "esdc.db"
_FILE = "cards.json"
_CARDS_KEPT = 64


@attrs.frozen(slots=True)
class LeftCard:
    """An earlier card of this slot whose packages still wait."""

    uid: str
    environment: str
    waiting: int


class LeftCards:
    """The earlier cards of one slot; without a home nothing is remembered. Works in the device's thread."""

    def __init__(self, stores: Path, home: Path | None, storage: Storage, log: DeviceLog) -> None:
        self._stores = stores
        self._file = None if home is None else home / _FILE
        self._storage = storage
        self._log = log
        self._known: dict[str, str] = self._read()
        self.waiting: tuple[LeftCard, ...] = ()
        """What was found at the last insertion, less what was sent since."""

    def _read(self) -> dict[str, str]:
        if self._file is None:
            return {}
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, str])
        except FileNotFoundError:
            return {}
        except (OSError, msgspec.DecodeError) as error:
            self._log.failure(Kind.INTERNAL, "the list of earlier cards cannot be read", error)
            return {}

    @property
    def known(self) -> tuple[str, ...]:
        """The UIDs of all cards that were in this slot, the inserted one among them."""
        return tuple(self._known)

    def inserted(self, uid: str, environment: str) -> None:
        """Remember this card, and look what the others left."""
        if self._known.get(uid) != environment:
            self._known.pop(uid, None)
            self._known[uid] = environment
            self._keep()
        found = (self._count(other) for other in tuple(self._known) if other != uid)
        self.waiting = tuple(left for left in found if left is not None and left.waiting)
        for left in self.waiting:
            there = "are sent first" if left.environment == environment else "stay until it returns"
            self._log.event(Kind.DEVICE, f"{left.waiting} packages of card {left.uid} wait and {there}")

    def _keep(self) -> None:
        while len(self._known) > _CARDS_KEPT:
            del self._known[next(iter(self._known))]
        if self._file is None:
            return
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_atomically(self._file, msgspec.json.encode(self._known))
        except OSError as error:
            self._log.failure(Kind.INTERNAL, "the list of earlier cards cannot be written", error)

    def _count(self, uid: str) -> LeftCard | None:
        with self._opened(uid) as store:
            return None if store is None else LeftCard(uid, self._known[uid], store.waiting_count())

    def of(self, environment: str) -> list[LeftCard]:
        """Whose packages can be sent in a session of that environment."""
        return [left for left in self.waiting if left.environment == environment]

    def packages(self, uid: str, most: int, after: int) -> list[tuple[int, bytes]]:
        """The next packages of an earlier card; none when its store is in use or broken."""
        with self._opened(uid) as store:
            return [] if store is None else store.waiting(most, after)

    def settle(self, uid: str, judged: Iterable[tuple[int, int]], *, keep_until_proof: bool, now: datetime) -> None:
        """Take the authority's verdicts, durably."""
        with self._opened(uid) as store:
            if store is None:
                return
            store.settle(judged, keep_until_proof=keep_until_proof, now=now)
            store.write_notes()
            count = store.waiting_count()
        renewed = (attrs.evolve(left, waiting=count) if left.uid == uid else left for left in self.waiting)
        self.waiting = tuple(left for left in renewed if left.waiting)

    def forget_waiting(self, uid: str) -> None:
        """Nothing can be read there now; the next insertion looks again."""
        self.waiting = tuple(left for left in self.waiting if left.uid != uid)

    @contextmanager
    def _opened(self, uid: str) -> Iterator[Store | None]:
        """The store of an earlier card for one job; none when there is none, it is in use, or it cannot be trusted."""
        path = self._stores / uid / STORE_FILE
        store: Store | None = None
        try:
            if path.is_file():
                store = Store(path, uid=uid, environment=self._known[uid], storage=self._storage)
        except StoreTaken:
            pass  # its card is in another slot, which sends for itself
        except StoreBroken as error:
            self._log.error(Kind.INTERNAL, f"the store of card {uid}: {error}")
        try:
            yield store
        finally:
            if store is not None:
                self._close(uid, store)

    def _close(self, uid: str, store: Store) -> None:
        try:
            store.close()
        except StoreBroken as error:
            self._log.error(Kind.INTERNAL, f"the store of card {uid}: {error}")
