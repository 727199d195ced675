"""The processes themselves: two doors on one port, a real pipeline, ledger and database; kill -9 in between."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from ecr_country import ORIGIN, PACK, EcrCountry
from ecr_register import RealRegister, make_folder
from ecr_till import Reply
from public_live import wait_until
from remote_bench import Answering, Control, command_unit, people
from stranger import Stranger
from stranger_papers import papers_of
from stranger_walks import day_on_line
from tallystick_erp import Connection, opening, registration

from tallystick.authority.ledger import queries as ledger
from tallystick.authority.projections.retention import operations as retention
from tallystick.crypto.certificates import pem_of
from tallystick.crypto.keys import PrivateKey
from tallystick.kernel.device_commands import Resend
from tallystick.kernel.faults import Fault
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.retention import RetainedKind, RetentionRules
from tallystick.kit.atomic_file import write_atomically
from tallystick.ops.connecting import connecting_services
from tallystick.ops.pki_registry import pki_services
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role
from tallystick.simulation.sandbox_registers import TestRegisters
from tallystick.wire.compact_jws import read_base64url, write_base64url
from tallystick.wire.document_jws import read_signed
from tallystick.wire.ecr_api import COMMANDS_PATH, DEVICE_PATH, DOCUMENTS_PATH, DeviceStands, Registered, read_answer

GUIDE = Path("docs/guides/national-till.md")


def on_many_connections(country: EcrCountry, number: int, compact: bytes) -> list[Reply]:
    """The same bytes over new connections, until both processes have surely been asked."""
    replies = []
    for _ in range(8):
        till = country.till(number)
        replies.append(till.post(compact))
        till.close()
    return replies


def test_a_day_of_a_register(country: EcrCountry) -> None:
    """S0-054, S0-037, S0-033, S1-015 to S1-019, in the order of a device's life."""
    till = country.till(0)
    before = read_answer(DeviceStands, till.ask("GET", DEVICE_PATH).body)
    assert before.next is not None
    assert before.genesis is not None
    assert (before.next.seq, before.next.prev, before.audience) == ("1", before.genesis.link, ORIGIN)
    assert before.shift is not None
    assert before.shift.state == "unregistered"
    till.begin()
    sold = till.compact()
    first = till.post(sold)
    assert first.status == 201, first.body
    till.moved(sold, first)
    told = read_answer(Registered, first.body)

    own = till.ask("GET", f"{DOCUMENTS_PATH}/{told.number}")
    assert (own.status, own.body) == (200, first.body)
    stranger = country.till(1)
    for path in (f"{DOCUMENTS_PATH}/{told.number}", f"/node/v1/receipts/{told.number}"):
        assert (stranger.ask("GET", path).code, stranger.ask("GET", path).status) == ("TS-4003", 404)
    code = told.verification_url.rpartition("/")[2]
    seen = stranger.ask("GET", f"/node/v1/receipts/{code}").json
    assert (seen["status"], seen["isValid"], seen["code"]["number"]) == ("valid", True, told.number)
    assert till.ask("GET", f"/node/v1/receipts/{told.number}").json["status"] == "valid"
    assert till.ask("GET", f"/node/v1/receipts/{code[:-1]}A").status in (200, 422)

    assert {reply.body for reply in on_many_connections(country, 0, sold)} == {first.body}
    country.kill_doors()
    country.open_doors(1)
    after = country.till(0).post(sold)
    assert (after.status, after.body, after.headers["ts-replayed"]) == (200, first.body, "1")

    stands = read_answer(DeviceStands, country.till(0).ask("GET", DEVICE_PATH).body)
    assert stands.next is not None
    assert (stands.next.seq, read_base64url(stands.next.prev.encode())) == ("4", till.papers.link)
    assert stands.shift is not None
    assert (stands.shift.state, stands.shift.number) == ("open", "1")
    till.close()
    till = country.till(0)

    rows = "SELECT count(*) FROM ledger.leaves"
    size = country.rows(rows)
    wrong = [
        till.compact(sequence=9),
        till.compact(previous=bytes(32)),
        till.compact(audience="fdo.example/aq/test"),
        till.compact(time_ms=unix_ms(till.clock()) + 600_000),
        till.compact(kid=bytes(32)),
        till.compact(nonce=read_signed(sold).header.nonce),
    ]
    codes = [till.post(compact).code for compact in wrong]
    assert codes == ["TS-1402", "TS-1402", "TS-1108", "TS-1301", "TS-1311", "TS-1302"]
    assert till.post(till.compact(), "/node/v1/closures").code == "TS-1220"
    assert country.rows(rows) == size, "refused things change nothing"

    assert till.submit(till.closing()).status == 201
    ended = till.submit(till.closure(), "/node/v1/closures")
    assert (ended.status, ended.json["kind"]) == (201, "memory-closure")
    assert till.post(till.compact(till.closure())).code in ("TS-2401", "TS-2408")


