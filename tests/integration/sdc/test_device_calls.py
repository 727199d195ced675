"""What a device asks with its token: commands, status, packages, proof of audit; in the spellings of the field."""

from __future__ import annotations

import json
import time
from base64 import b64decode, b64encode
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg_pool import ConnectionPool

from tallystick.authority.reference.commands import operations as commands
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.wire.audit_package import SealedPackage, write_sealed
from tallystick.wire.taxcore_api import (
    CommandType,
    parse_configuration,
    read_audit_answer,
    read_commands,
)

COMMANDS, STATUS, AUDIT, PROOF = (f"/api/v3/sdc/{name}" for name in ("commands", "status", "audit", "audit-proof"))
PACKAGE = write_sealed(SealedPackage(b"k" * 256, b"i" * 256, b"p" * 64))
ARP = b"a" * 260
UID = "ABCD1234"
Start = Callable[..., Any]


def proof_body(payload: bytes = ARP, **changes: Any) -> str:
    return json.dumps({"auditRequestPayload": b64encode(payload).decode(), "sum": 110340000, "limit": 10**9, **changes})


def queue(authority: Any, kind: CommandType, payload: str = "QUJD", uid: str = UID) -> str:
    with authority.database() as conn:
        number = commands.queue(conn, uid, kind, payload)
    authority.refresh()
    return str(number).upper()


# Initialisation and commands (wire: 6.3, 6.4)


def test_s2_002_s2_003_initialisation_gives_the_four_kinds(authority: Any) -> None:
    found = read_commands(authority.device().call("GET", COMMANDS).body)
    assert [command.type for command in found] == [0, 1, 2, 7]
    assert {command.uid for command in found} == {UID}
    rates, time_server, verification, configuration = (command.payload for command in found)
    assert json.loads(rates)[0]["groupId"] == 1
    assert time_server == "0.pool.example"
    assert verification == "https://localhost:8440/v/?vl="
    assert parse_configuration(configuration) == authority.services.configuration


def test_s2_004_a_command_is_outstanding_until_reported(authority: Any) -> None:
    device = authority.device()
    first = read_commands(device.call("GET", COMMANDS).body)
    assert read_commands(device.call("GET", COMMANDS).body) == first
    assert read_commands(device.call("PUT", STATUS).body) == first
    for number, command in enumerate(first):
        reply = device.call("PUT", f"{COMMANDS}/{command.command_id}", "true")
        assert (reply.status, reply.body) == (200, b"")
        assert read_commands(device.call("PUT", STATUS, "true").body) == first[number + 1 :]


def test_s2_006_a_device_that_asks_again_is_initialised_again(authority: Any) -> None:
    device = authority.device()
    first = read_commands(device.call("GET", COMMANDS).body)
    for command in first:
        device.call("PUT", f"{COMMANDS}/{command.command_id}", "true")
    again = read_commands(device.call("GET", COMMANDS).body)
    assert [command.payload for command in again] == [command.payload for command in first]
    assert not {command.command_id for command in again} & {command.command_id for command in first}


@pytest.mark.parametrize("kind", [CommandType.FORWARD_PROOF_OF_AUDIT, CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE])
def test_false_does_not_send_a_proof_or_directive_again(authority: Any, kind: CommandType) -> None:
    device = authority.device()
    number = queue(authority, kind)
    assert device.call("PUT", f"{COMMANDS}/{number}", "false").status == 200
    assert device.call("PUT", STATUS, "true").json == []
    assert device.call("PUT", f"{COMMANDS}/{number}", "false").status == 200, "the same result again"
    assert authority.audit.reports == [(UID, UUID(number), False)]


def test_s2_105_a_result_reaches_the_proof_of_audit_service_once(authority: Any) -> None:
    device = authority.device()
    number = queue(authority, CommandType.FORWARD_PROOF_OF_AUDIT)
    for _ in range(3):
        assert device.call("PUT", f"{COMMANDS}/{number.lower()}", "true").status == 200
    assert authority.audit.reports == [(UID, UUID(number), True)]
    reply = device.call("PUT", f"{COMMANDS}/{number}", "false")
    assert (reply.status, reply.code) == (409, "TS-3108")


