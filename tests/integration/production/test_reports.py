"""The way to the tax service: accepted, known already, refused, not now; of a module the oldest first (S1-046)."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from cards import NOW
from production_bench import VERA, ProductionBench, TestBox

from tallystick.authority.reference.production import queries, tasks
from tallystick.authority.reference.production.lifecycle import Deed
from tallystick.authority.reference.production.tasks import TaxService
from tallystick.authority.reference.production.values import ReportState
from tallystick.ops.production import reports
from tallystick.ops.production.reports import MEDIA_TYPE, ReportFolder, tax_service
from tallystick.ops.production.run import make_line
from tallystick.ops.settings import SettingsError
from tallystick.ops.state_folder import StateFolder


class Door(ThreadingHTTPServer):
    """The tax service's door: answers with the status that the test sets, and keeps what came."""

    status = 200
    answer = b"receipt 7"
    raw = b""
    """Said instead of an answer."""
    trickles = False
    came: list[tuple[str, str, bytes]]


class Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        assert isinstance(self.server, Door)
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.came.append((self.headers["Idempotency-Key"], self.headers["Content-Type"], body))
        if self.server.raw:
            self.wfile.write(self.server.raw)
            return
        self.send_response(self.server.status)
        self.flush_headers()
        for _ in range(40 * self.server.trickles):
            self.wfile.write(b"X-Slow: 1\r\n")
            time.sleep(0.1)
        self.end_headers()
        self.wfile.write(self.server.answer)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


@pytest.fixture
def door() -> Iterator[Door]:
    server = Door(("127.0.0.1", 0), Handler)
    server.came = []
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def service(door: Door, tmp_path: Path) -> TaxService:
    return tax_service(f"http://127.0.0.1:{door.server_port}/modules", StateFolder(tmp_path))


@pytest.fixture
def made(bench: ProductionBench, box: TestBox) -> int:
    """A module that waits to be told; its number in the table."""
    batch = bench.open()
    with bench.station() as station:
        make_line(station, box, batch.batch_id, 1)
    return bench.modules(batch)[0].module_id


def send(bench: ProductionBench, service: TaxService, now: datetime = NOW) -> int:
    with bench.station() as station:
        return tasks.send_reports(station.conn, service, now)


def state(bench: ProductionBench, module_id: int) -> tuple[ReportState, int, str]:
    (report,) = bench.do(lambda conn: queries.reports_of_module(conn, module_id))
    return report.state, report.attempts, report.answer


@pytest.mark.parametrize("status", [200, 201, 202, 409])
def test_s1_046_a_module_is_told_once(
    bench: ProductionBench, made: int, service: TaxService, door: Door, status: int
) -> None:
    door.status = status
    assert send(bench, service) == 1
    assert send(bench, service) == 0
    assert state(bench, made) == (ReportState.ACCEPTED, 1, f"{status} receipt 7")
    ((key, media_type, body),) = door.came
    assert (key, media_type) == ("1", MEDIA_TYPE)
    assert b'"deed":"record"' in body


@pytest.mark.parametrize("status", [500, 503, 429, 408, 302])
def test_what_passes_is_told_again_later_the_same(
    bench: ProductionBench, made: int, service: TaxService, door: Door, status: int
) -> None:
    door.status = status
    assert send(bench, service) == 0
    assert send(bench, service) == 0, "not before its time"
    assert len(door.came) == 1
    door.status = 200
    assert send(bench, service, NOW + timedelta(seconds=11)) == 1
    assert state(bench, made)[:2] == (ReportState.ACCEPTED, 2)
    assert door.came[0] == door.came[1]


@pytest.mark.parametrize(
    ("status", "raw", "decided", "kept"),
    [
        (200, b"", ReportState.ACCEPTED, "200 well \ufffd done"),
        (422, b"", ReportState.REFUSED, "TS-3067 422 well \ufffd done"),
        (0, b"no \x00 HTTP\r\n\r\n", ReportState.WAITING, "the tax service: BadStatusLine: no   HTTP"),
    ],
)
def test_an_answer_that_no_text_can_hold_is_kept_without_it(
    bench: ProductionBench,
    made: int,
    service: TaxService,
    door: Door,
    status: int,
    raw: bytes,
    decided: ReportState,
    kept: str,
) -> None:
    door.status, door.answer, door.raw = status, b"well\x00\xff\ndone", raw
    send(bench, service)
    told, attempts, answer = state(bench, made)
    assert (told, attempts, answer.strip()) == (decided, 1, kept)


def test_a_tax_service_that_trickles_is_not_waited_for(
    bench: ProductionBench, made: int, service: TaxService, door: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reports, "_SECONDS", 0.5)
    door.trickles = True
    begun = time.monotonic()
    assert send(bench, service) == 0
    assert time.monotonic() - begun < 3
    assert state(bench, made)[:2] == (ReportState.WAITING, 1)


def test_ts_3067_what_is_refused_waits_for_a_person(
    bench: ProductionBench, made: int, service: TaxService, door: Door
) -> None:
    door.status = 422
    assert send(bench, service) == 1
    assert state(bench, made) == (ReportState.REFUSED, 1, "TS-3067 422 receipt 7")
    door.status = 200
    assert send(bench, service, NOW + timedelta(days=9)) == 0
    (refused,) = bench.do(queries.refused_reports)
    bench.do(lambda conn: tasks.repeat_report(conn, refused.report_id, VERA, NOW))
    assert send(bench, service) == 1
    assert state(bench, made)[0] is ReportState.ACCEPTED


def test_what_follows_a_refused_report_waits_behind_it(
    bench: ProductionBench, made: int, service: TaxService, door: Door
) -> None:
    door.status = 422
    send(bench, service)
    number = bench.value("SELECT number FROM production.module")
    bench.act(number, Deed.SPOIL, reason="torn in the machine of the printer")
    door.status = 200
    assert send(bench, service) == 0, "the tax service must not hear the end before the beginning"
    (refused,) = bench.do(queries.refused_reports)
    bench.do(lambda conn: tasks.repeat_report(conn, refused.report_id, VERA, NOW))
    assert send(bench, service) == 2
    assert [b'"deed":"spoil"' in body for _, _, body in door.came] == [False, False, True]
    assert bench.value("SELECT state FROM registry.secure_element") == "revoked"


def test_a_service_that_is_away_loses_nothing(bench: ProductionBench, made: int, tmp_path: Path) -> None:
    nobody = tax_service("http://127.0.0.1:9/modules", StateFolder(tmp_path))
    assert send(bench, nobody) == 0
    assert state(bench, made)[:2] == (ReportState.WAITING, 1)
    folder = tmp_path / "mailbox"
    assert send(bench, ReportFolder(folder), NOW + timedelta(hours=2)) == 1
    (file,) = folder.iterdir()
    assert b'"deed":"record"' in file.read_bytes()
    assert state(bench, made) == (ReportState.ACCEPTED, 2, file.name)


@pytest.mark.parametrize("setting", ["http://tax.example/modules", "https:///x"])
def test_plain_http_is_for_this_machine_only(setting: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError):
        tax_service(setting, StateFolder(tmp_path))
    assert isinstance(tax_service("", StateFolder(tmp_path)), ReportFolder)
