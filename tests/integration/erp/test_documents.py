"""Documents of ERP systems, one by one and in bulk, at a real door with a real ledger behind it."""

from __future__ import annotations

import json
import socket
import time
from datetime import timedelta
from typing import Any

import attrs
import pytest
from described import Described
from ecr_till import Till
from erp_bench import ErpBench, bulk
from hypothesis import given
from hypothesis import strategies as st

from tallystick.authority.channels.erp import bulk as bulk_rules
from tallystick.authority.channels.erp import keys, store, tasks
from tallystick.crypto.national_oids import DeviceClass
from tallystick.kernel.faults import Fault
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.instants import unix_ms
from tallystick.kernel.national_document import DocumentKind, Sale
from tallystick.wire.document_jws import read_signed
from tallystick.wire.erp_api import DOCUMENTS_PATH
from tallystick.wire.openapi_erp import erp_api

DESCRIBED = Described(erp_api())


def post(till: Till, compact: bytes, key: str = "") -> Any:
    return till.post(compact, DOCUMENTS_PATH, **({"Idempotency_Key": key} if key else {}))


def signed(till: Till, count: int) -> list[bytes]:
    """Receipts in a row; the papers go on with each."""
    return [till.papers.sell(till.clock()) for _ in range(count)]


def verdicts(reply: Any) -> list[dict[str, Any]]:
    assert reply.status == 200, reply.body
    lines = [json.loads(line) for line in reply.body.splitlines()]
    for line in lines:
        DESCRIBED.validate({"$ref": "#/components/schemas/Verdict"}, line)
    return lines


def test_s0_080_an_erp_books_with_its_own_sequence_and_the_same_bytes_get_the_same_answer(bench: ErpBench) -> None:
    till = bench.opened()
    compact = till.compact()
    first, again = post(till, compact), post(till, compact)
    assert (first.status, again.status, again.body) == (201, 200, first.body)
    DESCRIBED.validate({"$ref": "#/components/schemas/Registered"}, first.json)
    [(channel,)] = bench.rows(
        "SELECT convert_from(record, 'UTF8')::json ->> 'channel' FROM ledger.records WHERE log_index = %s",
        int(first.json["index"]),
    )
    assert channel == "5"


def test_s0_080_the_channel_is_for_the_erp_class_alone(bench: ErpBench) -> None:
    till, size = bench.device(DeviceClass.SOFTWARE), bench.size()
    paths = [("POST", "/erp/v1/documents"), ("POST", "/erp/v1/bulk"), ("GET", "/erp/v1/feed")]
    assert {till.ask(method, path).code for method, path in paths} == {"TS-2405"}
    assert bench.size() == size
    assert bench.device().ask("GET", "/erp/v2/feed").code == "TS-1007"


def test_s0_019_a_key_names_one_act_also_for_an_erp_that_lost_what_it_signed(bench: ErpBench) -> None:
    till = bench.opened()
    compact, anew = till.compact(), till.compact()
    first = post(till, compact, "order-4711")
    size = bench.size()
    other = post(till, anew, "order-4711")
    assert (other.status, other.code) == (409, "TS-3290")
    assert other.json["expected"] == {"number": first.json["number"], "index": first.json["index"]}
    assert bench.size() == size, "nothing is booked, and no evidence of two documents is made"
    assert bench.door.view.devices[till.uid].state == "active"
    again = post(till, compact, "order-4711")
    assert (again.status, again.body) == (200, first.body)
    till.moved(compact, first)
    assert post(till, till.compact(), "order-4712").status == 201


def test_s0_090_nothing_of_an_erp_is_taken_later_than_the_window(bench: ErpBench) -> None:
    """There is no offline for this class: neither one by one nor in a bulk."""
    till = bench.opened()
    size, hour_ago = bench.size(), unix_ms(till.clock()) - 3_600_000
    late = till.compact(time_ms=hour_ago)
    assert post(till, late).code == "TS-1301"
    assert verdicts(bulk(till, [late]))[0]["problem"]["code"] == "TS-1301"
    assert bench.size() == size


