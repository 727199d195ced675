"""What guards the queue: only what was sealed is sent, and everybody sees his own rows alone."""

from __future__ import annotations

import psycopg
import pytest
from tax_bench import OFFICER, START, WHY, ZONE, LiveService, TaxBench

from tallystick.authority.projections.taxservice import operations, queries, store
from tallystick.authority.projections.taxservice.kinds import DocumentKind
from tallystick.authority.projections.taxservice.values import State
from tallystick.kernel.faults import Fault
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.simulation.tax_service import Manner
from tallystick.wire.tax_service import read_document


def test_receipts_only_grow(bench: TaxBench, service: LiveService) -> None:
    bench.book(1)
    bench.fold()
    bench.send(service.way)
    for statement in ("DELETE FROM taxservice.receipt", "UPDATE taxservice.receipt SET again = true"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), psycopg.connect(bench.dsn) as owner:
            owner.execute(statement.encode())


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE ledger.bodies SET body = 'another'",
        "UPDATE ledger.bodies SET body = ''",
        "DELETE FROM ledger.bodies",
        "UPDATE ledger.records SET salt = sha256('x')",
        "DELETE FROM ledger.records",
        "UPDATE ledger.records SET record = convert_to(replace(convert_from(record, 'UTF8'), '10000', '1000'), 'UTF8')",
    ],
)
def test_ts_3210_what_is_not_as_it_was_sealed_does_not_leave_the_house(
    bench: TaxBench, service: LiveService, damage: str
) -> None:
    bench.book(1)
    bench.fold()
    bench.edit(damage)
    bench.send(service.way)
    assert [(one.state, one.code) for one in bench.dead()] == [(State.GIVEN_UP, "TS-3210")]
    assert service.store.count() == (0, 0)


def test_what_the_law_had_erased_is_sent_without_its_body_and_nothing_else_is(
    bench: TaxBench, service: LiveService
) -> None:
    bench.book(2)
    bench.erase(0)
    bench.edit("UPDATE ledger.bodies SET body = '', media_type = 'application/vnd.tallystick.erased; entry=2' "
               "WHERE log_index = 1")  # fmt: skip
    assert bench.fold() == 3
    bench.send(service.way)
    assert bench.states() == {State.ACCEPTED: 1, State.GIVEN_UP: 1}
    (content,) = service.store.contents()
    told, body = read_document(content)
    assert (told.erased, body, told.body_hash) == (True, b"", bench.body_hash(0))
    assert [one.log_index for one in bench.dead()] == [1], "an order that names another entry erases nothing here"


def test_a_document_whose_record_lacks_is_an_item_as_well(bench: TaxBench, service: LiveService) -> None:
    bench.book(2)
    bench.edit("DELETE FROM ledger.records WHERE log_index = 0")
    bench.fold()
    bench.send(service.way)
    (dead,) = bench.dead()
    assert (dead.log_index, dead.kind) == (0, DocumentKind.UNREADABLE)
    assert bench.states() == {State.ACCEPTED: 1, State.GIVEN_UP: 1}


def test_only_what_is_behind_the_gate_is_taken(bench: TaxBench) -> None:
    bench.book(2)
    bench.edit("DELETE FROM ledger.checkpoints")
    assert bench.fold() == 0
    assert bench.states() == {}


def test_s1_016_a_server_node_asks_how_its_own_documents_stand(bench: TaxBench, service: LiveService) -> None:
    bench.book(3)
    bench.book(2, "WXYZ9876")
    bench.fold()
    bad = bench.entries[1].act_hash.hex()
    service.inside.judge = lambda document: Manner.REFUSES if document.act == bad else None
    bench.send(service.way)
    bench.book(1)
    device = ("ABCD1234", "ABCD1234")
    found = queries.own_documents(bench.conn, device)
    assert [(one.sequence, one.ordinal, one.state) for one in found] == [
        (1, 1, State.ACCEPTED),
        (2, 2, State.REJECTED),
        (3, 3, State.ACCEPTED),
        (4, 4, State.WAITING),
    ]
    assert found[1].reason == "The taxpayer is not in our register."
    assert found[0].at == START
    assert queries.own_documents(bench.conn, device, after=3) == found[3:]
    assert queries.own_documents(bench.conn, device, limit=1) == found[:1]
    assert queries.own_document(bench.conn, device, 2) == found[1]
    assert queries.own_document(bench.conn, device, 9) is None
    assert queries.own_document(bench.conn, ("ABCD1234", "WXYZ9876"), 1) is None


def test_the_pages_see_and_send_again_for_whom_they_act_alone(bench: TaxBench, service: LiveService) -> None:
    bench.book(1)
    bench.book(1, "QRST5555")
    bench.book(1)
    bench.fold()
    first = bench.entries[0].act_hash.hex()
    service.inside.judge = lambda document: None if document.act == first else Manner.REFUSES
    bench.send(service.way)
    with psycopg.connect(as_role(bench.dsn, PORTAL), autocommit=True) as pages:
        for table in ("item", "receipt"):
            with pytest.raises(psycopg.Error, match=r"tallystick\.taxpayers|malformed array"):
                pages.execute(f"SELECT * FROM taxservice.{table}".encode())
        with store.acting(pages, ["100000002"]):
            assert [one.log_index for one in queries.dead_letters(pages)] == [1]
            assert pages.execute("SELECT * FROM taxservice.receipt").fetchall() == []
            with pytest.raises(Fault, match="TS-4003"):
                operations.resend(pages, OFFICER, WHY, bench.at, ZONE, log_index=2)
        with store.acting(pages, ["100000001"]):
            assert len(pages.execute("SELECT * FROM taxservice.receipt").fetchall()) == 1
        with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(pages, None):
            pages.execute("UPDATE taxservice.item SET state = 'waiting', next_at = now()")
        with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(pages, None):
            pages.execute("DELETE FROM taxservice.item")
