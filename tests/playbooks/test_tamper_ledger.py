"""What an administrator could do to the ledger's rows, and who shows it: each manipulation by at least two sequences.

The manipulations are data: what is done to one document's rows, in which tables, and whether the keyless hashes are
made to fit again afterwards. Mirror and published checkpoint are left alone, as they lie elsewhere; where a
manipulation fits every table, they and the signed heads must show it.
"""

from __future__ import annotations

import asyncio
import itertools
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import attrs
import psycopg
import pytest
from ledger_bench import CASH, TABLES, LedgerFolder, document, fill, lines, registration
from psycopg.conninfo import make_conninfo

from tallystick.authority.ledger import sweep_tables
from tallystick.authority.ledger.findings import Finding, FindingCode, Shows
from tallystick.authority.ledger.sweep import SweepSources, full_check
from tallystick.simulation.tampering.relink import relink

SALES = 300
VICTIM_NUMBER = 41
COLUMNS = {
    "bodies": "body = set_byte(body, 12, get_byte(body, 12) # 1)",
    "records": "record = convert_to(replace(convert_from(record, 'UTF8'), '\"total\":\"', '\"total\":\"9'), 'UTF8')",
    "leaves": "leaf = set_byte(leaf, 20, get_byte(leaf, 20) # 1)",
    "identity": "verdict = 69",
    "device_links": "link = set_byte(link, 3, get_byte(link, 3) # 1)",
    "taxpayer_links": "body_hash = set_byte(body_hash, 3, get_byte(body_hash, 3) # 1)",
    "type_links": "link = set_byte(link, 31, get_byte(link, 31) # 1)",
    "day_links": "total = total + 10000",
}
"""Tables with a row for each document, and how one is altered."""

KINDS = ("alter", "delete", "swap", "cut")
PAIRED = ("alter", "delete")


@attrs.frozen
class Manipulation:
    """What is done, to which tables, and whether all keyless hashes are computed anew."""

    kind: str
    tables: tuple[str, ...]
    relinked: bool = False

    def __str__(self) -> str:
        return f"{self.kind}:{'+'.join(self.tables)}{':relinked' if self.relinked else ''}"


def manipulations() -> Iterator[Manipulation]:
    """Each kind on each table alone and on all, the simple ones on each pair; some with all hashes made to fit."""
    tables = tuple(COLUMNS)
    for kind in KINDS:
        for count in (1, 2, len(tables)) if kind in PAIRED else (1, len(tables)):
            for some in itertools.combinations(tables, count):
                yield Manipulation(kind, some)
    for kind in KINDS:
        yield Manipulation(kind, tables, relinked=True)
    # Identity and altered leaves are left out here: making all fit again only undoes the manipulation.
    for kind, table in itertools.product(("delete", "cut"), ("bodies", "records", "leaves")):
        yield Manipulation(kind, (table,), relinked=True)
    for table in ("bodies", "records"):
        yield Manipulation("alter", (table,), relinked=True)


