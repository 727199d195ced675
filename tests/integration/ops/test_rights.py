"""What a working role may not do although its room can: decide for two persons, or make what persons make."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import psycopg
import pytest

from tallystick.authority.oversight.approvals import operations as approvals
from tallystick.authority.oversight.approvals.values import PORTAL as PAGES
from tallystick.authority.oversight.approvals.values import Person
from tallystick.authority.reference.production import batches
from tallystick.authority.reference.registry.operations import register_taxpayer
from tallystick.authority.reference.registry.values import Taxpayer
from tallystick.kernel.fixed_point import Money
from tallystick.kernel.identifiers import Tin
from tallystick.ops.schema.roles import INTAKE, PORTAL, as_role

NOW = datetime.now(UTC)
ORDER = b"tin,business_name,location_name,address,district,city\n100000001,Grocers,Store,1 Street,North,Town\n"
ANN, BOB = Person("ann", PAGES), Person("bob", PAGES)
BUILD = "ab" * 32


@pytest.fixture
def asked(database: str) -> str:
    """A batch that waits for its second person, and two builds: one submitted, one certified."""
    with psycopg.connect(database) as owner:
        register_taxpayer(owner, Taxpayer(Tin("100000001"), "Grocers"))
        owner.execute(
            """INSERT INTO builds.maker VALUES ('acme', 'Acme', 'k', NULL, true, now());
               INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
               SELECT repeat(x, 32), 'acme', x, '1', 'esdc', 'm', now() FROM unnest(ARRAY['ab', 'cd']) AS x;
               UPDATE builds.build SET state = 'certified' WHERE product = 'cd'"""
        )
    with psycopg.connect(as_role(database, PORTAL)) as pages:
        batches.ask_to_open(
            pages,
            ORDER,
            profile="virtual",
            blanks=2,
            years=4,
            usual_limit=Money.of(1),
            reason="the order of the north",
            by=ANN,
            at=NOW,
        )
    return database


OPENS = "UPDATE production.batch SET state = 'open', opened_by = 'bob', opened_at = now()"


REFUSED = (psycopg.errors.InsufficientPrivilege, psycopg.errors.CheckViolation)
NOT_FOR_A_PROCESS = (
    OPENS,
    "UPDATE production.batch SET state = 'refused'",
    "UPDATE production.batch SET batch_id = DEFAULT",
    "UPDATE production.batch SET blanks = 900",
    """INSERT INTO production.batch (profile, order_hash, ordered, blanks, years, asked_by, asked_at)
       VALUES ('virtual', sha256('x'), 1, 1, 4, 'ann', now())""",
    """INSERT INTO production.order_line
       SELECT batch_id, 9, tin, 'x', 'x', 'x', 'x', 'x', '', '', 1, 'card' FROM production.order_line""",
    """INSERT INTO production.module (batch_id, line, slot, state, number, taken_at, changed_at)
       VALUES (1, 1, 1, 'stock', 'AAAA1111', now(), now())""",
    """INSERT INTO production.print_job (batch_id, kind, modules, made_by, made_at)
       VALUES (1, 'visual', '{1}', 'x', now())""",
    "UPDATE builds.build SET state = 'certified' WHERE product = 'ab'",
    "UPDATE builds.build SET state = 'refused' WHERE product = 'ab'",
    "UPDATE builds.build SET state = 'suspended' WHERE product = 'cd'",
    "UPDATE builds.build SET state = 'revoked' WHERE product = 'cd'",
    """INSERT INTO builds.build (build_id, maker, product, version, class, manifest, submitted_at)
       VALUES (repeat('ef', 32), 'acme', 'x', '1', 'esdc', 'm', now())""",
    "INSERT INTO builds.maker VALUES ('mine', 'Mine', 'k2', NULL, true, now())",
    "UPDATE builds.maker SET release_key = 'mine'",
)
NOT_FOR_THE_PAGES_ALONE = (
    OPENS,
    "UPDATE production.batch SET state = 'closed'",
    """INSERT INTO production.batch (profile, order_hash, ordered, blanks, years, asked_by, asked_at, state,
           opened_by, opened_at) VALUES ('virtual', sha256('x'), 1, 1, 4, 'ann', now(), 'open', 'bob', now())""",
    "UPDATE production.batch SET request_id = NULL",
    "UPDATE production.batch SET asked_by = 'bob'",
    "UPDATE builds.build SET state = 'revoked' WHERE product = 'cd'",
    """INSERT INTO builds.build (build_id, maker, product, version, class, manifest, state, submitted_at)
       VALUES (repeat('ef', 32), 'acme', 'x', '1', 'esdc', 'm', 'certified', now())""",
)


def test_a_process_that_takes_documents_in_decides_nothing_for_persons(asked: str) -> None:
    with psycopg.connect(as_role(asked, INTAKE)) as worker:
        worker.execute("SELECT 1 FROM production.batch FOR UPDATE")  # what a station needs, it has
        for statement in NOT_FOR_A_PROCESS:
            with pytest.raises(REFUSED), worker.transaction():
                worker.execute(statement.encode())


def test_the_pages_cannot_do_alone_what_two_persons_do(asked: str) -> None:
    with psycopg.connect(as_role(asked, PORTAL)) as pages:
        for statement in NOT_FOR_THE_PAGES_ALONE:
            with pytest.raises(REFUSED), pages.transaction():
                pages.execute(statement.encode())


APPROVED_OVERRIDE = """INSERT INTO audit.override (uid, request_id, proven_counter, total_counter, excused, presumed,
    reason, asked_by, asked_from, asked_at, expires_at, state, decided_by, decided_from, decided_at)
    VALUES ('ABCD1234', 1, 0, 1, '{1}', 0, 'nobody agreed to it', 'ann', 'portal', now(), now() + interval '1 hour',
    'approved', 'bob', 'portal', now())"""


def test_no_override_begins_as_an_approved_one(database: str) -> None:
    """The pages' role has no right to say so, and the table takes it from nobody."""
    with psycopg.connect(as_role(database, PORTAL)) as pages, pytest.raises(psycopg.errors.InsufficientPrivilege):
        pages.execute(APPROVED_OVERRIDE)
    with psycopg.connect(database) as owner, pytest.raises(psycopg.errors.CheckViolation, match="begins undecided"):
        owner.execute(APPROVED_OVERRIDE)


