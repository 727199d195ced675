"""Both ends of a carried medium: the real device with its virtual card, the real rooms of the authority, one clock.

Between them only folders and archives, and where a test wants it the calls that a device makes when it is online.
"""

from __future__ import annotations

import asyncio
import io
import zipfile
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any
from uuid import UUID

import attrs
import psycopg
from cards import country
from esdc_bench import UID, Bench, pack, seller
from intake_live import Live, live_intake
from local_media import sell, serve

from benchmarks.package_maker import NOW
from tallystick.authority.channels.sdc import operations as sdc
from tallystick.authority.channels.sdc.uploads import operations, queries, tasks
from tallystick.authority.channels.sdc.uploads.judging import JudgingServices
from tallystick.authority.channels.sdc.uploads.reading import offered_files
from tallystick.authority.channels.sdc.uploads.values import JudgedFile, Offered, Sender, UploadOverview
from tallystick.authority.intake.budget import BudgetPolicy
from tallystick.authority.intake.keeper import Keeper
from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.intake.pipeline import Intake, IntakePolicy
from tallystick.authority.ledger.client import append_blocking
from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.projections.audit import tasks as audit_tasks
from tallystick.authority.projections.audit.operations import AuditDesk
from tallystick.authority.projections.audit.strategies import EveryDocument
from tallystick.authority.projections.audit.tasks import ProofServices
from tallystick.authority.reference.registry.operations import (
    create_user,
    let_user_act_for,
    register_secure_element,
    register_taxpayer,
)
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.authority.reference.taxrates.rates import Rates
from tallystick.crypto.certificates import read_card_certificate
from tallystick.crypto.envelope import open_arp, sign_with_recovery
from tallystick.crypto.keys import PrivateKey
from tallystick.device.esdc.local_audit_state import MediumState
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.kernel.instants import unix_ms
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.taxcore_api import Command, CommandType

TIN = "123456789"
OTHER_TIN = "987654321"
SETTLE = timedelta(minutes=10)


@attrs.define(slots=True)
class Authority:
    """The rooms that a medium meets, each in its database role."""

    live: Live
    dsn: str
    intake: Intake
    desk: AuditDesk
    proofs: ProofServices
    bench: Bench
    owner: Sender
    stranger: Sender
    officer: Sender

    @property
    def services(self) -> JudgingServices:
        """What the worker is given."""
        return JudgingServices(
            intake=self.intake,
            desk=self.desk,
            initial_commands=lambda: [(CommandType.SET_TIME_SERVER_URL, "0.pool.ntp.example")],
        )

    async def upload(self, offered: Iterable[Offered], sender: Sender | None = None, *, judge: bool = True) -> UUID:
        """What a portal does, then what the worker does."""
        who, now = sender or self.owner, self.bench.clock()

        def spool() -> UUID:
            with psycopg.connect(as_role(self.dsn, PORTAL), autocommit=True) as conn:
                number = operations.open_upload(conn, who, now)
                operations.add_files(conn, who, number, offered, now)
                operations.seal(conn, who, number, now)
                return number

        number = await asyncio.to_thread(spool)
        if judge:
            await self.judge()
        return number

    async def judge(self) -> int:
        """Let the worker judge all that is due."""

        def work() -> int:
            with asyncio.Runner() as runner, psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
                total = 0
                while done := tasks.judge_due(conn, services, runner, self.bench.clock):
                    total += done
                return total

        services = attrs.evolve(self.services, intake=_InLoop(self.intake, asyncio.get_running_loop()))
        return await asyncio.to_thread(work)

    async def overview(self, number: UUID, sender: Sender | None = None) -> UploadOverview:
        """As the page shows it."""
        found: UploadOverview = await self.asked(lambda conn: queries.upload(conn, sender or self.owner, number))
        return found

    async def files(self, number: UUID, sender: Sender | None = None) -> list[JudgedFile]:
        """Every line."""
        who = sender or self.owner
        found: list[JudgedFile] = await self.asked(lambda conn: queries.files(conn, who, number, everything=True))
        return found

    async def asked(self, question: Any) -> Any:
        """Ask a room with the portal's rights."""

        def work() -> Any:
            with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
                return question(conn)

        return await asyncio.to_thread(work)

    async def prove(self, pause: timedelta = SETTLE) -> int:
        """Let time pass and the worker decide about proofs; how many were issued."""
        await self.live.shown()
        self.bench.clock.forward(seconds=pause.total_seconds())

        def work() -> int:
            with psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
                return audit_tasks.decide(conn, self.proofs, self.bench.clock()).issued

        return await asyncio.to_thread(work)

    async def commands_onto(self, medium: Path, sender: Sender | None = None) -> list[str]:
        """Download the commands and open the archive onto a medium."""
        content = await self.asked(lambda conn: queries.commands_archive(conn, sender or self.owner))
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            archive.extractall(medium)
            return archive.namelist()

    # What a device does online

    async def submit_online(self) -> list[int]:
        """Send every package that waits, with the card's token; the device settles the answers."""
        store = self.bench.device.require_card().store
        statuses = []
        for ordinal, package in store.waiting(1000):
            answer = await self.intake.submit_package(
                package, token_uid=UID, token_tin=TIN, received_at=self.bench.clock()
            )
            store.settle([(ordinal, answer.status)], keep_until_proof=False, now=self.bench.clock())
            statuses.append(answer.status)
        store.write_notes()
        return statuses

    async def ask_online(self) -> None:
        """Submit Audit Request Payload for the open cycle of the device."""
        cycle = self.bench.device.require_card().store.audit.newest()
        assert cycle is not None
        assert cycle.request is not None
        request, amount, limit = cycle.request, Money(cycle.sum or 0), Money(cycle.limit or 0)
        await self._as_api(
            lambda conn: self.desk.receive_request(conn, UID, request, amount, limit, self.bench.clock())
        )  # fmt: skip

    async def fetch_online(self) -> list[Command]:
        """Notify Online Status: what waits."""
        found = await self._as_api(lambda conn: sdc.notify_status(conn, UID, True, self.bench.clock()))
        return [command.wire for command in found]

    async def report_online(self) -> None:
        """Notify Command Processed for all that the authority has not heard."""
        setup = self.bench.device.require_card().store.setup
        for number, success in setup.unreported():
            if len(number) == len(str(UUID(int=0))):
                await self._as_api(
                    lambda conn, number=number, success=success: sdc.command_processed(
                        conn, self.desk, UID, number, success, self.bench.clock()
                    )
                )
            setup.note_reported(number)

    async def _as_api(self, work: Any) -> Any:
        def run() -> Any:
            with psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
                return work(conn)

        return await asyncio.to_thread(run)