def test_s0_033_a_receipt_is_kept_for_sending_once_and_its_contact_goes(country: EcrCountry) -> None:
    till = country.till(1)
    till.begin()
    told = till.submit().json
    path = f"{DOCUMENTS_PATH}/{told['number']}/deliveries"
    wish = b'{"by":"email","to":"ana@example.org"}'
    first, again = (till.ask("POST", path, wish, Content_Type="application/json") for _ in range(2))
    assert (first.status, again.status, first.body) == (201, 200, again.body)
    assert first.json["state"] == "waiting"
    for number in range(4):
        text = b'{"by":"sms","to":"+38161234567%d"}' % number
        assert till.ask("POST", path, text, Content_Type="application/json").status == 201
    more = till.ask("POST", path, b'{"by":"sms","to":"+381612345679"}', Content_Type="application/json")
    assert (more.status, more.code) == (422, "TS-3241")
    opening = f"{DOCUMENTS_PATH}/{till.uid}-{till.uid}-2/deliveries"
    assert till.ask("POST", opening, wish, Content_Type="application/json").code == "TS-3241"
    assert till.ask("POST", path, wish, Content_Type="text/plain").code == "TS-1002"
    foreign = country.till(0)
    assert foreign.ask("POST", path, wish, Content_Type="application/json").code == "TS-4003"
    assert [one["to"] for one in till.ask("GET", path).json["deliveries"]][:1] == ["ana@example.org"]

    with psycopg.connect(as_role(country.dsn, INTAKE)) as conn:
        with pytest.raises(psycopg.Error), conn.transaction():
            conn.execute("UPDATE ecr.delivery SET contact = 'eve@example.org'")
        with pytest.raises(psycopg.Error), conn.transaction():
            conn.execute("DELETE FROM ecr.delivery")
        later = datetime(2099, 1, 1, tzinfo=UTC)
        removed = retention.carry_out(conn, RetentionRules(), "process:worker", later)
        assert removed[RetainedKind.DELIVERIES] == 5
    left = till.ask("GET", path).json["deliveries"]
    assert {(one["state"], "to" in one) for one in left} == {("erased", False)}


def test_two_documents_in_one_place_are_evidence_and_stop_the_device(country: EcrCountry) -> None:
    till = country.till(1)
    if not till.papers.state.is_registered:
        till.begin()
    stands = read_answer(DeviceStands, till.ask("GET", DEVICE_PATH).body)
    assert stands.next is not None
    till.papers.link = read_base64url(stands.next.prev.encode())
    first, second = till.compact(), till.compact()
    assert till.post(first).status == 201
    reply = till.post(second)
    assert (reply.status, reply.code) == (409, "TS-1403")
    with psycopg.connect(country.dsn) as conn:
        head = ledger.device_head(conn, (till.uid, till.uid))
    assert head is not None
    assert head[0] == read_signed(first).header.sequence
    end = time.monotonic() + 20
    while till.ask("GET", DEVICE_PATH).json["state"] != "hold":
        assert time.monotonic() < end
        time.sleep(0.1)


