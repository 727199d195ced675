"""Taxpayers are kept apart in the database, too: the pages' role sees a row only for the person it says it serves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID

import attrs
import psycopg
import pytest
from psycopg import sql

from tallystick.authority.channels.sdc.uploads import operations, queries, store
from tallystick.authority.channels.sdc.uploads.values import FileKind, Offered, Sender
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

NOW = datetime(2026, 11, 27, 12, tzinfo=UTC)
FIRST = Sender(user_id=1, username="first", acts_for=("100000001",))
SECOND = Sender(user_id=2, username="second", acts_for=("100000002",))
OFFICER = Sender(user_id=3, username="officer", acts_for=None)
HASH = bytes(32)

TAXPAYER_COLUMNS = ("tin", "acts_for", "user_id", "taxpayer", "taxpayer_id", "owner_tin")
PUBLIC = "the public page shows any receipt to who holds it, and proves any leaf"
OFFICERS = "officers' pages alone read it"
OPEN = {
    "agreements.agreement": OFFICERS,
    "batches.batch": OFFICERS,
    "batches.matter": OFFICERS,
    "builds.maker": "says for which maker somebody acts, and no taxpayer is in it",
    "ecr.delivery": OFFICERS,
    "inspections.case_file": "cases are for officers alone, and no taxpayer's page reads them",
    "intake.quarantine": "officers see what was put aside, and no taxpayer's page reads it",
    "intake.refund_claim": OFFICERS,
    "intake.settled_place": OFFICERS,
    "ledger.bodies": PUBLIC,
    "ledger.device_heads": PUBLIC,
    "ledger.identity": PUBLIC,
    "ledger.leaves": PUBLIC,
    "ledger.records": PUBLIC,
    "ledger.taxpayer_heads": PUBLIC,
    "ledger.taxpayer_links": PUBLIC,
    "pki.issuance": OFFICERS,
    "production.order_line": OFFICERS,
    "registry.device_certificate": OFFICERS,
    "registry.fiscal_device": OFFICERS,
    "registry.pending_register": OFFICERS,
    "registry.premises": PUBLIC,
    "registry.register_rule": OFFICERS,
    "registry.secure_element": PUBLIC,
    "registry.taxpayer": PUBLIC,
    "registry.user_taxpayer": "says for whom somebody acts, before it is known who that is",
}
"""Tables with a taxpayer's column that the pages' role may read as a whole, and why."""


@pytest.fixture
def portal(database: str) -> Iterator[psycopg.Connection[tuple[object, ...]]]:
    """A connection of the pages' role, and an upload of each taxpayer and of an officer."""
    with psycopg.connect(as_role(database, PORTAL), autocommit=True) as connection:
        yield connection


def handed_in(conn: psycopg.Connection[tuple[object, ...]], sender: Sender) -> UUID:
    number = operations.open_upload(conn, sender, NOW)
    operations.add_files(conn, sender, number, [Offered("photo.jpg", b"x")], NOW)
    return number


def test_unsaid_is_an_error_and_not_an_empty_list(portal: psycopg.Connection[tuple[object, ...]]) -> None:
    handed_in(portal, FIRST)
    for table in ("upload", "upload_file"):
        with pytest.raises(psycopg.Error, match=r"tallystick\.|invalid input syntax"):
            portal.execute(sql.SQL("SELECT * FROM media.{}").format(sql.Identifier(table)))


def test_a_page_that_forgets_to_ask_gets_its_own_rows_only(portal: psycopg.Connection[tuple[object, ...]]) -> None:
    mine, theirs = handed_in(portal, FIRST), handed_in(portal, SECOND)
    with store.acting(portal, FIRST):
        for table in ("upload", "upload_file"):
            query = sql.SQL("SELECT upload_id FROM media.{}").format(sql.Identifier(table))
            assert portal.execute(query).fetchall() == [(mine,)]
        assert portal.execute("UPDATE media.upload SET files = 7 WHERE upload_id = %s", [theirs]).rowcount == 0
        assert portal.execute("UPDATE media.upload_file SET code = 'x' WHERE upload_id = %s", [theirs]).rowcount == 0
    assert queries.files(portal, FIRST, theirs, everything=True) == []


def test_nobody_writes_into_anothers_upload(portal: psycopg.Connection[tuple[object, ...]]) -> None:
    theirs = handed_in(portal, SECOND)
    row = store.NewFile(position=9, name="x", kind=FileKind.FOREIGN, code="TS-4008")
    with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(portal, FIRST):
        store.add_files(portal, theirs, [row], NOW)
    with pytest.raises(psycopg.errors.InsufficientPrivilege), store.acting(portal, FIRST):
        store.add_upload(portal, UUID(int=1), SECOND, NOW)


def test_what_was_accepted_is_seen_for_ones_own_taxpayer(
    database: str, portal: psycopg.Connection[tuple[object, ...]]
) -> None:
    number = operations.open_upload(portal, OFFICER, NOW)
    done = store.NewFile(position=1, name="a.json", kind=FileKind.PACKAGE, tin="100000001", file_hash=HASH, status=4)
    with store.acting(portal, OFFICER):
        store.add_files(portal, number, [done], NOW)
    for sender, seen in ((FIRST, 1), (SECOND, 0), (OFFICER, 1), (attrs.evolve(FIRST, acts_for=()), 0)):
        with store.acting(portal, sender):
            assert len(store.accepted_before(portal, [HASH])) == seen, sender
    with psycopg.connect(as_role(database, INTAKE)) as worker:
        assert worker.execute("SELECT count(*) FROM media.upload_file").fetchone() == (1,), "works for all"


def test_every_table_of_a_taxpayer_is_isolated_or_named(database: str) -> None:
    """A new table with a taxpayer's column must have row security, or a reason in the list above."""
    with psycopg.connect(database) as connection:
        found = connection.execute(
            """SELECT DISTINCT format('%%s.%%s', nspname, relname), relrowsecurity AND relforcerowsecurity
               FROM pg_attribute JOIN pg_class ON attrelid = pg_class.oid
                    JOIN pg_namespace ON relnamespace = pg_namespace.oid
               WHERE attname = ANY(%s) AND relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition
                 AND has_table_privilege(%s, pg_class.oid, 'SELECT') AND nspname !~ '^pg_|^information_schema$'""",
            [list(TAXPAYER_COLUMNS), PORTAL],
        ).fetchall()
    tables = {str(name): bool(isolated) for name, isolated in found}
    isolated_tables = {"media.upload", "media.upload_file", "taxservice.item", "taxservice.receipt"}
    assert {name for name, isolated in tables.items() if isolated} == isolated_tables
    assert {name for name, isolated in tables.items() if not isolated} == set(OPEN)
