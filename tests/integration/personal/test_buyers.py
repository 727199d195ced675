"""Part 10 of trust: a buyer stands in the sealed record as a salted commitment, and goes with its salt for good."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest
from inspected import Inspected, inspected
from psycopg.errors import InsufficientPrivilege

from benchmarks.package_maker import sale, seal
from tallystick.authority.intake.kept_apart import QuarantineAndEvidence
from tallystick.authority.ledger import queries as ledger
from tallystick.authority.ledger.findings import Finding, FindingCode
from tallystick.authority.ledger.queries import LedgerDocument
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.inspections.detectors.deletion import Deletion
from tallystick.authority.projections.personal import operations
from tallystick.authority.projections.personal.search import entries_of
from tallystick.authority.projections.personal.subject import Subject
from tallystick.kernel.hashing import buyer_commitment, record_commitment
from tallystick.kernel.inspections import InspectionLimits
from tallystick.kernel.merkle import leaf_hash, verify_inclusion
from tallystick.ops.approved_deeds import do_approved
from tallystick.ops.erasures import Erasures
from tallystick.ops.inspections import OpenAudits
from tallystick.ops.schema.roles import ERASER, INTAKE, PORTAL, SEQUENCER, as_role
from tallystick.wire.audit_data import write_audit_data
from tallystick.wire.leaf import read_leaf
from tallystick.wire.signed_note import parse_checkpoint

VERA, OMAR = Person("vera", PAGES), Person("omar", PAGES)
LAW = "Act on personal data, section 17"
REASON = "the buyer asked, and no tax period is open any more"
BUYER = "10:876543219"


@pytest.fixture
def shop(database: str, tmp_path: Path) -> Iterator[Inspected]:
    """Four documents: without a buyer, with one in two spellings, with another."""
    with inspected(database, tmp_path) as made:
        card = made.country.live.card
        made.sell(card)
        for buyer in (BUYER, "10: 876543219", "10:111"):
            made.send(card, *made.sign(card, sale(buyer_id=buyer)))
        yield made


def index_of(shop: Inspected, number: int) -> int:
    return shop.entry_of[shop.country.live.card.uid, number]


def document(shop: Inspected, index: int) -> LedgerDocument:
    with psycopg.connect(shop.country.dsn) as conn:
        found = ledger.document_by_index(conn, index)
    assert found is not None
    return found


def salts(shop: Inspected) -> dict[int, bytes]:
    with psycopg.connect(shop.country.dsn) as conn:
        return dict(conn.execute("SELECT log_index, salt FROM ledger.buyer_salts").fetchall())


def found(shop: Inspected, buyer: str = BUYER) -> list[int]:
    with psycopg.connect(as_role(shop.country.dsn, PORTAL)) as conn:
        return [one.index for one in entries_of(conn, Subject.of({"buyer": buyer}))]


def erase(shop: Inspected, folder: Path, *indexes: int) -> None:
    """Two officers, the ledger's entry, then body and salt."""
    dsn = shop.country.dsn
    with psycopg.connect(as_role(dsn, PORTAL)) as conn:
        request = operations.ask(conn, indexes, LAW, REASON, VERA, shop.at)
        approvals.approve(conn, request, OMAR, shop.at)
    erasures = Erasures(folder / "sequencer", as_role(dsn, ERASER), folder / "mirror", lambda: shop.at)
    for _ in range(2):
        with psycopg.connect(as_role(dsn, INTAKE)) as conn:
            do_approved(conn, shop.at)
            erasures.work(conn)
        shop.country.loop.run(shop.country.live.shown())


def sweep(shop: Inspected, folder: Path) -> list[Finding]:
    return full_check(shop.country.dsn, SweepSources(mirror_folder=folder / "mirror"))


def test_a_buyer_stands_in_the_record_as_a_commitment_that_its_salt_opens(shop: Inspected, tmp_path: Path) -> None:
    kept = salts(shop)
    assert set(kept) == {index_of(shop, number) for number in (2, 3, 4)}, "none for a document without a buyer"
    commitments = {}
    for number, buyer in ((2, BUYER), (3, BUYER), (4, "10:111")):
        entry = document(shop, index_of(shop, number))
        commitments[number] = entry.facts.facts["buyer"]
        assert commitments[number] == buyer_commitment(kept[entry.index], buyer).hex()
        assert record_commitment(entry.salt, entry.record) == read_leaf(entry.leaf).record_commitment
        assert buyer.encode() not in entry.record + entry.leaf
    assert len(set(commitments.values())) == 3, "two documents of one buyer do not look alike"
    assert "buyer" not in document(shop, index_of(shop, 1)).facts.facts
    assert sweep(shop, tmp_path) == []


def test_a_buyer_is_found_by_the_commitments_without_a_look_at_bodies(shop: Inspected) -> None:
    wanted = [index_of(shop, 2), index_of(shop, 3)]
    assert found(shop) == found(shop, "10:876543219 ") == wanted
    assert found(shop, "10:11") == []
    shop.edit("UPDATE ledger.bodies SET body = 'unreadable' WHERE log_index = ANY(%s)", wanted)
    assert found(shop) == wanted, "the salts tell"
    shop.edit("DELETE FROM ledger.buyer_salts")
    assert found(shop) == [], "without salt and body nothing tells"


