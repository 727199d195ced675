"""The registry in memory: what the hot path asks, without SQL. Refreshed by `reference.following`."""

from __future__ import annotations

from datetime import datetime

from tallystick.authority.reference.registry import store
from tallystick.authority.reference.registry.values import Revocation, SecureElementEntry, Taxpayer
from tallystick.authority.room_queries import Connection
from tallystick.kernel.identifiers import Tin, Uid
from tallystick.kernel.instants import Clock


class Directory:
    """Secure elements, taxpayers and revoked certificates as they stood at the last refresh.

    One thread refreshes, any thread reads: entries are replaced whole, never changed.
    """

    channel = "registry"

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._elements: dict[str, SecureElementEntry] = {}
        self._taxpayers: dict[str, Taxpayer] = {}
        self._revoked: dict[bytes, Revocation] = {}
        self._since = "0"
        self.revocations_seen = 0
        """Rises with each revocation, and each end of one, that a refresh brings."""
        self.refreshed_at: datetime | None = None
        """When the view last agreed with the database; none before the first refresh."""

    def refresh(self, conn: Connection) -> None:
        """Take over what changed. A transaction that was open the last time is asked for again."""
        moment = self._clock()
        since = store.oldest_open_transaction(conn)
        for taxpayer in store.changed_taxpayers(conn, self._since):
            self._taxpayers[taxpayer.tin] = taxpayer
        for revocation in store.changed_revocations(conn, self._since):
            self._take(revocation)
        for entry in store.changed_secure_elements(conn, self._since):
            self._elements[entry.uid] = entry
        self._since = since
        self.refreshed_at = moment

    def _take(self, revocation: Revocation) -> None:
        digest = revocation.certificate_hash
        standing = revocation if revocation.lifted_at is None else None
        if self._revoked.get(digest) == standing:
            return
        self.revocations_seen += 1
        if standing is None:
            del self._revoked[digest]
        else:
            self._revoked[digest] = standing

    def secure_element(self, uid: Uid | str) -> SecureElementEntry | None:
        """The registered element of that UID."""
        return self._elements.get(uid)

    def taxpayer(self, tin: Tin | str) -> Taxpayer | None:
        """The registered taxpayer of that TIN."""
        return self._taxpayers.get(tin)

    def certificate_revoked_at(self, certificate_hash: bytes) -> datetime | None:
        """When the certificate with that SHA-256 was revoked; none when it was not."""
        revocation = self._revoked.get(certificate_hash)
        return None if revocation is None else revocation.revoked_at

    def revocation(self, certificate_hash: bytes) -> Revocation | None:
        """The revocation of the certificate with that SHA-256; none when none stands."""
        return self._revoked.get(certificate_hash)

    def __len__(self) -> int:
        """How many secure elements are known."""
        return len(self._elements)