def test_a_refused_document_leaves_its_key_free(bench: ErpBench) -> None:
    till = bench.opened()
    late = till.compact(time_ms=unix_ms(till.clock()) + 600_000)
    assert post(till, late, "order-1").code == "TS-1301"
    assert post(till, till.compact(), "order-1").status == 201


def test_while_the_first_act_is_in_doubt_the_key_waits_for_it(bench: ErpBench) -> None:
    """As a crash leaves it: the key was noted, and nobody knows what became of the document."""
    till = bench.opened()
    lost = read_signed(till.compact())
    with bench.door.services.pool.connection() as conn:
        at = bench.door.clock()
        query = "INSERT INTO erp.act_key (uid, key, act_hash, sequence, taken_at) VALUES (%s, 'k', %s, %s, %s)"
        conn.execute(query, [till.uid, lost.act_hash, lost.header.sequence, at])
    anew = till.compact()
    waits = post(till, anew, "k")
    assert (waits.status, waits.code, waits.headers["retry-after"]) == (409, "TS-3291", "2")
    assert post(till, lost.compact, "k").status == 201, "the first one itself is welcome"
    assert post(till, anew, "k").code == "TS-3290"


def test_s0_019_a_copy_that_is_refused_does_not_free_the_key_of_an_act_in_work(bench: ErpBench) -> None:
    """Two copies at once: one finds no room and lets go of the key, the other one is being booked.

    What is signed behind the act waits for it; in its own place nothing else can be booked beside it.
    """
    till = bench.opened()
    in_work, behind = map(read_signed, signed(till, 2))
    with bench.door.services.pool.connection() as conn:
        at = bench.door.clock()
        keys.take(conn, till.uid, "k", in_work, at)
        store.let_key_go(conn, till.uid, "k", in_work.act_hash)
        with pytest.raises(Fault, match="TS-3291"):
            keys.take(conn, till.uid, "k", behind, at)
    assert post(till, in_work.compact, "k").status == 201
    assert post(till, behind.compact, "k").code == "TS-3290"


def test_a_key_whose_act_can_never_be_booked_is_free(bench: ErpBench) -> None:
    till = bench.opened()
    lost = read_signed(till.compact())
    with bench.door.services.pool.connection() as conn:
        at = bench.door.clock() - timedelta(minutes=11)
        query = "INSERT INTO erp.act_key (uid, key, act_hash, sequence, taken_at) VALUES (%s, 'old', %s, %s, %s)"
        conn.execute(query, [till.uid, lost.act_hash, lost.header.sequence, at])
    assert post(till, till.compact(), "old").status == 201


def test_keys_go_when_they_have_had_their_time_and_their_acts_stay(bench: ErpBench) -> None:
    till = bench.opened()
    compact = till.compact()
    first = post(till, compact, "order-1")
    till.moved(compact, first)
    now = bench.door.clock()
    with bench.door.services.pool.connection() as conn:
        kept = tasks.forget_keys(conn, now)
        conn.execute("UPDATE erp.act_key SET taken_at = taken_at - interval '7 days' WHERE uid = %s", [till.uid])
        assert (kept, tasks.forget_keys(conn, now)) == (0, 1)
    assert post(till, compact, "order-1").body == first.body
    assert post(till, till.compact(), "order-2").status == 201


def test_keys_of_refused_acts_go_soon_unless_the_act_is_booked_all_the_same(bench: ErpBench) -> None:
    """Else whoever has everything refused fills the database with keys for a week."""
    till = bench.opened()
    for number in range(5):
        late = till.compact(time_ms=unix_ms(till.clock()) + 600_000)
        assert post(till, late, f"refused-{number}").code == "TS-1301"
    compact = till.compact()
    assert post(till, compact, "booked").status == 201
    with bench.door.services.pool.connection() as conn:
        store.let_key_go(conn, till.uid, "booked", read_signed(compact).act_hash)  # by another door's copy of it
        now = bench.door.clock()
        assert tasks.forget_keys(conn, now) == 0
        later = now + timedelta(minutes=11)
        assert tasks.forget_keys(conn, later) >= 5
        assert conn.execute("SELECT key FROM erp.act_key WHERE uid = %s", [till.uid]).fetchall() == [("booked",)]
    assert post(till, till.compact(), "booked").code == "TS-3290"