SINGLE_ROWS = {
    "device head altered": ["UPDATE ledger.device_heads SET seq = seq - 1 WHERE signed_by = 'ABCD1234'"],
    "device head's total altered": ["UPDATE ledger.device_heads SET total = total - 5 WHERE signed_by = 'ABCD1234'"],
    "device head deleted": ["DELETE FROM ledger.device_heads WHERE signed_by = 'ABCD1234'"],
    "taxpayer head altered": ["UPDATE ledger.taxpayer_heads SET total = total - 10000 WHERE tin = '100000001'"],
    "taxpayer's salt altered": ["UPDATE ledger.taxpayer_heads SET salt = decode(repeat('00', 32), 'hex')"],
    "type head deleted": ["DELETE FROM ledger.type_heads WHERE document_type = 256"],
    "day head altered": ["UPDATE ledger.day_heads SET link = decode(repeat('00', 32), 'hex') WHERE day = 20000"],
    "hole filled silently": ["UPDATE ledger.holes SET first_ordinal = last_ordinal + 1"],
    "hole deleted": ["DELETE FROM ledger.holes"],
    "hole and count filled silently": [
        "DELETE FROM ledger.holes",
        "UPDATE ledger.device_heads SET missing = 0",
    ],
    "full tile altered": ["UPDATE ledger.tiles SET hashes = set_byte(hashes, 99, get_byte(hashes, 99) # 1)"],
    "full tile deleted": ["DELETE FROM ledger.tiles"],
    "tree state altered": [
        "UPDATE ledger.tree_state SET root = decode(repeat('ab', 32), 'hex') WHERE batch = 3",
    ],
    "tree state deleted": ["DELETE FROM ledger.tree_state WHERE batch = 3"],
    "newest tree state deleted": [
        "DELETE FROM ledger.tree_state WHERE batch = (SELECT max(batch) FROM ledger.tree_state)",
    ],
    "signed head altered": [
        "UPDATE ledger.checkpoints SET note = set_byte(note, 40, get_byte(note, 40) # 1)",
    ],
    "signed head deleted": [
        "DELETE FROM ledger.checkpoints WHERE tree_size = (SELECT tree_size FROM ledger.tree_state WHERE batch = 3)",
    ],
    "media type altered": ["UPDATE ledger.bodies SET media_type = 'text/html' WHERE log_index = 50"],
    "salt altered": ["UPDATE ledger.records SET salt = decode(repeat('00', 32), 'hex') WHERE log_index = 50"],
    "leaf of another taxpayer": ["UPDATE ledger.leaves SET tin = '100000002' WHERE log_index = 50"],
    "event's identity deleted": ["DELETE FROM ledger.identity WHERE log_index = 1"],
    "act exchanged": ["UPDATE ledger.identity SET act_hash = decode(repeat('00', 32), 'hex') WHERE log_index = 50"],
    "registration deleted": [
        f"DELETE FROM ledger.{table} WHERE log_index = 1"
        for table in ("leaves", "records", "bodies", "identity", "type_links")
    ],
    "barrier deleted": [
        f"DELETE FROM ledger.{table} WHERE log_index = 0"
        for table in ("leaves", "records", "bodies", "identity", "type_links")
    ],
    "whole device dropped": [
        f"DELETE FROM ledger.{table} WHERE signed_by = 'QRST5555'"
        for table in ("device_links", "device_heads", "identity", "holes")
    ],
    "whole day dropped": ["DELETE FROM ledger.day_links WHERE day = 20000", "DELETE FROM ledger.day_heads"],
    "whole taxpayer dropped": [
        f"DELETE FROM ledger.{table} WHERE tin = '100000002'"
        for table in ("taxpayer_links", "taxpayer_heads", "records", "bodies")
    ],
    "document added quietly": [
        "INSERT INTO ledger.day_links SELECT day, seq + 9999, body_hash, total, link, 50 FROM ledger.day_links LIMIT 1",
    ],
    "body added quietly": [
        "INSERT INTO ledger.bodies SELECT month, 'x', log_index, media_type, body FROM ledger.bodies LIMIT 1",
    ],
    "leaf added at the end": [
        "INSERT INTO ledger.leaves SELECT max(log_index) + 1, min(leaf), min(month), min(tin) FROM ledger.leaves",
    ],
}
"""Manipulations of what is not a document's own row, by name."""


@pytest.fixture(scope="module")
def booked(_hasty_server: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LedgerFolder]:
    """A ledger of two tiles, two taxpayers, three cards, several days, a hole, evidence and a published checkpoint."""
    folder: Path = tmp_path_factory.mktemp("tamper")
    with psycopg.connect(make_conninfo(_hasty_server, dbname="postgres"), autocommit=True) as administrator:
        administrator.execute("CREATE DATABASE tamper TEMPLATE tallystick STRATEGY file_copy")
        ledger = LedgerFolder.make(folder, make_conninfo(_hasty_server, dbname="tamper"))
        asyncio.run(_sell(ledger))
        ledger.publish()
        ledger.back_up()
        assert not ledger.sweep(), "\n".join(lines(ledger.sweep()))
        yield ledger
        administrator.execute("DROP DATABASE tamper WITH (FORCE)")


async def _sell(ledger: LedgerFolder) -> None:
    async with ledger.serving() as (client, _):
        await fill(client, SALES)
        await client.append(document(CASH[0], SALES, 55_000))
        await client.append(document(CASH[1], 1, 10_001, text="another journal"))
        await client.append(registration("LATECARD"))


@pytest.fixture
def ledger(booked: LedgerFolder) -> Iterator[LedgerFolder]:
    """The same ledger for each test, put back afterwards."""
    yield booked
    booked.restore()


def shown_by(findings: list[Finding]) -> set[Shows]:
    """Everybody who shows something."""
    return {shows for one in findings for shows in one.shown_by}


def manipulate(ledger: LedgerFolder, what: Manipulation) -> None:
    """Do it to the rows of one document in the middle; a swap to it and the next of its card; a cut to all after it."""
    victim, other, size = ledger.rows(
        "SELECT min(log_index), max(log_index), (SELECT count(*) FROM ledger.leaves) FROM ledger.identity "
        "WHERE signed_by = %s AND se_total BETWEEN %s AND %s",
        CASH[0], VICTIM_NUMBER, VICTIM_NUMBER + 1,
    )[0]  # fmt: skip
    for table in what.tables:
        row = f"log_index = {victim}"
        if what.kind == "alter":
            ledger.edit(f"UPDATE ledger.{table} SET {COLUMNS[table]} WHERE {row}")
        elif what.kind == "delete":
            ledger.edit(f"DELETE FROM ledger.{table} WHERE {row}")
        elif what.kind == "cut":
            ledger.edit(f"DELETE FROM ledger.{table} WHERE log_index >= {size - 7}")
        else:
            ledger.edit(*swap(table, victim, other))
    if what.relinked:
        relink(ledger.dsn)