@pytest.mark.parametrize("body", ["true", '"true"', "True", '"True"', " true\n"])
def test_booleans_in_the_spellings_of_the_field(authority: Any, body: str) -> None:
    device = authority.device()
    number = queue(authority, CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE)
    assert [command["commandId"] for command in device.call("PUT", STATUS, body).json] == [number]
    assert device.call("PUT", f"{COMMANDS}/{number}", body).status == 200
    assert authority.audit.reports[-1][2] is True


@pytest.mark.parametrize("body", ["false", '"false"', "False", '"False"'])
def test_c_25_commands_come_only_for_true(authority: Any, body: str) -> None:
    queue(authority, CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE)
    assert authority.device().call("PUT", STATUS, body).json == []


def test_an_empty_status_means_true_and_an_empty_result_is_refused(authority: Any) -> None:
    device = authority.device()
    number = queue(authority, CommandType.FORWARD_SECURE_ELEMENT_DIRECTIVE)
    assert len(device.call("PUT", STATUS).json) == 1
    reply = device.call("PUT", f"{COMMANDS}/{number}")
    assert (reply.status, reply.code) == (400, "TS-1210")


def test_a_status_is_remembered(authority: Any) -> None:
    device = authority.device()
    with authority.database() as conn:
        for body, online in (("true", True), ("false", False)):
            device.call("PUT", STATUS, body)
            rows = conn.execute("SELECT uid, is_online, notified_at FROM sdc.contact").fetchall()
            assert rows == [(UID, online, authority.clock.now)]


def test_ts_3107_a_result_for_the_command_of_another_card(authority: Any) -> None:
    number = queue(authority, CommandType.FORWARD_PROOF_OF_AUDIT, uid="WXYZ9876")
    device = authority.device()
    for unknown in (number, str(uuid4())):
        reply = device.call("PUT", f"{COMMANDS}/{unknown}", "true")
        assert (reply.status, reply.code) == (404, "TS-3107")
    assert device.call("PUT", f"{COMMANDS}/not-a-guid", "true").code == "TS-3106"
    assert authority.audit.reports == []


# Submit Audit Package


def test_s2_093_s2_094_a_package_gets_its_status_and_the_commands_that_wait(authority: Any) -> None:
    device = authority.device()
    answer = read_audit_answer(device.call("POST", AUDIT, PACKAGE).body)
    assert (answer.status, answer.commands) == (4, ())
    number = queue(authority, CommandType.FORWARD_PROOF_OF_AUDIT)
    for _ in range(2):
        answer = read_audit_answer(device.call("POST", AUDIT, PACKAGE).body)
        assert [command.command_id for command in answer.commands] == [number]
    device.call("PUT", f"{COMMANDS}/{number}", "true")
    assert read_audit_answer(device.call("POST", AUDIT, PACKAGE).body).commands == ()
    assert authority.services.outstanding.mark(UID) is None
    body, uid, tin, received_at = authority.intake.seen[0]
    assert (body, uid, tin, received_at) == (PACKAGE, UID, "100000001", authority.clock.now)


@pytest.mark.parametrize("status", [0, 1, 2, 4, 5, 67, 78])
def test_http_200_with_any_audit_status(authority: Any, status: int) -> None:
    authority.intake.verdict = type(authority.intake.verdict)(status)
    reply = authority.device().call("POST", AUDIT, PACKAGE)
    assert (reply.status, reply.json) == (200, {"status": status, "commands": []})
    assert "ts-replayed" not in reply.headers


def test_a_repeated_answer_says_so(authority: Any) -> None:
    device = authority.device()
    assert "ts-code" not in device.call("POST", AUDIT, PACKAGE).headers
    authority.intake.verdict = type(authority.intake.verdict)(73, step=9, code="TS-2008")
    headers = device.call("POST", AUDIT, PACKAGE).headers
    assert (headers["ts-step"], headers["ts-code"]) == ("9", "TS-2008")
    authority.intake.verdict = type(authority.intake.verdict)(4, replayed=True)
    assert device.call("POST", AUDIT, PACKAGE).headers["ts-replayed"] == "1"


def test_a_package_goes_through_without_sql(authority: Any) -> None:
    device = authority.device()
    device.call("POST", AUDIT, PACKAGE)
    before = authority.services.pool.get_stats()["requests_num"]
    for _ in range(5):
        device.call("POST", AUDIT, PACKAGE)
    assert authority.services.pool.get_stats()["requests_num"] == before
    queue(authority, CommandType.FORWARD_PROOF_OF_AUDIT)
    device.call("POST", AUDIT, PACKAGE)
    assert authority.services.pool.get_stats()["requests_num"] == before + 1


