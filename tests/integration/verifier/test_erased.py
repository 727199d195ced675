"""Bodies that the law had erased: lawful in the verifier's eyes by the order in the log, and by nothing else."""

from __future__ import annotations

import gzip
import json
from base64 import b64decode, b64encode
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest
from export_bench import SINCE, codes, entries, run, small_parts_of, spoil
from psycopg.conninfo import make_conninfo
from signed_ledger import SignedLedger

from tallystick.authority.ledger.entry import Channel, EntryKind, NewEntry
from tallystick.authority.ledger.export import ExportScope, export_ledger
from tallystick.kernel.hashing import sha256
from tallystick.kernel.instants import epoch_day, unix_ms
from tallystick.ops.schema.roles import ERASER, as_role
from tallystick.verifier.breaks import BreakCode
from tallystick.wire.erasure import ERASURE_MEDIA_TYPE, Erasure, write_erasure

UID = "ABCD1234"
SALES = 40
GONE = (5, 37)
"""Entries in the first and in the second part."""
ORDER = SALES + 3
"""Behind two barriers and a registration."""


@pytest.fixture(scope="module")
def signed(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SignedLedger]:
    """One card's documents, of which two have lost their bodies to the law."""
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE erased TEMPLATE tallystick STRATEGY file_copy")
        dsn = make_conninfo(_hasty_server, dbname="erased")
        made = SignedLedger.make(tmp_path_factory.mktemp("erased"), dsn, cards={UID: "100000001"})
        made.book(made.sales(SALES, since=SINCE, buyers=True), register=True)
        made.book([_order(made)])
        with psycopg.connect(as_role(dsn, ERASER)) as connection:
            for index in GONE:
                connection.execute("SELECT eraser.erase(%s, %s)", [index, ORDER])
        yield made
        administrator.execute("DROP DATABASE erased WITH (FORCE)")


def _order(made: SignedLedger) -> NewEntry:
    bodies = {index: bytes(body) for index, body in made.ledger.rows("SELECT log_index, body FROM ledger.bodies")}
    erasure = Erasure(
        law="Act on personal data, section 17",
        asked_by="vera",
        approved_by="omar",
        at_ms=unix_ms(datetime.now(UTC)),
        request=1,
        erased={index: sha256(bodies[index]).hex() for index in GONE},
    )
    return NewEntry(
        kind=EntryKind.ERASURE,
        channel=Channel.NONE,
        body=write_erasure(erasure),
        media_type=ERASURE_MEDIA_TYPE,
        received_at_ms=erasure.at_ms,
    )


@pytest.fixture
def copy(signed: SignedLedger, tmp_path: Path) -> Path:
    """An export of everything, in two parts, that a test may spoil."""
    with pytest.MonkeyPatch.context() as patch:
        small_parts_of(patch)
        export_ledger(signed.ledger.dsn, tmp_path / "copy", ExportScope(), issuers=signed.issuers)
    return tmp_path / "copy"


def test_a_ledger_is_whole_without_the_bodies_that_the_law_took(copy: Path, signed: SignedLedger) -> None:
    outcome, found = run(copy, signed)
    assert outcome.is_whole, found
    assert outcome.tally["erased bodies"] == len(GONE)
    assert outcome.tally["signatures"] == SALES - len(GONE)


@pytest.mark.parametrize(
    "scope",
    [ExportScope(tin="100000001"), ExportScope(device=(UID, UID)), ExportScope(day=epoch_day(SINCE))],
    ids=["taxpayer", "device", "day"],
)
def test_a_selection_takes_the_order_along(signed: SignedLedger, tmp_path: Path, scope: ExportScope) -> None:
    export_ledger(signed.ledger.dsn, tmp_path / "some", scope, issuers=signed.issuers)
    outcome, found = run(tmp_path / "some", signed)
    assert outcome.is_whole, found
    assert outcome.tally["erased bodies"] > 0


def test_salts_come_along_with_bodies_and_go_with_them(copy: Path, signed: SignedLedger) -> None:
    salts = dict(signed.ledger.rows("SELECT log_index, salt FROM ledger.buyer_salts"))
    assert len(salts) == SALES // 2 - len(GONE)
    seen: dict[int, bytes] = {}
    for path in sorted((copy / "parts").iterdir()):
        lines = map(json.loads, gzip.decompress(path.read_bytes()).splitlines())
        seen |= {line["index"]: b64decode(line["buyer_salt"]) for line in lines if "buyer_salt" in line}
    assert seen == {index: bytes(salt) for index, salt in salts.items()}


def _salt_outlives(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == GONE[0]:
            one["buyer_salt"] = b64encode(bytes(32)).decode()


def _another_salt(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == 7:
            one["buyer_salt"] = b64encode(bytes(32)).decode()


def _salt_of_nothing(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == 6:
            one["buyer_salt"] = b64encode(bytes(32)).decode()


@pytest.mark.parametrize("change", [_salt_outlives, _another_salt, _salt_of_nothing])
def test_tsv_27_a_commitment_that_does_not_open_is_named(copy: Path, signed: SignedLedger, change: Any) -> None:
    spoil(copy, change, 0)
    outcome, found = run(copy, signed)
    assert not outcome.is_whole
    assert codes(found) == {BreakCode.BUYER}, found


def _body_of_nobody(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == 9:
            one["media_type"], one["body"] = f"application/vnd.tallystick.erased; entry={ORDER}", ""


def _ordered_by_another(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == GONE[0]:
            one["media_type"] = "application/vnd.tallystick.erased; entry=3"


def _no_tombstone(lines: list[dict[str, Any]]) -> None:
    for one in entries(lines):
        if one["index"] == GONE[0]:
            one["media_type"] = "application/json"


def _another_hash(lines: list[dict[str, Any]]) -> None:
    """An order that names another body is not the one that the leaf commits to."""
    for one in lines:
        if one.get("index") == ORDER:
            said = json.loads(b64decode(one.pop("body_base64"))) if "body_base64" in one else json.loads(one["body"])
            said["erased"][str(GONE[0])] = "00" * 32
            one["body"] = json.dumps(said, separators=(",", ":"))


@pytest.mark.parametrize(
    ("change", "part", "expected"),
    [
        (_body_of_nobody, 0, {BreakCode.BODY_MISSING}),
        (_ordered_by_another, 0, {BreakCode.BODY_MISSING}),
        (_no_tombstone, 0, {BreakCode.BODY}),
        (_another_hash, 1, {BreakCode.BODY, BreakCode.BODY_MISSING}),
    ],
    ids=["nobody-ordered", "another-order", "no-tombstone", "another-hash"],
)
def test_a_body_that_goes_without_an_order_is_missing(
    copy: Path, signed: SignedLedger, change: Any, part: int, expected: set[BreakCode]
) -> None:
    spoil(copy, change, part)
    outcome, found = run(copy, signed)
    assert not outcome.is_whole
    assert expected <= codes(found), found
