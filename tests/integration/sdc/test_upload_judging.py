"""What becomes of stored files: doubts wait, refusals end, requests and results reach their rooms, bugs stop no one."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import attrs
import psycopg
import pytest
from media_pages import CARD, FOREIGN, OWN, PACKAGE

from tallystick.authority.channels.sdc.uploads import judging, operations, queries, store, tasks
from tallystick.authority.channels.sdc.uploads.judging import JudgingServices, pause
from tallystick.authority.channels.sdc.uploads.values import JudgedFile, Offered, Sender
from tallystick.authority.intake.package import PackageAnswer
from tallystick.authority.projections.retention import operations as retention
from tallystick.authority.reference.commands import operations as commands
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import SdcInvoiceNumber
from tallystick.kernel.retention import RetainedKind, RetentionRules
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.wire.card import ArpContent
from tallystick.wire.taxcore_api import CommandReport, CommandType, write_reports

OWNER = Sender(user_id=1, username="owner", acts_for=("1",))
OFFICER = Sender(user_id=2, username="officer", acts_for=None)
START = datetime(2026, 6, 1, tzinfo=UTC)


@attrs.define
class Pipeline:
    """Answers as a test wants."""

    answers: list[Any] = attrs.field(factory=list)
    seen: list[dict[str, Any]] = attrs.field(factory=list)

    async def submit_package(self, body: bytes, **named: Any) -> PackageAnswer:
        """The next answer, or 4."""
        self.seen.append(named)
        answer = self.answers.pop(0) if self.answers else PackageAnswer(4)
        if isinstance(answer, BaseException):
            raise answer
        assert isinstance(answer, PackageAnswer)
        return answer


@attrs.define
class Desk:
    """A request says its card in its first eight bytes."""

    taken: list[tuple[str, str]] = attrs.field(factory=list)
    missing: tuple[tuple[int, int], ...] = ()
    broken: bool = False
    when: Callable[[], int] = lambda: 0
    after: list[int] = attrs.field(factory=list)

    def read_request(self, payload: bytes) -> ArpContent:
        """Open it."""
        if payload[:1] == b"\0":
            raise Fault("TS-3101")
        if self.broken:
            raise ZeroDivisionError
        return ArpContent(
            uid=payload[:8].decode(),
            audit_sequence=1,
            last_signed_ms=0,
            total_counter=1,
            unaudited=Money(0),
            limit=Money(1),
            proven_counter=0,
            nonce=bytes(32),
            last_signature_digest=bytes(32),
        )

    def receive_request(self, conn: Any, uid: str, *rest: Any) -> tuple[tuple[int, int], ...]:
        """Take it."""
        self.taken.append(("request", uid))
        self.after.append(self.when())
        return self.missing

    def command_reported(self, conn: Any, uid: str, command_id: UUID, success: bool, at: datetime) -> None:
        """Hear it."""
        self.taken.append(("result", str(success)))


class Room:
    """The database with two taxpayers' cards, and a worker in the hand of a test."""

    def __init__(self, dsn: str) -> None:
        self.dsn = dsn
        self.now = START
        self.pipeline, self.desk = Pipeline(), Desk()

    def upload(self, sender: Sender, *files: tuple[str, bytes]) -> UUID:
        with psycopg.connect(as_role(self.dsn, PORTAL), autocommit=True) as conn:
            number = operations.open_upload(conn, sender, self.now)
            operations.add_files(conn, sender, number, [Offered(*file) for file in files], self.now)
            operations.seal(conn, sender, number, self.now)
            return number

    def judge(self) -> None:
        services = JudgingServices(intake=self.pipeline, desk=self.desk, initial_commands=list)
        with asyncio.Runner() as runner, psycopg.connect(as_role(self.dsn, INTAKE)) as conn:
            while tasks.judge_due(conn, services, runner, lambda: self.now):
                pass

    def files(self, number: UUID, sender: Sender = OWNER) -> list[JudgedFile]:
        with psycopg.connect(as_role(self.dsn, PORTAL)) as conn:
            return queries.files(conn, sender, number, everything=True)


@pytest.fixture
def room(database: str) -> Room:
    with psycopg.connect(database) as connection:
        connection.execute("INSERT INTO registry.taxpayer (tin, business_name) VALUES ('1', 'Shop'), ('2', 'Other')")
        for uid, tin in ((OWN, "1"), (FOREIGN, "2")):
            connection.execute(CARD, (uid, tin, uid, tin))
    return Room(database)


def package(ordinal: int) -> tuple[str, bytes]:
    return f"{OWN}-{OWN}-{ordinal}.json", PACKAGE + b" " * ordinal


def test_the_pipeline_hears_card_owner_arrival_and_name(room: Room) -> None:
    room.upload(OFFICER, package(7))
    arrived = room.now
    room.now += timedelta(hours=3)
    room.judge()
    (seen,) = room.pipeline.seen
    number = SdcInvoiceNumber.parse(f"{OWN}-{OWN}-7")
    assert seen == {"token_uid": OWN, "token_tin": "1", "received_at": arrived, "named": number}


