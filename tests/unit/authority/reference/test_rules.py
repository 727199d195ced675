"""The national rules (K-01): a change is written once, with its moment, and is an entry of the ledger."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import psycopg
import pytest

from tallystick.authority.ledger.entry import Booked, EntryKind, NewEntry
from tallystick.authority.oversight.activity import queries as activity
from tallystick.authority.reference.rules import operations, queries
from tallystick.authority.reference.rules.values import ALGORITHMS, TAX_RATES
from tallystick.authority.reference.taxrates import operations as taxrates
from tallystick.kernel.algorithms import REGISTRY, Algorithm, AlgorithmRule, Purpose, Status
from tallystick.kernel.hashing import sha256
from tallystick.ops.national_rules import NationalRules
from tallystick.ops.packs import load_pack
from tallystick.ops.schema.roles import INTAKE, as_role
from tallystick.wire.rule_change import write_algorithms

Connection = psycopg.Connection[Any]
NOW = datetime(2026, 11, 27, 12, 0, tzinfo=UTC)
ENDED = REGISTRY.changed_by([AlgorithmRule(Algorithm.RSA_PSS, Purpose.DOCUMENT, Status.FORBIDDEN)])


class Ledger:
    """Takes entries; the same body has the same index, as in the real one."""

    def __init__(self) -> None:
        self.entries: list[NewEntry] = []

    def __call__(self, entry: NewEntry) -> Booked:
        bodies = [one.body for one in self.entries]
        if entry.body not in bodies:
            self.entries.append(entry)
            bodies.append(entry.body)
        return Booked(
            index=bodies.index(entry.body), verdict=0, duplicate=False, body_hash=sha256(entry.body), tree_size=9
        )


def bodies(ledger: Ledger) -> list[dict[str, Any]]:
    return [msgspec.json.decode(entry.body) for entry in ledger.entries]


def test_k_01_a_change_is_written_once_behind_the_one_before(database: str) -> None:
    ledger = Ledger()
    with psycopg.connect(as_role(database, INTAKE)) as worker:
        rules = NationalRules(REGISTRY, ledger, lambda: NOW)
        assert rules.keep(worker) == 1
        assert rules.keep(worker) == 0, "nothing changed"
        later = NationalRules(ENDED, ledger, lambda: NOW + timedelta(days=1))
        assert later.keep(worker) == 1
        assert NationalRules(REGISTRY, ledger, lambda: NOW + timedelta(days=2)).keep(worker) == 1
        history = queries.history(worker, ALGORITHMS)
        assert [one.number for one in history] == [3, 2, 1]
        assert [one.entry_index for one in history] == [2, 1, 0]
        verbs = [one.act.verb for one in activity.newest(worker)]
    assert verbs == ["rules.adopt"] * 3
    assert {entry.kind for entry in ledger.entries} == {EntryKind.RULE_CHANGE}
    first, second, third = bodies(ledger)
    assert first["previous"] == ""
    assert second["previous"] == sha256(write_algorithms(REGISTRY)).hex()
    assert third["previous"] == sha256(write_algorithms(ENDED)).hex()
    assert third["content"] == first["content"] != second["content"], "a rule may come back, as a change of its own"


def test_the_tax_rates_are_rules_too(connection: Connection) -> None:
    pack, ledger = load_pack("AQ"), Ledger()
    rules = NationalRules(REGISTRY, ledger, lambda: NOW)
    groups = pack.tax_groups
    taxrates.publish_group(connection, groups[0])
    rules.keep(connection)
    subjects = [body["subject"] for body in bodies(ledger)]
    assert subjects == [ALGORITHMS, TAX_RATES]
    assert bodies(ledger)[1]["content"]["groups"][0]["groupId"] == str(groups[0].group_id)


def test_a_crash_before_the_index_is_noted_repeats_the_same_entry(connection: Connection) -> None:
    ledger = Ledger()

    def crashing(entry: NewEntry) -> Booked:
        ledger(entry)
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        NationalRules(REGISTRY, crashing, lambda: NOW).keep(connection)
    connection.rollback()
    assert NationalRules(REGISTRY, ledger, lambda: NOW + timedelta(hours=1)).keep(connection) == 1
    assert len(ledger.entries) == 1


@pytest.mark.parametrize(
    "change",
    ["UPDATE rules.adoption SET content = '\\x00'", "UPDATE rules.adoption SET adopted_at = now()",
     "DELETE FROM rules.adoption", "TRUNCATE rules.adoption"],
)  # fmt: skip
def test_what_was_adopted_stays(connection: Connection, change: str) -> None:
    operations.adopt(connection, ALGORITHMS, b"{}", "process:worker", NOW)
    with pytest.raises(psycopg.Error):
        connection.execute(change)
