"""The worker's part: takes stored files in order and has them judged, each by the room that judges it for devices.

Packages go through the one intake pipeline. A doubt of ours (status 1, a fault 50xx) lets a file wait and come again.
Everything can be repeated: a file that was judged when power failed is judged again, with the same answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Protocol

import attrs

from tallystick.authority.channels.sdc import operations
from tallystick.authority.channels.sdc.services import PackageVerdict, ProofOfAudit
from tallystick.authority.channels.sdc.uploads import store
from tallystick.authority.channels.sdc.uploads.values import FileKind, Verdict, WaitingFile
from tallystick.authority.reference.commands import operations as commands
from tallystick.authority.reference.registry import queries as registry
from tallystick.authority.room_queries import Connection
from tallystick.kernel.faults import Fault
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.wire.card import ArpContent
from tallystick.wire.media_files import read_media_name
from tallystick.wire.taxcore_api import CommandType, read_reports

log = logging.getLogger(__name__)

BATCH_FILES = 1024
BATCH_BYTES = 32 * 1024 * 1024
IN_WORK = 60
_NOT_STORED = 1
_FIRST_PAUSE = timedelta(seconds=2)
_LONGEST_PAUSE = timedelta(minutes=5)
_LATER = frozenset({"TS-1006", "TS-1109"})
_DETAIL_CHARACTERS = 300
_DETAILED_RESULTS = 5


class NamedIntake(Protocol):
    """The pipeline, told what the file's name says."""

    async def submit_package(
        self,
        body: bytes,
        *,
        token_uid: str,
        token_tin: str,
        received_at: datetime,
        named: SdcInvoiceNumber | None = None,
    ) -> PackageVerdict:
        """Judge and book. Raises ``TS-1204`` for another invoice than the name says."""


class RequestDesk(ProofOfAudit, Protocol):
    """Proofs of audit, for a request of which only the sealed block is at hand."""

    def read_request(self, payload: bytes) -> ArpContent:
        """What a card's request says; raises ``TS-3101``."""


@attrs.frozen(slots=True, kw_only=True)
class JudgingServices:
    """What the work needs; ``initial_commands`` gives the set that initialises a device (S2-002)."""

    intake: NamedIntake
    desk: RequestDesk
    initial_commands: Callable[[], list[tuple[CommandType, str]]]


async def judge_packages(services: JudgingServices, files: Sequence[WaitingFile], now: datetime) -> list[Verdict]:
    """Judge packages side by side, as many at a time as one process of the device API takes on."""
    gate = asyncio.Semaphore(IN_WORK)

    async def one(file: WaitingFile) -> Verdict:
        async with gate:
            return await _judge_package(services.intake, file, now)

    return await asyncio.gather(*(one(file) for file in files))


async def _judge_package(intake: NamedIntake, file: WaitingFile, now: datetime) -> Verdict:
    name = read_media_name(file.name)
    assert name is not None
    try:
        answer = await intake.submit_package(
            file.body, token_uid=file.uid, token_tin=file.tin, received_at=file.received_at, named=name.number
        )
    except Fault as fault:
        return _of_fault(file, fault, now)
    if answer.status == _NOT_STORED:
        return Verdict(code=answer.code or "TS-5009", again_at=now + pause(file.attempts))
    return Verdict(status=answer.status, replayed=answer.replayed, code=answer.code)


def _of_fault(file: WaitingFile, fault: Fault, now: datetime) -> Verdict:
    """What is refused for good, and what waits because the doubt is ours or the sender's budget is used up."""
    if fault.code.startswith("TS-50") or fault.code in _LATER:
        wait = max(timedelta(seconds=fault.retry_after_seconds or 0), pause(file.attempts))
        return Verdict(code=fault.code, detail=fault.detail[:_DETAIL_CHARACTERS], again_at=now + wait)
    return Verdict(status=fault.audit_status, code=fault.code, detail=fault.detail[:_DETAIL_CHARACTERS])


def pause(attempts: int) -> timedelta:
    """Longer after each attempt, up to five minutes."""
    doubled: int = 1 << min(attempts, 16)
    return min(_FIRST_PAUSE * doubled, _LONGEST_PAUSE)


def judge_other(conn: Connection, services: JudgingServices, file: WaitingFile, now: datetime) -> Verdict:
    """Judge an audit request, results, or a wish; all that it changes is in the caller's transaction."""
    try:
        if file.kind is FileKind.AUDIT_REQUEST:
            return _take_request(conn, services.desk, file)
        if file.kind is FileKind.RESULTS:
            return _take_results(conn, services.desk, file)
        commands.initialise(conn, file.uid, services.initial_commands())
        return Verdict()
    except Fault as fault:
        return _of_fault(file, fault, now)


def _take_request(conn: Connection, desk: RequestDesk, file: WaitingFile) -> Verdict:
    """The card stands in the request itself; the name may say nothing (``ARP.bin``), but nothing else (TS-1204)."""
    content = desk.read_request(file.body)
    if file.uid and content.uid != file.uid:
        raise Fault("TS-1204", detail="the request is of another card than its name says")
    tin = file.tin or registry.owners(conn, [content.uid]).get(content.uid, "")
    if not tin or not file.sender.may(tin):
        raise Fault("TS-4003", detail="not a card of yours")
    missing = desk.receive_request(
        conn, content.uid, file.body, content.unaudited, content.limit, file.received_at
    )  # fmt: skip
    if not missing:
        return Verdict(uid=content.uid)
    shown = ", ".join(str(first) if first == last else f"{first}–{last}" for first, last in missing[:20])
    return Verdict(uid=content.uid, detail=f"missing for the proof: {shown}")


def _take_results(conn: Connection, desk: RequestDesk, file: WaitingFile) -> Verdict:
    """Each line for itself: one that is refused does not hold up the others."""
    if not file.tin:
        raise Fault("TS-4003", detail="not a card of yours")
    reports = read_reports(file.body) if file.body.strip() else ()
    refused: list[tuple[str, str]] = []
    for report in reports:
        try:
            with conn.transaction():
                operations.command_processed(
                    conn, desk, file.uid, report.command_id, report.success, file.received_at
                )  # fmt: skip
        except Fault as fault:
            refused.append((fault.code, report.command_id[:36]))
    detail = f"{len(reports) - len(refused)} of {len(reports)} results taken"
    if not refused:
        return Verdict(detail=detail)
    named = ", ".join(f"{number} {code}" for code, number in refused[:_DETAILED_RESULTS])
    return Verdict(code=refused[0][0], detail=f"{detail}; not taken: {named}")


def write_verdicts(conn: Connection, judged: Sequence[tuple[WaitingFile, Verdict]], now: datetime) -> None:
    """Write down what became of files."""
    store.put_verdicts(conn, [(file, verdict) for file, verdict in judged if verdict.again_at is None], now)
    for file, verdict in judged:
        if verdict.again_at is not None:
            store.put_off(conn, file, verdict.again_at, verdict.code, verdict.detail)