def test_an_accepted_package_is_answered_even_when_its_commands_cannot_be_read(start: Start) -> None:
    away = ConnectionPool("host=127.0.0.1 port=1 connect_timeout=1", min_size=0, max_size=2, open=True, name="away")
    first = start()
    device = first.device()
    second = start(pool=away, database_wait_seconds=0.3)
    try:
        second.services.tokens._rows.update(first.services.tokens._rows)
        device.call("PUT", STATUS)
        second.services.tokens._rows.update(first.services.tokens._rows)
        queue(second, CommandType.FORWARD_PROOF_OF_AUDIT)
        device.port = second.port
        assert device.call("POST", AUDIT, PACKAGE).json == {"status": 4, "commands": []}
        assert device.call("PUT", STATUS).code == "TS-5009"
    finally:
        away.close()


def test_ts_5009_a_database_that_stands_still_is_answered_in_time(start: Start) -> None:
    """Its connections stay open and nothing comes: no error ends such a wait, only a clock does."""
    authority = start(database_answer_seconds=0.4)
    device = authority.device()
    assert device.call("PUT", STATUS).status == 200
    with psycopg.connect(authority.dsn) as blocker:
        blocker.execute("LOCK TABLE commands.command, sdc.contact IN ACCESS EXCLUSIVE MODE")
        reply = device.call("PUT", STATUS)
        assert (reply.status, reply.code, reply.headers["retry-after"]) == (503, "TS-5009", "5")
        queue_seen = device.call("POST", AUDIT, PACKAGE)
        assert queue_seen.json["status"] == 4, "packages do not wait for it"
    assert device.call("PUT", STATUS).status == 200


@pytest.mark.parametrize(
    ("fault", "status", "retry_after"),
    [
        (Fault("TS-5001", retry_after_seconds=60), 503, "60"),
        (Fault("TS-5002", retry_after_seconds=1), 503, "1"),
        (Fault("TS-1006", retry_after_seconds=3600), 429, "3600"),
        (Fault("TS-1210"), 400, None),
    ],
)
def test_a_fault_of_the_pipeline_becomes_a_problem(
    authority: Any, fault: Fault, status: int, retry_after: str | None
) -> None:
    authority.intake.error = fault
    reply = authority.device().call("POST", AUDIT, PACKAGE)
    assert (reply.status, reply.code) == (status, fault.code)
    assert reply.headers.get("retry-after") == retry_after
    assert reply.json.get("retry_after_seconds") == fault.retry_after_seconds


def test_ts_5099_our_own_bug_is_logged_and_shows_nothing(authority: Any, caplog: pytest.LogCaptureFixture) -> None:
    authority.intake.error = ZeroDivisionError("secret of the house")
    device = authority.device()
    reply = device.call("POST", AUDIT, PACKAGE)
    assert (reply.status, reply.code) == (500, "TS-5099")
    assert "secret" not in reply.body.decode()
    assert reply.json["instance"] in caplog.text
    authority.intake.error = None
    assert device.call("POST", AUDIT, PACKAGE).status == 200


def test_packages_at_once_are_answered_at_once(authority: Any) -> None:
    authority.intake.seconds = 1.0
    device = authority.device()
    started = time.monotonic()
    with ThreadPoolExecutor(16) as threads:
        replies = list(threads.map(lambda _: device.call("POST", AUDIT, PACKAGE).status, range(16)))
    assert replies == [200] * 16
    assert time.monotonic() - started < 12, "one after another would take 16 seconds"


# Submit Audit Request Payload


def test_s2_095_the_request_is_handed_on_and_answered_200_without_a_body(authority: Any) -> None:
    reply = authority.device().call("POST", PROOF, proof_body())
    assert (reply.status, reply.body) == (200, b"")
    assert "ts-missing" not in reply.headers
    assert authority.audit.requests == [(UID, ARP, Money(110340000), Money(10**9))]


def test_k_13_missing_ordinals_are_named(authority: Any) -> None:
    authority.audit.missing = [(3, 3), (5, 7)]
    reply = authority.device().call("POST", PROOF, proof_body())
    assert (reply.status, reply.body) == (200, b"")
    assert reply.headers["ts-missing"] == "3,5-7"
    assert reply.headers["ts-code"] == "TS-1406"