@attrs.frozen(slots=True)
class _InLoop:
    """The test's pipeline lives in the test's loop; the worker's own loop asks it there."""

    intake: Intake
    loop: asyncio.AbstractEventLoop

    async def submit_package(self, body: bytes, **named: Any) -> Any:
        """Hand over."""
        return await asyncio.wrap_future(
            asyncio.run_coroutine_threadsafe(self.intake.submit_package(body, **named), self.loop)
        )


def folder_files(folder: Path) -> list[Offered]:
    """A folder as a browser hands it over: names without their folders."""
    offered: list[Offered] = []
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            with path.open("rb") as file:
                offered.extend(offered_files(path.name, file))
    return offered


def zipped(folder: Path) -> bytes:
    """A folder as a user zips it."""
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            archive.write(path, path.relative_to(folder.parent))
    return target.getvalue()


def archive_files(content: bytes) -> list[Offered]:
    """What a ZIP offers."""
    return list(offered_files("medium.zip", io.BytesIO(content)))


def carry(bench: Bench, medium: Path, *, sales: int = 0) -> MediumState:
    """Sell, then put the medium in."""
    sell(bench, sales)
    medium.mkdir(exist_ok=True)
    return serve(bench.device, medium)


@asynccontextmanager
async def authority_of(dsn: str, folder: Path, bench: Bench, cards: list[PrivateKey]) -> AsyncIterator[Authority]:
    """The authority of the bench's country, with its card registered for one taxpayer, and three users."""
    home = country(pack().environment)
    keys = [home.package_key, *cards[1:3], home.poa_key]
    (folder / "authority").mkdir()
    async with live_intake(dsn, folder / "authority", keys, pack(), clock=bench.clock, cards=0) as live:
        certificate = _certificate(bench)
        with psycopg.connect(dsn) as conn:
            register_taxpayer(conn, Taxpayer(Tin(TIN), seller().business_name))
            register_taxpayer(conn, Taxpayer(Tin(OTHER_TIN), "Another Ltd"))
            entry = register_secure_element(
                conn,
                certificate,
                environment=pack().environment,
                encryption_key="package",
                limit=Money(1_000_000_0000),
            )
            senders = [
                _user(conn, "owner", "taxpayer", TIN),
                _user(conn, "stranger", "taxpayer", OTHER_TIN),
                _user(conn, "officer", "officer", ""),
            ]
        booked = await live.sequencer.append(_registration(entry.uid, entry.tin, entry.certificate_hash))
        live.directory.entries[UID] = attrs.evolve(entry, registration_index=booked.index)
        rules = attrs.evolve(live.rules, rates=Rates(pack().tax_groups))
        policy = IntakePolicy(budget=BudgetPolicy(enabled=False), uniform_seconds=0.0)
        intake = Intake(rules, live.sequencer, Keeper(live.pool.connection), policy)
        proofs = ProofServices(
            strategy=EveryDocument(),
            apart=QuarantineAndEvidence(),
            sign=lambda message: sign_with_recovery(message, home.poa_key),
            append=partial(append_blocking, folder / "authority" / "sequencer"),
        )
        desk = AuditDesk(lambda payload: open_arp(payload, home.package_key), QuarantineAndEvidence())
        yield Authority(live, dsn, intake, desk, proofs, bench, *senders)


def _user(conn: psycopg.Connection[Any], name: str, role: str, tin: str) -> Sender:
    number = create_user(conn, name, "!", name.title(), role)
    assert number is not None
    if tin:
        let_user_act_for(conn, name, tin)
    return Sender(user_id=number, username=name, acts_for=(tin,) if tin else None)


def _certificate(bench: Bench) -> bytes:
    certificate = bench.device.require_card().card.certificate()
    assert read_card_certificate(certificate).uid == UID
    return certificate


def _registration(uid: str, tin: str, certificate_hash: bytes) -> NewEntry:
    return NewEntry(
        kind=EntryKind.REGISTRY,
        channel=Channel.NONE,
        body=f'{{"uid":"{uid}"}}'.encode(),
        media_type="application/json",
        received_at_ms=unix_ms(NOW),
        device=(uid, uid),
        tin=tin,
        certificate_hash=certificate_hash,
    )
