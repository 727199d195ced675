"""POS and signing elements in memory, for the hot path. Refreshed by `reference.following`."""

from __future__ import annotations

from tallystick.authority.channels.vsdc import store
from tallystick.authority.channels.vsdc.values import PosEntry, SignerEntry
from tallystick.authority.room_queries import Connection


class HostedDirectory:
    """What this room's tables said at the last refresh; entries are replaced whole, any thread reads."""

    channel = "vsdc"

    def __init__(self) -> None:
        self._pos: dict[str, PosEntry] = {}
        self._signers: dict[str, SignerEntry] = {}
        self._since = "0"

    def refresh(self, conn: Connection) -> None:
        """Take over what changed."""
        since = store.oldest_open_transaction(conn)
        for entry in store.changed_pos(conn, self._since):
            self._pos[entry.uid] = entry
        self._signers = {signer.uid: signer for signer in store.all_signers(conn)}
        self._since = since

    def pos(self, uid: str) -> PosEntry | None:
        """The enrolled POS of that UID."""
        return self._pos.get(uid)

    def signer(self, uid: str) -> SignerEntry | None:
        """The signing element of that UID."""
        return self._signers.get(uid)

    @property
    def signers(self) -> tuple[SignerEntry, ...]:
        """All signing elements, by UID."""
        return tuple(self._signers.values())