@pytest.mark.parametrize("key", ["", " ", "order 4711", "ä", "x" * 129])
def test_a_key_that_is_none_is_refused(bench: ErpBench, key: str) -> None:
    till = bench.opened()
    size = bench.size()
    reply = till.post(till.compact(), DOCUMENTS_PATH, Idempotency_Key=key)
    assert (reply.status, reply.code, bench.size()) == (400, "TS-3292", size)


def test_two_keys_are_none() -> None:
    """A proxy before us may believe the first one, and we the last."""
    assert keys.read_key([b"order-1"]) == "order-1"
    assert keys.read_key([]) == ""
    with pytest.raises(Fault, match="TS-3292"):
        keys.read_key([b"order-1", b"order-2"])


def test_s0_019_a_bulk_has_a_verdict_a_line_and_again_the_same_answers(bench: ErpBench) -> None:
    till = bench.opened()
    documents = signed(till, 5)
    first = verdicts(bulk(till, documents))
    assert [one["state"] for one in first] == ["booked"] * 5
    assert [one["line"] for one in first] == ["1", "2", "3", "4", "5"]
    again = verdicts(bulk(till, documents))
    assert [one["state"] for one in again] == ["repeated"] * 5
    assert [one["answer"] for one in again] == [one["answer"] for one in first]
    own = till.ask("GET", f"/ecr/v1/documents/{first[2]['answer']['number']}")
    assert own.json == first[2]["answer"]


def test_behind_a_refused_document_nothing_is_tried(bench: ErpBench) -> None:
    till = bench.opened()
    good = signed(till, 2)
    sale = till.papers.sale()
    wrong = till.papers.sign(till.papers.receipt(wrong_total(sale)), till.clock())
    behind = signed(till, 2)
    size = bench.size()
    said = verdicts(bulk(till, [*good, wrong, *behind]))
    assert [one["state"] for one in said] == ["booked", "booked", "refused", "not-tried", "not-tried"]
    assert said[2]["problem"]["code"] == "TS-2003"
    assert bench.size() == size + 2
    said = verdicts(bulk(till, [*good, wrong, *behind]))
    assert [one["state"] for one in said] == ["repeated", "repeated", "refused", "not-tried", "not-tried"]


def test_a_gap_in_a_bulk_says_what_is_expected(bench: ErpBench) -> None:
    till = bench.opened()
    [first, _, third] = signed(till, 3)
    said = verdicts(bulk(till, [first, third]))
    assert [one["state"] for one in said] == ["booked", "refused"]
    assert said[1]["problem"]["code"] == "TS-1402"
    assert said[1]["problem"]["expected"]["ts-seq"] == "4"


def test_a_bulk_that_is_none_is_refused_whole(bench: ErpBench, monkeypatch: pytest.MonkeyPatch) -> None:
    till = bench.opened()
    documents, size = signed(till, 3), bench.size()
    assert bulk(till, []).code == "TS-3294"
    assert bulk(till, [documents[0], b"", documents[1]]).code == "TS-3294"
    assert bulk(till, documents, Content_Type="application/jose").code == "TS-1002"
    assert bulk(till, documents, Content_Encoding="gzip").code == "TS-1002"
    assert bulk(till, documents, Idempotency_Key="k").code == "TS-3292"
    assert bulk(till, [b"x" * (256 * 1024 + 1)]).code == "TS-3294"
    monkeypatch.setattr(bulk_rules, "DOCUMENTS_MOST", 2)
    assert bulk(till, documents).code == "TS-3294"
    monkeypatch.setattr(bulk_rules, "BYTES_MAX", 100)
    assert bulk(bench.another(till), documents).code == "TS-1003"
    assert bench.size() == size
    assert verdicts(bulk(till, [b"nonsense"]))[0]["problem"]["code"] == "TS-1201"


