"""What is held about a person comes out once, by two officers, with proofs that hold."""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Iterator
from pathlib import Path

import attrs
import psycopg
import pytest
from inspected import Inspected, inspected

from benchmarks.package_maker import sale
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.projections.personal import export
from tallystick.kernel.faults import Fault
from tallystick.kernel.hashing import record_commitment, sha256
from tallystick.kernel.merkle import leaf_hash, verify_inclusion
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
    wanted, file = {"tin": "", "buyer": ""} | person, io.BytesIO()
    with psycopg.connect(as_role(shops.country.dsn, PORTAL)) as conn:
        number = export.ask(conn, **wanted, reason=REASON, by=VERA, at=shops.at)
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
    assert set(map(int, bodies)) == {index for (uid, _), index in shops.entry_of.items() if uid == card.uid}
    for name, body in bodies.items():
        about, proof = json.loads(files[f"{name}.about.json"]), read_proof(files[f"{name}.tlog-proof"])
        assert about["bodyHash"] == sha256(body).hex() == json.loads(about["record"])["body_hash"]
        committed = record_commitment(bytes.fromhex(about["salt"]), about["record"].encode())
        assert read_leaf(proof.extra).record_commitment == committed
        head = parse_checkpoint(proof.checkpoint.text)
        verify_inclusion(leaf_hash(proof.extra), int(name), head.size, proof.hashes, head.root)
    with psycopg.connect(shops.country.dsn) as conn:
        (act,) = activity.newest(conn, verb="personal.export")
    assert (act.act.for_whom, act.act.facts["documents"]) == (card.tin, "3")


def test_everything_of_a_buyer_and_of_nobody_else(shops: Inspected, tmp_path: Path) -> None:
    files = exported(shops, buyer=BUYER)
    card, other = shops.country.live.card, shops.country.live.other
    wanted = {shops.entry_of[card.uid, 2], shops.entry_of[other.uid, 1]}
    assert {int(name.partition(".")[0]) for name in files if name.endswith(".body")} == wanted
    with psycopg.connect(shops.country.dsn) as conn:
        assert BUYER not in str([attrs.asdict(one.act) for one in activity.newest(conn)])
        for tin, buyer in (("", ""), ("1", "2"), ("x" * 41, "")):
            with pytest.raises(Fault, match="TS-1220"):
                export.ask(conn, tin=tin, buyer=buyer, reason=REASON, by=VERA, at=shops.at)
    desk = PersonalDesk(as_role(shops.country.dsn, PORTAL), "shell:anna", lambda: shops.at)
    target = tmp_path / "out.zip"
    with psycopg.connect(as_role(shops.country.dsn, PORTAL)) as conn:
        number = export.ask(conn, tin=card.tin, buyer="", reason=REASON, by=VERA, at=shops.at)
        approvals.approve(conn, number, OMAR, shops.at)
    assert desk.export(number, target).documents == 3
    assert target.stat().st_mode & 0o777 == 0o600
    with pytest.raises(FileExistsError):
        desk.export(number, target)
    target.unlink()
    with pytest.raises(Fault, match="TS-4003"):
        desk.export(99, target)
    assert not target.exists(), "nothing is left of what was refused"
