"""What is held about a person comes out once, by two officers, with proofs that hold."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import NAMESPACE_OID, uuid5

import attrs
import psycopg
import pytest
from inspected import Inspected, inspected

from benchmarks.package_maker import sale
from tallystick.authority.oversight.activity import operations as activity
from tallystick.authority.oversight.activity import queries as activity_queries
from tallystick.authority.oversight.activity.values import Act
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.personal import export
from tallystick.authority.projections.personal.sources import NOT_READ, READ_FOR, query_name
from tallystick.authority.projections.personal.subject import Subject
from tallystick.authority.reference.registry.operations import let_user_act_for
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.kernel.merkle import leaf_hash, verify_inclusion
from tallystick.kit.named_sql import load_queries
from tallystick.ops.personal_desk import PersonalDesk
from tallystick.ops.schema.roles import PORTAL, as_role
from tallystick.wire.leaf import read_leaf
from tallystick.wire.signed_note import parse_checkpoint
from tallystick.wire.tlog_proof import read_proof

VERA, OMAR = Person("vera", PAGES), Person("omar", PAGES)
REASON = "the person asked for it in writing on Friday"
BUYER = "10:876543219"


@pytest.fixture
def shops(database: str, tmp_path: Path) -> Iterator[Inspected]:
    """Three documents of one taxpayer, one of another; one of each with the buyer."""
    with inspected(database, tmp_path) as made:
        card, other = made.country.live.card, made.country.live.other
        made.sell(card)
        for one in (card, other):
            made.send(one, *made.sign(one, sale(buyer_id=BUYER)))
        made.send(card, *made.sign(card, sale(buyer_id=BUYER + "0")))
        yield made


def exported(shops: Inspected, **person: str) -> dict[str, bytes]:
    """The files of an export that two officers decided."""
    subject, file = Subject.of(person), io.BytesIO()
    with psycopg.connect(as_role(shops.country.dsn, PORTAL)) as conn:
        number = export.ask(conn, subject, reason=REASON, by=VERA, at=shops.at)
        conn.commit()
        with pytest.raises(Fault, match="TS-4004"):
            export.take(conn, number, shops.at)
        conn.rollback()
        approvals.approve(conn, number, OMAR, shops.at)
        export.write(conn, export.take(conn, number, shops.at), "shell:anna", file, shops.at)
        conn.commit()
        with pytest.raises(Fault, match="TS-4007"):
            export.take(conn, number, shops.at)
    with zipfile.ZipFile(file) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_everything_of_a_taxpayer_with_proofs_that_hold(shops: Inspected) -> None:
    card = shops.country.live.card
    files = exported(shops, tin=card.tin)
    bodies = {name.partition(".")[0]: body for name, body in files.items() if name.endswith(".body")}
    documents = {index for (uid, _), index in shops.entry_of.items() if uid == card.uid}
    assert documents < set(map(int, bodies)), "and the card's registration"
    for name, body in bodies.items():
        about, proof = json.loads(files[f"{name}.about.json"]), read_proof(files[f"{name}.tlog-proof"])
        assert about["bodyHash"] == sha256(body).hex() == json.loads(about["record"])["body_hash"]
        committed = record_commitment(bytes.fromhex(about["salt"]), about["record"].encode())
        assert read_leaf(proof.extra).record_commitment == committed
        head = parse_checkpoint(proof.checkpoint.text)
        verify_inclusion(leaf_hash(proof.extra), int(name), head.size, proof.hashes, head.root)
    with psycopg.connect(shops.country.dsn) as conn:
        (act,) = activity_queries.newest(conn, verb="personal.export")
    assert (act.act.for_whom, act.act.facts["documents"]) == (card.tin, str(len(bodies)))


def test_everything_of_a_buyer_and_of_nobody_else(shops: Inspected, tmp_path: Path) -> None:
    files = exported(shops, buyer=BUYER)
    card, other = shops.country.live.card, shops.country.live.other
    wanted = {shops.entry_of[card.uid, 2], shops.entry_of[other.uid, 1]}
    assert {int(name.partition(".")[0]) for name in files if name.endswith(".body")} == wanted
    with psycopg.connect(shops.country.dsn) as conn:
        assert BUYER not in str([attrs.asdict(one.act) for one in activity_queries.newest(conn)])
    for nobody in ({}, {"tin": "1", "buyer": "2"}, {"tin": "x" * 51}, {"cashier": "Ana"}, {"user": "a", "tin": "1"}):
        with pytest.raises(Fault, match="TS-1220"):
            Subject.of(nobody)
    desk = PersonalDesk(as_role(shops.country.dsn, PORTAL), "shell:anna", lambda: shops.at)
    target = tmp_path / "out.zip"
    with psycopg.connect(as_role(shops.country.dsn, PORTAL)) as conn:
        number = export.ask(conn, Subject.of({"tin": card.tin}), reason=REASON, by=VERA, at=shops.at)
        approvals.approve(conn, number, OMAR, shops.at)
    assert desk.export(number, target).documents == 4
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        desk.export(number, target)
    target.unlink()
    with pytest.raises(Fault, match="TS-4003"):
        desk.export(99, target)
    assert not target.exists(), "nothing is left of what was refused"


def rows(files: dict[str, bytes], table: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in files.get(f"tables/{table}.jsonl", b"").splitlines()]


def test_what_is_written_is_readable_beside_the_raw_bytes(shops: Inspected) -> None:
    files = exported(shops, buyer=BUYER)
    names = [name.removesuffix(".body") for name in files if name.endswith(".body")]
    for name in names:
        said = json.loads(files[f"{name}.json"], parse_float=str)
        assert said["document"] == json.loads(files[f"{name}.body"], parse_float=str), "numbers as they stand there"
        assert (said["kind"], said["erased"], said["buyer"]["opens"]) == ("document", False, True)
        assert said["record"]["facts"]["buyer"] == said["buyer"]["commitment"]
        assert b"\n " in files[f"{name}.json"]
    (asked,) = rows(files, "approvals.request")
    assert asked["content"] == {"buyer": BUYER}


def test_a_taxpayer_gets_the_rows_of_every_table_that_names_him_and_of_no_other(shops: Inspected) -> None:
    card, other = shops.country.live.card, shops.country.live.other
    with psycopg.connect(shops.country.dsn) as conn:
        for tin, user in ((card.tin, "taxpayer"), (other.tin, "operator")):
            let_user_act_for(conn, user, tin)
            activity.record(conn, Act(at=shops.at, actor="officer:vera", verb="inspections.read", for_whom=tin))
        for one in (card, other):
            conn.execute(
                "INSERT INTO intake.refused VALUES (sha256(%s), %s, %s, 'sealed', 4, 'TS-1202', '', 1, now(), now())",
                [one.uid.encode(), one.uid, one.tin],
            )
            conn.execute(
                "INSERT INTO media.upload (upload_id, user_id, username, created_at) VALUES (%s, 1, 'somebody', now())",
                [uuid5(NAMESPACE_OID, one.uid)],
            )
            conn.execute(
                "INSERT INTO media.upload_file (upload_id, position, name, kind, rank, uid, tin, received_at, state,"
                " due_at) VALUES (%s, 1, 'name', 'package', 1, %s, %s, now(), 'waiting', now())",
                [uuid5(NAMESPACE_OID, one.uid), one.uid, one.tin],
            )
            conn.execute(
                "INSERT INTO inspections.case_file (kind, matter, tin, device, opened_at, last_seen_at, looked_at)"
                " VALUES ('unaudited', %s, %s, %s, now(), now(), now())",
                [one.uid, one.tin, f"{one.uid}-{one.uid}"],
            )
    files = exported(shops, tin=card.tin)
    for table, member in (
        ("registry.taxpayer", "tin"), ("registry.secure_element", "tin"), ("intake.refused", "token_tin"),
        ("media.upload_file", "tin"), ("inspections.case_file", "tin"), ("activity.entry", "for_whom"),
    ):  # fmt: skip
        assert {row[member] for row in rows(files, table)} == {card.tin}, table
    (account,) = rows(files, "registry.user_taxpayer")
    assert account["username"] == "taxpayer"
    assert "password" not in account
    assert other.tin.encode() not in b"".join(files.values())


def test_a_cashier_is_found_in_his_taxpayers_documents_alone(shops: Inspected) -> None:
    card, other = shops.country.live.card, shops.country.live.other
    for one in (card, other):
        shops.send(one, *shops.sign(one, sale(cashier="Petra")))
    files = exported(shops, cashier="petra ", tin=card.tin)
    (name,) = [name for name in files if name.endswith(".body")]
    assert int(name.removesuffix(".body")) == max(i for (uid, _), i in shops.entry_of.items() if uid == card.uid)
    with psycopg.connect(shops.country.dsn) as conn:
        assert "etra" not in str([attrs.asdict(one.act) for one in activity_queries.newest(conn)])


def test_a_user_of_the_pages_gets_what_he_did_and_what_was_asked_of_him(shops: Inspected) -> None:
    files = exported(shops, user="vera")
    assert [row["username"] for row in rows(files, "registry.app_user")] == ["vera"]
    assert {row["actor"] for row in rows(files, "activity.entry")} == {"officer:vera"}
    assert {row["asked_by"] for row in rows(files, "approvals.request")} == {"vera"}
    assert not [name for name in files if name.endswith(".body")]


def test_every_table_is_read_for_somebody_or_says_why_not(connection: psycopg.Connection) -> None:
    found = connection.execute(
        "SELECT n.nspname || '.' || c.relname FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
        " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^(pg_|information_schema|public)'"
    ).fetchall()
    tables = {row[0] for row in found}
    read = {table for known in READ_FOR.values() for table in known}
    assert read | set(NOT_READ) == tables, (tables - read - set(NOT_READ), (read | set(NOT_READ)) - tables)
    assert not read & set(NOT_READ)
    known = load_queries("tallystick.authority.projections.personal", "person.sql")
    wanted = {query_name(kind, table) for kind, known_tables in READ_FOR.items() for table in known_tables}
    assert wanted | {"open_uploads"} == set(known)