def test_a_bulk_that_is_cut_short_books_nothing_and_whole_afterwards_everything(bench: ErpBench) -> None:
    """The connection ends in the middle of the body; then the answer is not waited for; then the same bulk again."""
    till = bench.opened()
    documents, size = signed(till, 20), bench.size()
    body = b"\n".join(documents)
    head = (
        b"POST /erp/v1/bulk HTTP/1.1\r\nhost: x\r\ncontent-type: application/vnd.tallystick.documents\r\n"
        b"content-length: %d\r\n\r\n" % len(body)
    )
    for sent in (head + body[: len(body) // 2], head + body):
        plain = socket.create_connection(("127.0.0.1", bench.door.port))
        with till.context.wrap_socket(plain, server_hostname="127.0.0.1") as tls:
            tls.sendall(sent)
            if sent.endswith(body):
                assert tls.recv(10).startswith(b"HTTP/1.1 2")
        if not sent.endswith(body):
            assert bench.size() == size
    reply = bulk(till, documents)
    while reply.status != 200:
        assert reply.code == "TS-1006", "the first one is in work still"
        time.sleep(0.1)
        reply = bulk(till, documents)
    said = verdicts(reply)
    assert {one["state"] for one in said} <= {"booked", "repeated"}
    assert bench.size() == size + 20


def test_while_intake_is_stopped_a_bulk_is_unsettled_and_comes_again(
    bench: ErpBench, monkeypatch: pytest.MonkeyPatch
) -> None:
    till = bench.opened()
    documents, size = signed(till, 2), bench.size()
    with monkeypatch.context() as patch:
        patch.setattr(bench.door.services.intake, "stopped", True)
        said = verdicts(bulk(till, documents))
        waits = post(till, documents[0], "order-1")
    assert [one["state"] for one in said] == ["unsettled", "not-tried"]
    assert (said[0]["problem"]["code"], said[0]["problem"]["retry"]) == ("TS-5001", "after")
    assert (waits.status, waits.code, bench.size()) == (503, "TS-5001", size)
    assert post(till, documents[0], "order-1").status == 201, "the key has waited for its act"
    assert [one["state"] for one in verdicts(bulk(till, documents))] == ["repeated", "booked"]


@given(st.binary(max_size=200))
def test_a_body_is_a_bulk_or_refused_and_never_another_error(body: bytes) -> None:
    try:
        lines = bulk_rules.read_lines(body)
    except Fault as fault:
        assert_code(fault, "TS-3294")
    else:
        assert b"\n".join(lines) == body.removesuffix(b"\n")
        assert all(lines)


def assert_code(fault: Fault, code: str) -> None:
    assert fault.code == code


def test_a_connection_has_one_bulk_in_work(bench: ErpBench) -> None:
    till = bench.opened()
    documents, size = signed(till, 2), bench.size()
    with bench.services.one_bulk(bench.door.services.gatekeeper.admit(till.papers.certificate, till.clock())):
        assert bulk(till, documents).code == "TS-1006"
        assert bench.size() == size
    assert [one["state"] for one in verdicts(bulk(till, documents))] == ["booked"] * 2
    assert bench.services.bulks == set()


def test_a_correction_and_the_end_of_a_shift_come_by_bulk_as_well(bench: ErpBench) -> None:
    till = bench.opened()
    documents = [
        *signed(till, 2),
        till.papers.report(till.clock(), DocumentKind.STATUS),
        till.papers.report(till.clock()),
    ]
    assert [one["state"] for one in verdicts(bulk(till, documents))] == ["booked"] * 4


def wrong_total(sale: Sale) -> Sale:
    return attrs.evolve(sale, total=Money(sale.total.scaled + 1))