@pytest.mark.parametrize(
    "doubt",
    [
        PackageAnswer(1, code="TS-5009"),
        Fault("TS-5003", detail="gate", retry_after_seconds=3),
        Fault("TS-1006", detail="budget", retry_after_seconds=3),
    ],
)
def test_a_doubt_of_ours_lets_a_file_wait_and_come_again(room: Room, doubt: Any) -> None:
    room.pipeline.answers = [doubt]
    number = room.upload(OWNER, package(1))
    room.judge()
    (file,) = room.files(number)
    assert (file.is_done, file.status) == (False, None)
    room.judge()
    assert len(room.pipeline.seen) == 1, "not before its time"
    room.now += timedelta(seconds=5)
    room.judge()
    assert room.files(number)[0].status == 4


def test_pauses_grow_to_five_minutes() -> None:
    assert [pause(attempts).total_seconds() for attempts in (0, 1, 2, 20, 10**6)] == [2, 4, 8, 300, 300]


def test_each_refusal_is_one_files_own(room: Room) -> None:
    room.pipeline.answers = [PackageAnswer(0, code="TS-1202", refused=True), Fault("TS-1204", detail="another")]
    number = room.upload(OWNER, package(1), package(2), package(3))
    room.judge()
    assert [(file.status, file.code) for file in room.files(number)] == [(0, "TS-1202"), (None, "TS-1204"), (4, "")]


def test_a_request_comes_after_its_packages_whatever_the_order_of_files(room: Room) -> None:
    room.desk.when = lambda: len(room.pipeline.seen)
    room.upload(OWNER, (f"{OWN}.arp", OWN.encode() + bytes(252)), package(1), package(2))
    room.judge()
    assert room.desk.after == [2]


def test_requests_by_their_own_word(room: Room) -> None:
    """``ARP.bin`` says its card inside; one of another card than its name, or of another taxpayer, is refused."""
    room.desk.missing = ((2, 4), (9, 9))
    own, foreign = OWN.encode() + bytes(252), FOREIGN.encode() + bytes(248)
    files = [("ARP.bin", own), (f"{OWN}.arp", foreign), ("Audit/arp.bin", foreign), (f"{OWN}.arp", bytes(260))]
    number = room.upload(OWNER, *files)
    room.judge()
    said = [(file.code, file.detail, file.uid) for file in room.files(number)]
    assert said[0] == ("", "missing for the proof: 2–4, 9", OWN)
    assert [one[0] for one in said[1:]] == ["TS-1204", "TS-4003", "TS-3101"]
    assert room.desk.taken == [("request", OWN)]
    room.upload(OFFICER, ("ARP.bin", foreign))
    room.judge()
    assert room.desk.taken[-1] == ("request", FOREIGN)


def test_s2_102_results_line_by_line(room: Room) -> None:
    with psycopg.connect(room.dsn) as connection:
        number = commands.queue(connection, OWN, CommandType.SET_TIME_SERVER_URL, "x")
        other = commands.queue(connection, FOREIGN, CommandType.SET_TIME_SERVER_URL, "x")
    lines = [CommandReport(name, True, START) for name in ("no guid", str(other), str(number).upper())]
    upload = room.upload(
        OWNER, (f"{OWN}.results", write_reports(lines)), (f"{OWN}.results", b"["), (f"{OWN}.results", b"")
    )
    room.judge()
    good, broken, empty = room.files(upload)
    assert good.code == "TS-3106"
    assert good.detail.startswith("1 of 3 results taken; not taken: no guid TS-3106")
    assert room.desk.taken == [("result", "True")]
    assert broken.code.startswith("TS-12")
    assert (empty.code, empty.detail) == ("", "0 of 0 results taken")


def test_a_bug_of_ours_lets_one_file_wait_and_no_other(room: Room) -> None:
    room.desk.broken = True
    number = room.upload(OWNER, (f"{OWN}.arp", OWN.encode() + bytes(252)), (f"{OWN}.results", b"[]"))
    room.judge()
    request, results = room.files(number)
    assert (request.is_done, request.code) == (False, "TS-5099")
    assert results.is_done
    room.desk.broken = False
    room.now += timedelta(minutes=1)
    room.judge()
    assert room.files(number)[0].is_done


def test_large_files_come_in_smaller_batches(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tasks, "BATCH_BYTES", 100)
    assert judging.BATCH_BYTES > 100
    room.upload(OWNER, *(package(n) for n in range(1, 8)))
    batches: list[int] = []
    real = judging.judge_packages

    async def counted(services: Any, files: Any, now: Any) -> Any:
        batches.append(len(files))
        return await real(services, files, now)

    monkeypatch.setattr(tasks, "judge_packages", counted)
    room.judge()
    assert sum(batches) == 7
    assert max(batches) <= 3


def test_old_uploads_are_forgotten_and_waiting_ones_never(room: Room) -> None:
    room.pipeline.answers = [PackageAnswer(1)]
    waiting, done = room.upload(OWNER, package(1)), room.upload(OWNER, ("photo.jpg", b""))
    with psycopg.connect(as_role(room.dsn, INTAKE)) as conn:
        for days, removed in ((27, {}), (32, {RetainedKind.UPLOADS: 1})):
            at = START + timedelta(days=days)
            assert retention.carry_out(conn, RetentionRules(), "process:worker", at) == removed
    assert room.files(done) == []
    assert len(room.files(waiting)) == 1


def test_the_portal_cannot_touch_what_is_not_its_own(room: Room) -> None:
    with psycopg.connect(as_role(room.dsn, PORTAL), autocommit=True) as conn:
        for statement in ("DELETE FROM media.upload", "INSERT INTO intake.refused DEFAULT VALUES"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(conn, OWNER):
                conn.execute(statement)
