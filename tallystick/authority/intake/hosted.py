"""What a hosted signer of ours hands to the pipeline: a document in clear, with the counters that it sealed itself."""

from __future__ import annotations

from datetime import datetime

import attrs

from tallystick.authority.intake.package import Package
from tallystick.authority.intake.unwrap_messages import OpenedPackage
from tallystick.authority.ledger.entry import Channel
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import sha256
from tallystick.wire.audit_package import AuditData, SealedPackage
from tallystick.wire.card import InternalData


@attrs.frozen(slots=True, kw_only=True)
class HostedDocument:
    """A signed invoice of a POS. ``data.plain`` is its body in the ledger; ``internal`` is what lies sealed in it.

    ``requested_by`` and ``tin`` are those of the client certificate; ``started`` is when its work began (seconds of
    ``perf_counter``, for the metric).
    """

    data: AuditData
    internal: InternalData
    requested_by: str
    tin: str
    received_at: datetime
    started: float

    def as_package(self) -> Package:
        """The document where steps 3 and 4 leave it: opened and read, for its signer wrote it."""
        plain = self.data.plain
        package = Package(plain, self.requested_by, self.tin, self.received_at, sha256(plain))
        package.channel = Channel.VSDC
        package.unwrapped, package.read, package.internal = OpenedPackage(plain), self.data, self.internal
        return package


class NothingSealed:
    """The `ports.Unwrap` of a process that gets nothing sealed and holds no key to open it."""

    async def open_package(self, sealed: SealedPackage) -> OpenedPackage:
        """Raises ``TS-5004``."""
        raise Fault("TS-5004", detail="this process opens no packages")

    async def open_internal_data(self, sealed: bytes) -> bytes:
        """Raises ``TS-5004``."""
        raise Fault("TS-5004", detail="this process opens no packages")