def test_entries_that_were_booked_before_there_were_commitments_are_found_by_their_bodies(shop: Inspected) -> None:
    shop.edit("DELETE FROM ledger.buyer_salts")
    assert found(shop) == [index_of(shop, 2)]
    assert found(shop, "10: 876543219") == [index_of(shop, 2), index_of(shop, 3)]


def test_after_an_erasure_every_proof_verifies_and_nothing_tells_the_buyer(shop: Inspected, tmp_path: Path) -> None:
    index, other = index_of(shop, 2), index_of(shop, 3)
    before, salt = document(shop, index), salts(shop)[index]
    erase(shop, tmp_path, index)
    after = document(shop, index)
    assert (after.record, after.leaf, after.salt, after.body) == (before.record, before.leaf, before.salt, b"")
    assert set(salts(shop)) == {other, index_of(shop, 4)}
    assert found(shop) == [other]
    with psycopg.connect(shop.country.dsn) as conn:
        proof = ledger.tlog_proof(conn, index)
        head = parse_checkpoint(proof.checkpoint.text)
        verify_inclusion(leaf_hash(after.leaf), index, head.size, proof.hashes, head.root)
        tables = conn.execute(
            "SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind = 'r' AND n.nspname !~ '^(pg_|information_schema)'"
        ).fetchall()
        for (table,) in tables:
            holds = conn.execute(f"SELECT count(*) FROM {table} t WHERE to_jsonb(t)::text ~ %s", [salt.hex()])
            assert holds.fetchone() == (0,), table
        assert list(Deletion(OpenAudits(), QuarantineAndEvidence(), InspectionLimits()).findings(conn, shop.at)) == []
    assert sweep(shop, tmp_path) == []


def test_tsf_23_a_salt_that_goes_stays_or_changes_by_itself_is_found(shop: Inspected, tmp_path: Path) -> None:
    index = index_of(shop, 2)
    salt = salts(shop)[index]
    for statement in (
        "DELETE FROM ledger.buyer_salts WHERE log_index = %s",
        "UPDATE ledger.buyer_salts SET salt = decode(repeat('00', 32), 'hex') WHERE log_index = %s",
    ):
        shop.edit(statement, index)
        assert [(one.code, one.place) for one in sweep(shop, tmp_path)] == [
            (FindingCode.BUYER_DIFFERS, f"entry {index}")
        ]
        shop.edit("DELETE FROM ledger.buyer_salts WHERE log_index = %s", index)
        shop.edit("INSERT INTO ledger.buyer_salts VALUES (%s, %s)", index, salt)
    shop.edit("INSERT INTO ledger.buyer_salts VALUES (%s, %s)", index_of(shop, 1), salt)
    assert {one.code for one in sweep(shop, tmp_path)} == {FindingCode.BUYER_DIFFERS}
    shop.edit("DELETE FROM ledger.buyer_salts WHERE log_index = %s", index_of(shop, 1))
    erase(shop, tmp_path, index)
    assert sweep(shop, tmp_path) == []
    shop.edit("INSERT INTO ledger.buyer_salts VALUES (%s, %s)", index, salt)
    assert {one.code for one in sweep(shop, tmp_path)} == {FindingCode.BUYER_DIFFERS}


def test_nobody_takes_a_salt_without_the_order_that_takes_the_body(shop: Inspected, tmp_path: Path) -> None:
    index, gone = index_of(shop, 2), index_of(shop, 3)
    erase(shop, tmp_path, gone)
    for role in (SEQUENCER, INTAKE, PORTAL, ERASER, ""):
        dsn = as_role(shop.country.dsn, role) if role else shop.country.dsn
        for statement in (
            "DELETE FROM ledger.buyer_salts WHERE log_index = %s",
            "UPDATE ledger.buyer_salts SET salt = salt WHERE log_index = %s",
        ):
            with psycopg.connect(dsn) as conn, pytest.raises(InsufficientPrivilege):
                conn.execute(statement.encode(), [index])
    for role in (INTAKE, ERASER):
        with psycopg.connect(as_role(shop.country.dsn, role)) as conn, pytest.raises(InsufficientPrivilege):
            conn.execute("SELECT salt FROM ledger.buyer_salts")
    with psycopg.connect(shop.country.dsn) as conn, pytest.raises(InsufficientPrivilege):
        conn.execute("TRUNCATE ledger.buyer_salts")
    assert set(salts(shop)) == {index, index_of(shop, 4)}


def test_what_is_kept_apart_and_evidence_commit_to_their_buyers_too(shop: Inspected) -> None:
    live, card = shop.country.live, shop.country.live.card
    request, result = shop.sign(card, sale(buyer_id=BUYER))
    index = shop.send(card, request, result)
    again = attrs.evolve(request, cashier="Somebody else")
    package = seal(write_audit_data(again, result), card.encryption_key)
    shop.country.loop.run(live.submit(package, shop.at, sender=card))
    shop.country.loop.run(live.shown())
    kinds = dict(live.rows("SELECT log_index, get_byte(leaf, 4) FROM ledger.leaves WHERE log_index >= %s", index))
    assert sorted(kinds.values()) == [1, 5]
    assert set(kinds) <= set(salts(shop))
    assert set(found(shop)) >= set(kinds)
