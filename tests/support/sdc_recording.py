"""What stands behind the device API in tests of its door alone: a pipeline and an audit room that write down."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

import attrs

from tallystick.kernel.fixed_point import Money
from tallystick.wire.audit_package import read_sealed


@attrs.frozen
class Verdict:
    """What the pipeline says."""

    status: int = 4
    replayed: bool = False
    step: int = 15
    code: str = ""


@attrs.define
class RecordingIntake:
    """Stands where the pipeline stands: reads the envelope as it does, and answers what the test wants."""

    verdict: Verdict = Verdict()
    error: Exception | None = None
    seconds: float = 0.0
    seen: list[tuple[bytes, str, str, datetime]] = attrs.field(factory=list)

    async def submit_package(self, body: bytes, *, token_uid: str, token_tin: str, received_at: datetime) -> Verdict:
        read_sealed(body)
        self.seen.append((body, token_uid, token_tin, received_at))
        await asyncio.sleep(self.seconds)
        if self.error is not None:
            raise self.error
        return self.verdict


@attrs.define
class RecordingAudit:
    """Stands where the proof-of-audit service stands."""

    missing: Sequence[tuple[int, int]] = ()
    requests: list[tuple[str, bytes, Money, Money]] = attrs.field(factory=list)
    gone: list[Sequence[tuple[int, int]]] = attrs.field(factory=list)
    reports: list[tuple[str, UUID, bool]] = attrs.field(factory=list)

    def receive_request(
        self,
        conn: Any,
        uid: str,
        payload: bytes,
        sum: Money,
        limit: Money,
        at: datetime,
        gone: Sequence[tuple[int, int]] = (),
    ) -> Sequence[tuple[int, int]]:
        self.gone.append(gone)
        self.requests.append((uid, payload, sum, limit))
        return self.missing

    def command_reported(self, conn: Any, uid: str, command_id: UUID, success: bool, at: datetime) -> None:
        self.reports.append((uid, command_id, success))
