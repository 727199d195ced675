"""National devices and their certificates in memory: what the intake asks for each document, without SQL."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Protocol

import attrs

from tallystick.authority.reference.registry import device_store, store
from tallystick.authority.reference.registry.values import DeviceCertificate, NationalDevice, Revocation
from tallystick.authority.room_queries import Connection
from tallystick.crypto.generations import is_authority
from tallystick.kernel.device_policy import DeviceState
from tallystick.kernel.identifiers import Uid
from tallystick.kernel.instants import Clock


class AgreementsInMemory(Protocol):
    """Who has an agreement, as another view knows it."""

    def in_force(self, tin: str, at: datetime) -> bool:
        """Whether the taxpayer has one at that moment."""


class NationalDirectory:
    """Devices of the national channels as they stood at the last refresh. Refreshed by `reference.following`.

    One thread refreshes, any thread reads: values are replaced whole, never changed. Whether there is an agreement is
    asked anew each time, since one begins and ends with the clock and without a change of its row.
    """

    channel = "registry"

    def __init__(self, clock: Clock, agreements: AgreementsInMemory) -> None:
        self._clock = clock
        self._agreements = agreements
        self._devices: dict[str, tuple[NationalDevice, NationalDevice]] = {}
        self._certificates: dict[bytes, DeviceCertificate] = {}
        self._withdrawn: dict[str, Revocation] = {}
        self._signers: dict[str, set[bytes]] = {}
        self._on_hold: set[str] = set()
        self._held_signers: frozenset[bytes] = frozenset()
        self._since = "0"
        self.refreshed_at: datetime | None = None
        """When the view last agreed with the database; none before the first refresh."""

    def refresh(self, conn: Connection) -> None:
        """Take over what changed. A transaction that was open the last time is asked for again."""
        moment = self._clock()
        since = store.oldest_open_transaction(conn)
        for certificate in device_store.changed_certificates(conn, self._since):
            self._certificates[certificate.certificate_hash] = certificate
            self._signers.setdefault(certificate.uid, set()).add(certificate.certificate_hash)
        for device in device_store.changed_devices(conn, self._since):
            self._devices[device.uid] = (
                attrs.evolve(device, has_agreement=False),
                attrs.evolve(device, has_agreement=True),
            )
            (self._on_hold.add if device.state is DeviceState.HOLD else self._on_hold.discard)(device.uid)
        for revocation in store.changed_revocations(conn, self._since):
            if is_authority(revocation.uid):
                self._withdrawn[revocation.uid] = revocation
        self._held_signers = frozenset(self._in_force_of(self._on_hold, moment))
        self._since = since
        self.refreshed_at = moment

    def device(self, uid: Uid | str) -> NationalDevice | None:
        """The registered device of that UID, as it stands now."""
        known = self._devices.get(uid)
        return None if known is None else known[self._agreements.in_force(known[0].tin, self._clock())]

    def certificate(self, certificate_hash: bytes) -> DeviceCertificate | None:
        """A certificate that was issued to a device, by the SHA-256 of its DER; revoked ones too.

        One whose authority is withdrawn is revoked from then on, whether or not it is on a list itself.
        """
        found = self._certificates.get(certificate_hash)
        withdrawal = None if found is None else self._withdrawn.get(found.authority)
        if found is None or withdrawal is None or found.was_revoked(withdrawal.revoked_at):
            return found
        return attrs.evolve(found, revoked_at=withdrawal.revoked_at, revocation_reason=withdrawal.reason)

    def held_signers(self) -> frozenset[bytes]:
        """Certificates in force of devices on hold, by their hashes, as of the last refresh."""
        return self._held_signers

    def _in_force_of(self, uids: Iterable[str], at: datetime) -> Iterator[bytes]:
        for uid in uids:
            for signer in self._signers.get(uid, ()):
                found = self.certificate(signer)
                if found is not None and not found.was_revoked(at):
                    yield signer

    def __len__(self) -> int:
        """How many devices are known."""
        return len(self._devices)