def swap(table: str, one: int, other: int) -> tuple[str, ...]:
    """Exchange the places of two rows in their table."""
    return (
        f"UPDATE ledger.{table} SET log_index = -1 WHERE log_index = {one}",
        f"UPDATE ledger.{table} SET log_index = {one} WHERE log_index = {other}",
        f"UPDATE ledger.{table} SET log_index = {other} WHERE log_index = -1",
    )


@pytest.mark.parametrize("what", list(manipulations()), ids=str)
def test_s0_041_each_manipulation_is_shown_by_two(ledger: LedgerFolder, what: Manipulation) -> None:
    """S0-004: rows altered, deleted, exchanged, cut off."""
    manipulate(ledger, what)
    findings = ledger.sweep()
    assert len(shown_by(findings)) >= 2, "\n".join(lines(findings)) or "nothing noticed"


@pytest.mark.parametrize("name", SINGLE_ROWS)
def test_s0_041_rows_that_belong_to_no_document(ledger: LedgerFolder, name: str) -> None:
    ledger.edit(*SINGLE_ROWS[name])
    findings = ledger.sweep()
    assert len(shown_by(findings)) >= 2, "\n".join(lines(findings)) or "nothing noticed"


def test_switch_off_the_anchors(ledger: LedgerFolder) -> None:
    """Without signed heads, mirror and published checkpoint, one who rewrites every table goes unnoticed."""
    manipulate(ledger, Manipulation("alter", ("bodies",), relinked=True))
    ledger.edit("DELETE FROM ledger.checkpoints")
    findings = full_check(ledger.dsn, SweepSources())
    assert {one.code for one in findings} <= {FindingCode.CHECKPOINT_DIFFERS}, "\n".join(lines(findings))
    assert len(shown_by(ledger.sweep())) >= 3


@pytest.mark.parametrize("shows", [Shows.DEVICE, Shows.TAXPAYER, Shows.TYPE, Shows.DAY])
def test_switch_off_one_sequence(ledger: LedgerFolder, monkeypatch: pytest.MonkeyPatch, shows: Shows) -> None:
    """A row of one sequence is deleted: that sequence shows it itself, unless its check is switched off."""
    manipulate(ledger, Manipulation("delete", (f"{shows}_links",)))
    assert shows in shown_by(ledger.sweep())
    monkeypatch.setattr(sweep_tables, "_check_place", lambda table, last, row, walk, report: None)
    monkeypatch.setattr(sweep_tables, "check_standings", lambda snapshot, walk, report: None)
    assert shows not in shown_by(ledger.sweep())


@pytest.mark.parametrize("seed", range(30))
def test_random_damage_is_found_and_never_stops_the_check(ledger: LedgerFolder, seed: int) -> None:
    """One value somewhere in the tables becomes another one of its type: told in findings, without an exception."""
    chance = random.Random(seed)
    columns = ledger.rows(
        "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'ledger' "
        "AND table_name = ANY(%s) AND column_name NOT IN ('month', 'closed_at_ms', 'total_bytes', 'waits', 'epoch', "
        "'right_edge') ORDER BY 1, 2",
        [table for table in TABLES if table != "buyer_salts"],  # these bodies name no buyer
    )
    table, column, kind = chance.choice(columns)
    rows = ledger.rows(f"SELECT ctid, {column} FROM ledger.{table} ORDER BY ctid")
    place, value = chance.choice(rows)
    while True:
        try:
            ledger.damage(table, column, place, _another(chance, kind, value))
            break
        except psycopg.errors.UniqueViolation:  # the server holds against that much; another value, then
            continue
    assert ledger.sweep(), f"{table}.{column} of {place}: {value!r}"


def _another(chance: random.Random, kind: str, value: Any) -> object:
    """Another value of the column's type, near the first or far from it."""
    if kind == "bytea":
        position = chance.randrange(len(value))
        changed = bytes([value[position] ^ (1 << chance.randrange(8))])
        return chance.choice([value[:position] + changed + value[position + 1 :], value[:-1], value + b"\0", b""])
    if kind == "text":
        return chance.choice([value + "X", value[::-1] + "-", "", "9", "Ж"])
    limits = {"smallint": 2**15 - 1, "integer": 2**31 - 1, "bigint": 2**63 - 1}
    return chance.choice([value + 1, value - 1, limits[kind], -limits[kind]])


def test_an_old_backup_is_shown_by_mirror_and_public(booked: LedgerFolder) -> None:
    """All tables together go back to yesterday: nothing in them contradicts, and still two show it."""
    asyncio.run(_restart(booked))
    booked.publish()
    booked.restore()
    findings = booked.sweep()
    assert shown_by(findings) >= {Shows.MIRROR, Shows.PUBLISHED}, "\n".join(lines(findings))


async def _restart(ledger: LedgerFolder) -> None:
    async with ledger.serving():
        pass