def test_the_way_of_two_persons_is_open(asked: str) -> None:
    """With their word the batch opens, and the worker revokes the build."""
    with psycopg.connect(as_role(asked, PORTAL)) as pages:
        assert batches.approve(pages, 1, BOB, NOW).opened_by == "bob"
        number = approvals.ask(pages, "builds.revoke", "cd" * 32, {}, "it drops sales of the day", ANN, NOW)
        approvals.approve(pages, number, BOB, NOW)
    with psycopg.connect(as_role(asked, INTAKE)) as worker:
        approvals.take(worker, number, "builds.revoke", NOW)
        worker.execute("UPDATE builds.build SET state = 'revoked' WHERE product = 'cd'")


def test_another_request_opens_no_batch(asked: str) -> None:
    """Not one of another batch, and not one that somebody else agreed to."""
    with psycopg.connect(as_role(asked, PORTAL)) as pages:
        approvals.approve(pages, 1, BOB, NOW)
        approvals.take(pages, 1, batches.OPEN_DEED, NOW)
        with pytest.raises(psycopg.errors.CheckViolation), pages.transaction():
            pages.execute(OPENS.replace("bob", "carl").encode())
        pages.execute(OPENS.encode())


def test_an_override_of_one_person_under_two_names_is_refused_by_the_table(database: str) -> None:
    with psycopg.connect(database) as owner:
        request: Any = owner.execute("SET session_replication_role = replica").execute(
            """INSERT INTO audit.override (uid, request_id, proven_counter, total_counter, excused, presumed, reason,
                   asked_by, asked_from, asked_at, expires_at)
               VALUES ('ABCD1234', 1, 0, 1, '{1}', 0, 'the shop has burnt down', 'ann', 'portal', now(),
                   now() + interval '1 hour') RETURNING override_id"""
        )
        (number,) = request.fetchone()
        with pytest.raises(psycopg.errors.CheckViolation):
            owner.execute(
                """UPDATE audit.override SET state = 'approved', decided_by = 'bob', decided_from = 'shell:ann',
                       decided_at = now() WHERE override_id = %s""",
                [number],
            )