def test_s1_016_to_s1_018_a_node_asks_and_a_register_presents_itself(country: EcrCountry) -> None:
    """The queue knows nothing yet, and says so; a register without certificate waits for a person, told once."""
    till = country.till(2)
    empty = till.ask("GET", "/node/v1/queue?after=0")
    assert (empty.status, empty.json) == (200, {"items": []})
    assert till.ask("GET", "/node/v1/queue?after=-1").code == "TS-1220"
    assert till.ask("GET", f"/node/v1/queue/{till.uid}-{till.uid}-1").code == "TS-4003"

    stranger = country.stranger()
    assert stranger.ask("GET", DEVICE_PATH).code == "TS-1101"
    said = {
        "tin": till.papers.tin,
        "device_class": "software",
        "build": till.papers.build,
        "serial_number": "0042",
        "key_hash": write_base64url(bytes(32)).decode(),
    }
    path = "/node/v1/registers"
    first, again = (stranger.ask("POST", path, json.dumps(said), Content_Type="application/json") for _ in range(2))
    assert (first.status, again.status, first.json["state"], again.body) == (202, 202, "pending", first.body)
    assert country.rows("SELECT count(*) FROM registry.fiscal_device") == [(len(country.papers),)]
    wrong: list[tuple[dict[str, Any], str]] = [
        ({"tin": "999999999"}, "TS-2402"),
        ({"build": "00" * 32}, "TS-2406"),
        ({"device_class": "v-sdc"}, "TS-1220"),
        ({"form_factor": "robot"}, "TS-1220"),
        ({"key_hash": "AAAA"}, "TS-1220"),
        ({"serial_number": ""}, "TS-1220"),
        ({"serial_number": 42}, "TS-1220"),
        ({"more": "1"}, "TS-1220"),
    ]
    for changes, code in wrong:
        reply = stranger.ask("POST", path, json.dumps(said | changes), Content_Type="application/json")
        assert (changes, reply.code) == (changes, code)
    assert stranger.ask("POST", path, b"[" * 500, Content_Type="application/json").code == "TS-1211"
    assert stranger.ask("POST", path, b"{}", Content_Type="text/plain").code == "TS-1002"
    assert stranger.ask("POST", path, b" " * 9_000, Content_Type="application/json").code == "TS-1003"
    assert (stranger.ask("GET", path).status, stranger.ask("GET", "/openapi.json").status) == (405, 200)
    assert stranger.ask("GET", "/erp/v1/openapi.json").json["info"]["title"] == "ERP channel"


def test_s0_080_an_erp_that_the_registry_knows_issues_documents_itself(country: EcrCountry) -> None:
    """With the reference client, through the processes; a till's paths are open to it, and its own are to no till."""
    erp = country.papers[4]
    (country.folder / "erp.key").write_bytes(PrivateKey(erp.device.key).pem)
    (country.folder / "erp.pem").write_bytes(pem_of(erp.certificate))
    files = (country.folder / "erp.key", country.folder / "erp.pem", country.pki.files.root, country.folder / "erp.db")
    with Connection(f"https://127.0.0.1:{country.port}", *files, build=erp.build) as client:
        client.begin()
        client.submit(registration("acme", "Ledger 9", "0042"), "registration")
        client.submit(opening(), "opening")
        assert client.submit(opening(), "opening").number == "ERPC0001-ERPC0001-2"
        events: list[str] = []
        while len(events) < 2:
            client.read_feed(lambda event: events.append(event["type"]))
        assert client.add_webhook("https://erp.example/hook")["secret"].startswith("whsec_")
    assert country.till(2).ask("GET", "/erp/v1/feed").code == "TS-2405"


def test_s0_030_any_of_the_processes_tells_of_a_command_and_hands_it_out(country: EcrCountry) -> None:
    till = country.till(2)
    with psycopg.connect(country.dsn) as conn:
        people(conn)
        control = Control(conn, command_unit(conn, pki_services(country.pki), datetime.now(UTC)), ORIGIN)
        given = control.give(till.uid, Resend(first=1), at=datetime.now(UTC))
        assert control.sign(datetime.now(UTC)) == 1
    for _ in range(4):
        fresh = country.till(2)
        wait_until(lambda fresh=fresh: fresh.ask("GET", DEVICE_PATH).headers.get("ts-commands") == str(given.number))  # type: ignore[misc]  # bound on purpose
    (compact,) = till.ask("GET", COMMANDS_PATH).json["commands"]
    answering = Answering(till.uid, till.papers.device.key, till.papers.certificate, ORIGIN)
    done = answering.result(given.number, compact.encode(), at=datetime.now(UTC), state="active")
    path = f"{COMMANDS_PATH}/{given.number}/result"
    assert [till.post(done, path).status for _ in range(2)] == [201, 200]


def test_the_guide_leads_to_a_receipt_with_openssl_and_curl_alone(country: EcrCountry, tmp_path: Path) -> None:
    """Every block of the guide, as it stands there, by a device that has its certificate."""
    papers = country.papers[2]
    key = PrivateKey(papers.device.key)
    (tmp_path / "device.key").write_bytes(key.pem)
    (tmp_path / "device.pem").write_bytes(pem_of(papers.certificate))
    (tmp_path / "root.pem").write_bytes(country.pki.files.root.read_bytes())
    blocks = re.findall(r"```sh\n(.*?)```", GUIDE.read_text(encoding="utf-8"), re.DOTALL)
    told = {"ECR": f"https://127.0.0.1:{country.port}", "UID_": papers.uid, "BUILD": papers.build}
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(blocks)],
        cwd=tmp_path, env=os.environ | told, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    where, *answers = done.stdout.splitlines()
    assert where == f"the next document is number 1 of {papers.uid} in {ORIGIN}"
    kinds = [json.loads(line).get("kind") for line in answers[:3]]
    assert kinds == ["registration", "shift-opening", "receipt"], answers
    seen, own, delivery = map(json.loads, answers[3:])
    assert (seen["status"], own, delivery["state"]) == ("valid", json.loads(answers[2]), "waiting")