def test_k_13_the_list_of_missing_ordinals_is_bounded(authority: Any) -> None:
    authority.audit.missing = [(n * 1000, n * 1000 + 5) for n in range(4_000_000, 4_001_000)]
    header = authority.device().call("POST", PROOF, proof_body()).headers["ts-missing"]
    assert header.count(",") == 99
    assert len(header) < 4096


@pytest.mark.parametrize("length", [256, 260, 264])
def test_c_01_the_three_lengths_of_a_request(authority: Any, length: int) -> None:
    assert authority.device().call("POST", PROOF, proof_body(b"x" * length)).status == 200
    assert authority.audit.requests[0][1] == b"x" * length


def test_key_names_in_any_case(authority: Any) -> None:
    body = json.dumps({"AuditRequestPayload": b64encode(ARP).decode(), "Sum": 1, "LIMIT": 2})
    assert authority.device().call("POST", PROOF, body).status == 200
    assert authority.audit.requests == [(UID, ARP, Money(1), Money(2))]


# Older interface (wire: 6.8)


def test_the_vendors_card_reader_is_served(authority: Any) -> None:
    reader = authority.device(signed_in=False)
    amounts = (5).to_bytes(7, "big") + (9).to_bytes(7, "big")
    body = json.dumps({"AuditData": b64encode(ARP).decode(), "LimitData": b64encode(amounts).decode()})
    assert reader.call("POST", "/api/SecureElements/Audit", body).status == 200
    assert authority.audit.requests == [(UID, ARP, Money(5), Money(9))]
    number = queue(authority, CommandType.FORWARD_PROOF_OF_AUDIT, b64encode(b"p" * 256).decode())
    reply = reader.call("POST", f"/api/sdc/GetOutstandingCommands?serialNumber={UID}")
    (command,) = read_commands(reply.body)
    assert (command.command_id, b64decode(command.payload)) == (number, b"p" * 256)
    report = json.dumps({"dateAndTime": "2026-11-21T10:00:00Z", "commandId": number, "success": True})
    assert reader.call("POST", "/api/sdc/UploadCommandStatus", report).status == 200
    assert authority.audit.reports == [(UID, UUID(number), True)]
    assert reader.call("POST", f"/api/sdc/GetOutstandingCommands?serialNumber={UID}").json == []


def test_the_vendors_card_reader_is_judged_by_its_certificate(authority: Any) -> None:
    for path in ("/api/SecureElements/Audit", "/api/sdc/GetOutstandingCommands", "/api/sdc/UploadCommandStatus"):
        assert authority.stranger().call("POST", path, "{}").code == "TS-1101"
    reader = authority.device(signed_in=False)
    assert reader.call("POST", "/api/sdc/GetOutstandingCommands?serialNumber=WXYZ9876").code == "TS-1313"
    assert reader.call("POST", "/api/SecureElements/Audit", "{}").code == "TS-3101"


def test_s0_041_an_answer_carries_the_newest_head_and_a_device_may_bring_one_back(start: Any) -> None:
    """Beside the wire, in headers that others pass over: status and body stay what they are."""

    class Heads:
        newest = ""

        def __init__(self) -> None:
            self.brought: list[tuple[str, str]] = []

        def bring(self, value: str, reported_by: str) -> None:
            self.brought.append((value, reported_by))

    heads = Heads()
    device = start(checkpoints=heads).device("ABCD1234")
    package = write_sealed(SealedPackage(b"k" * 256, b"i" * 256, b"p" * 64))
    as_json = {"Content-Type": "application/json"}
    without = device.call("POST", "/api/v3/sdc/audit", package, as_json)
    heads.newest = "bmV3ZXN0"
    answered = device.call("POST", "/api/v3/sdc/audit", package, as_json | {"Ts-Checkpoint": "b2xk"})
    assert (answered.status, answered.body) == (without.status, without.body) == (200, without.body)
    assert "ts-checkpoint" not in without.headers
    assert answered.headers["ts-checkpoint"] == heads.newest
    assert heads.brought == [("b2xk", "device:ABCD1234")]
    device.call("POST", "/api/v3/sdc/audit", package, as_json | {"Ts-Checkpoint": "x" * 5_000})
    assert len(heads.brought) == 1, "what is too long for a head is not looked at"