def test_s0_054_our_own_register_of_the_online_class(country: EcrCountry, tmp_path: Path) -> None:
    root = country.pki.files.root
    folder = make_folder(tmp_path / "till", country.papers[3], country.port, ORIGIN, root, "software")
    till = RealRegister(folder)
    till.do("reg", order="register")
    till.do("open", order="open-shift", cash="100", cashier="Ana")
    sold = till.sell("s1")
    assert till.sell("s1") == sold
    cash = [{"kind": "cash", "amount": "0.50"}]
    lines = [{"name": "Bread", "price": "0.50", "labels": ["A"]}]
    till.do("r1", order="refund", original=sold["number"], payments=cash, lines=lines)
    for name, direction in (("c1", "up"), ("c2", "down")):
        till.do(
            name, order="correct", original=sold["number"], direction=direction, lines=lines, payments=cash,
            reason="price was wrong",
        )  # fmt: skip
    till.sell("f", form={"series": "AB", "number": "1"})
    till.do("x", order="x-report")
    till.register.send_link(3, "email", "a@b.example")
    country.kill_doors()
    with pytest.raises(Fault) as caught:
        till.sell("s2")
    assert caught.value.code in ("TS-3250", "TS-3251")
    country.open_doors(1)
    again = till.sell("s2")
    till.do("z", order="close-shift")
    assert till.background.round()
    code = str(again["verification_url"]).rpartition("/")[2]
    assert country.till(3).ask("GET", f"/node/v1/receipts/{code}").json["status"] == "valid"
    till.do("end", order="close-memory", reason="worn out")
    with pytest.raises(Fault):
        till.do("late", order="open-shift")
    till.opened.close()


def test_e_08_test_registers_are_made_once_whatever_interrupts_and_a_stranger_sells_with_them(
    country: EcrCountry, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registers = TestRegisters(
        root=tmp_path / "registers", pack=PACK, services=pki_services(country.pki),
        connecting=connecting_services(PACK, "https://127.0.0.1:1/"), clock=lambda: datetime.now(UTC),
    )  # fmt: skip
    roles = as_role(country.dsn, PORTAL), as_role(country.dsn, INTAKE)
    for cut in ("build-erp.jws", "request", "code", "device.pem"):

        def cut_off(file: Path, data: bytes, cut: str = cut, **more: Any) -> None:
            if file.name == cut:
                raise InterruptedError
            write_atomically(file, data, **more)

        monkeypatch.setattr("tallystick.simulation.sandbox_registers.write_atomically", cut_off)
        with pytest.raises(InterruptedError):
            registers.prepare(*roles)
    monkeypatch.undo()
    first = registers.folder("SBTILL01")
    key = (first / "device.key").read_bytes()
    builds = registers.prepare(*roles)
    assert (first / "device.key").read_bytes() == key, "its certificate had been issued, and was asked for again"
    certified = (
        "SELECT holder, count(*) FROM pki.issuance WHERE holder LIKE 'device:SB%%' GROUP BY holder ORDER BY holder"
    )
    once = [(f"device:{uid}", 1) for uid in ("SBERPC01", "SBHARD01", "SBTILL01")]
    assert country.rows(certified) == once
    kept = {file: file.read_bytes() for file in registers.root.rglob("*.*")}
    assert registers.prepare(*roles) == builds
    assert {file: file.read_bytes() for file in registers.root.rglob("*.*")} == kept
    assert country.rows(certified) == once

    (registers.folder("SBHARD01") / "device.pem").unlink()
    (registers.folder("SBHARD01") / "request").write_bytes(b"of a code that has ended")
    (registers.folder("SBHARD01") / "code").write_text("AAAAAAAAAAAAAAAAAAAAAAAAAA")
    assert registers.prepare(*roles) == builds

    with psycopg.connect(country.dsn) as conn:
        country.publish(conn)
    papers_of(registers.root, country.pki.files.root, PACK, country.port).write(builds, lambda: time.sleep(0.05))
    stranger = Stranger(first)
    seen = stranger.call("GET", f"/node/v1/receipts/{day_on_line(stranger)}").json
    assert (seen["status"], seen["code"]["number"]) == ("valid", "SBTILL01-SBTILL01-3")
    stranger.close()
